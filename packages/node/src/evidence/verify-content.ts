import { createReadStream } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { checkSchema } from "../check/check-schema.js";
import { measurementLineSchema, measurementSummarySchema } from "../runs/sample/schema.js";
import { mapLineSchema, type ResultLine, resultLineSchema } from "../runs/schema.js";
import { digestOf } from "../runs/success.js";
import { textLines } from "../runs/text-lines.js";
import { stopIfAborted } from "../stop-if-aborted.js";
import { rawMapsOf } from "./copy-run.js";
import { type Evidence, evidenceFiles, evidenceSchema } from "./schema.js";

/** Most bytes of a document, and characters of a line. */
const MAX_DOCUMENT = 256 * 2 ** 20;
const MAX_LINE = 64 * 2 ** 20;

interface ContentProblem {
  readonly file: string;
  readonly message: string;
}

interface BundleFiles {
  readonly folder: string;
  /** The files whose digests are right. Others are not read. */
  readonly right: ReadonlySet<string>;
  /** The files in SHA256SUMS. */
  readonly listed: ReadonlySet<string>;
  readonly signal: AbortSignal | undefined;
}

/** Checks that the documents of a bundle have their form and agree: counts, the digest of the model, the names of files. */
export async function contentProblems(
  files: BundleFiles,
): Promise<{ readonly evidence: Evidence | undefined; readonly problems: readonly ContentProblem[] }> {
  const content = new Content(files);
  const evidence = await content.document(evidenceFiles.document, evidenceSchema);
  if (evidence === undefined) return { evidence, problems: content.problems };
  await checkContents(content, evidence);
  await checkResults(content, evidence);
  await checkMeasurements(content, evidence);
  await checkChecks(content, evidence);
  await checkImages(content, evidence);
  return { evidence, problems: content.problems };
}

class Content {
  readonly problems: ContentProblem[] = [];
  readonly folder: string;
  readonly right: ReadonlySet<string>;
  readonly listed: ReadonlySet<string>;
  readonly #signal: AbortSignal | undefined;

  constructor({ folder, right, listed, signal }: BundleFiles) {
    this.folder = folder;
    this.right = right;
    this.listed = listed;
    this.#signal = signal;
  }

  expect(file: string, what: string, found: unknown, expected: unknown): void {
    if (found !== expected) this.complain(file, `${what} is ${found}, and ${evidenceFiles.document} says ${expected}.`);
  }

  complain(file: string, message: string): void {
    this.problems.push({ file, message });
  }

  /** Reads a JSON document; undefined if it cannot be read. A file that is missing or has changed is reported elsewhere. */
  async document<T>(name: string, schema: z.ZodType<T>): Promise<T | undefined> {
    if (!this.right.has(name)) return undefined;
    const path = join(this.folder, name);
    let data: unknown;
    try {
      if ((await stat(path)).size <= MAX_DOCUMENT) data = JSON.parse(await readFile(path, "utf8"));
    } catch {
      // the schema reports it
    }
    const read = schema.safeParse(data);
    if (read.success) return read.data;
    this.complain(name, `it is not of its schema: ${z.prettifyError(read.error).split("\n").slice(0, 2).join("")}.`);
    return undefined;
  }

  /** Reads the lines of a file, up to the first that cannot be read. */
  async *lines<T>(name: string, schema: z.ZodType<T>): AsyncGenerator<T> {
    if (!this.right.has(name)) return;
    let number = 0;
    try {
      for await (const line of textLines(createReadStream(join(this.folder, name)), MAX_LINE)) {
        number++;
        stopIfAborted(this.#signal);
        yield schema.parse(JSON.parse(line));
      }
    } catch (error) {
      stopIfAborted(this.#signal);
      if (!(error instanceof z.ZodError || error instanceof SyntaxError || error instanceof RangeError)) throw error;
      this.complain(name, `line ${number} is not of its schema.`);
    }
  }
}

async function checkContents(content: Content, { contents }: Evidence): Promise<void> {
  const names = [...content.listed].filter((name) => name !== evidenceFiles.document);
  content.expect(evidenceFiles.sums, "the number of files", names.length, contents.files);
  if (content.right.size < content.listed.size) return;
  let bytes = 0;
  for (const name of names) bytes += (await stat(join(content.folder, name))).size;
  content.expect(evidenceFiles.sums, "the size of the files", bytes, contents.bytes);
}

async function checkResults(content: Content, { run, images, maps, failures }: Evidence): Promise<void> {
  const file = evidenceFiles.results;
  let [lines, failed, detections] = [0, 0, 0];
  const raw = new Set<string>();
  for await (const line of content.lines(file, resultLineSchema)) {
    const image = images[lines++];
    if (image === undefined || !isSame(line, image)) {
      content.complain(file, `line ${lines} and the list of images in ${evidenceFiles.document} differ.`);
      break;
    }
    if (line.kind === "failure") failed++;
    else detections += line.kind === "video" ? line.detections : line.detections.length;
    if (line.kind === "picture") for (const path of rawMapsOf(line)) raw.add(path);
  }
  content.expect(file, "the number of lines", lines, images.length);
  content.expect(file, "the number of items", lines, run.done);
  content.expect(file, "the number of failures", failed, run.failures);
  content.expect(file, "the number of failures", failed, failures.length);
  content.expect(file, "the number of detections", detections, run.detections);
  content.expect(file, "the number of raw maps", raw.size, maps.raw?.files ?? 0);
  const stored = new Set([...content.listed].filter((name) => name.endsWith(".npy")));
  for (const path of raw)
    if (!stored.has(path)) content.complain(path, `${file} names it, and it is not in the bundle.`);
  for (const path of stored) if (!raw.has(path)) content.complain(path, `${file} does not name it.`);
  let mapLines = 0;
  for await (const line of content.lines(evidenceFiles.maps, mapLineSchema)) {
    if (line.item !== mapLines++) content.complain(evidenceFiles.maps, `line ${mapLines} is of item ${line.item}.`);
  }
  content.expect(evidenceFiles.maps, "the number of lines", mapLines, run.done);
}

function isSame(line: ResultLine, image: Evidence["images"][number]): boolean {
  const digest = line.kind === "picture" ? line.sha256 : undefined;
  return line.item === image.item && line.source === image.source && (digest === undefined || digest === image.sha256);
}

async function checkMeasurements(content: Content, { measurements, run }: Evidence): Promise<void> {
  const { measurementSummary: summaryFile, measurements: linesFile } = evidenceFiles;
  const summary = await content.document(summaryFile, measurementSummarySchema);
  let [sampled, measured] = [0, 0];
  for await (const line of content.lines(linesFile, measurementLineSchema)) {
    sampled++;
    if (line.measured !== null) measured++;
  }
  content.expect(linesFile, "the number of lines", sampled, measurements?.sampled ?? 0);
  content.expect(linesFile, "the number of measurements", measured, measurements?.measured ?? 0);
  content.expect(summaryFile, "the number of measurements", summary?.measured ?? 0, measurements?.measured ?? 0);
  const results = run.files[evidenceFiles.results]?.sha256;
  if (summary !== undefined)
    content.expect(summaryFile, "the digest of the measured results", summary.results, results);
}

async function checkChecks(content: Content, { check, model }: Evidence): Promise<void> {
  const document = await content.document(evidenceFiles.check, checkSchema);
  if (document === undefined) {
    if (check !== null)
      content.complain(evidenceFiles.check, `${evidenceFiles.document} speaks of it, and it cannot be read.`);
    return;
  }
  content.expect(evidenceFiles.check, "the digest of the model", document.model.sha256, model.sha256);
  content.expect(evidenceFiles.check, "the verdict", document.verdict, check?.verdict);
}

async function checkImages(content: Content, { images }: Evidence): Promise<void> {
  const named = new Set<string>();
  for (const { file, sha256 } of images) {
    if (file === null) continue;
    named.add(file);
    if (!content.right.has(file)) continue; // missing or changed, or complained of below
    const found = (await digestOf(join(content.folder, file))).sha256;
    content.expect(file, "the digest of the image", found, sha256);
  }
  for (const file of named)
    if (!content.listed.has(file))
      content.complain(file, `${evidenceFiles.document} names it, and it is not in the bundle.`);
  for (const file of content.listed)
    if (file.startsWith(`${evidenceFiles.images}/`) && !named.has(file))
      content.complain(file, `${evidenceFiles.document} does not name it.`);
}
