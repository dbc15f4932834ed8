import { createHash } from "node:crypto";
import { lstat, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { shown, WhyboxError } from "@whybox/core";
import { systemErrorCode } from "../io/system-error.js";
import { digestOf } from "../runs/success.js";
import { stopIfAborted } from "../stop-if-aborted.js";
import { count } from "../words.js";
import { type Evidence, evidenceFiles, type Review, reviewSchema } from "./schema.js";
import { maxSumsBytes, readSums } from "./sums.js";
import { contentProblems } from "./verify-content.js";

/** What is wrong with a bundle: the file, and why in words. */
export interface Problem {
  readonly kind: "sums" | "changed" | "missing" | "extra" | "link" | "content" | "review";
  readonly file: string;
  readonly message: string;
}

export interface Verification {
  readonly passed: boolean;
  readonly problems: readonly Problem[];
  /** SHA-256 of SHA256SUMS. */
  readonly digest: string;
  /** Number of files whose digests are right. */
  readonly files: number;
  /** Undefined when evidence.json cannot be read. */
  readonly evidence: Evidence | undefined;
  /** Undefined without a valid review. */
  readonly review: Review | undefined;
}

/** Most files and folders of a bundle. */
const MAX_ENTRIES = 1_000_000;
/** Depth of folders. Whybox writes two: files/0000/12-dog.npy. */
const MAX_DEPTH = 4;
/** Most problems of a kind that are reported. */
const MAX_OF_KIND = 50;
const MAX_REVIEW_BYTES = 2 ** 20;

export interface VerifyOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: (done: number, total: number) => void;
}

/**
 * Verifies a bundle: every digest, missing and extra files, links, the form of its documents, and whether they agree. It reads only files in the
 * folder, and follows no link.
 * @throws bad-input if the folder is no bundle; limit; aborted.
 */
export async function verifyBundle(folder: string, options: VerifyOptions = {}): Promise<Verification> {
  const bytes = await readSumsFile(folder);
  const digest = createHash("sha256").update(bytes).digest("hex");
  const problems = new Problems();
  const { sums, problems: lines } = readSums(bytes.toString());
  for (const line of lines) problems.add("sums", evidenceFiles.sums, line);
  const found = await entriesOf(folder, problems, options.signal);
  const right = await compareDigests(folder, { sums, found }, problems, options);
  // What is read next has the right digest.
  const content = await contentProblems({ folder, right, listed: new Set(sums.keys()), signal: options.signal });
  for (const { file, message } of content.problems) problems.add("content", file, message);
  const review = found.has(evidenceFiles.review) ? await readReview(folder, digest, problems) : undefined;
  const list = problems.list();
  return { passed: list.length === 0, problems: list, digest, files: right.size, evidence: content.evidence, review };
}

/** The problems so far: a bounded number of each kind. */
class Problems {
  readonly #all: Problem[] = [];
  readonly #counts = new Map<Problem["kind"], number>();

  add(kind: Problem["kind"], file: string, message: string): void {
    const number = (this.#counts.get(kind) ?? 0) + 1;
    this.#counts.set(kind, number);
    if (number <= MAX_OF_KIND) this.#all.push({ kind, file, message: `${shown(file, 200)}: ${message}` });
  }

  list(): readonly Problem[] {
    const more = [...this.#counts].flatMap(([kind, number]): Problem[] =>
      number <= MAX_OF_KIND
        ? []
        : [{ kind, file: "", message: `… and ${count(number - MAX_OF_KIND, "more problem")} of the kind "${kind}".` }],
    );
    return [...this.#all, ...more];
  }
}

async function readSumsFile(folder: string): Promise<Buffer> {
  const path = join(folder, evidenceFiles.sums);
  try {
    const entry = await lstat(path);
    if (!entry.isFile())
      throw new WhyboxError("bad-input", `${path} is no regular file. Expected a bundle of whybox evidence.`);
    if (entry.size > maxSumsBytes)
      throw new WhyboxError("limit", `${path} has ${entry.size} bytes; at most ${maxSumsBytes} are read.`);
    return await readFile(path);
  } catch (cause) {
    if (cause instanceof WhyboxError) throw cause;
    const why = systemErrorCode(cause) === "ENOENT" ? `it has no ${evidenceFiles.sums}` : systemErrorCode(cause);
    const message = `${folder} is not an evidence bundle: ${why}. Expected a folder written by whybox evidence RUN --out.`;
    throw new WhyboxError("bad-input", message, { details: { folder }, cause });
  }
}

/** The regular files below a folder, by their paths with slashes. Links and other entries are problems. */
async function entriesOf(folder: string, problems: Problems, signal: AbortSignal | undefined): Promise<Set<string>> {
  const files = new Set<string>();
  let entries = 0;
  const walk = async (prefix: string, depth: number): Promise<void> => {
    stopIfAborted(signal);
    for (const entry of await readdir(join(folder, prefix), { withFileTypes: true })) {
      const name = `${prefix}${entry.name}`;
      if (++entries > MAX_ENTRIES)
        throw new WhyboxError("limit", `${folder} has more than ${MAX_ENTRIES} files. Whybox writes no such bundle.`);
      if (entry.isFile()) files.add(name);
      else if (!entry.isDirectory()) problems.add("link", name, "it is a link or no regular file. A bundle has none.");
      else if (depth >= MAX_DEPTH) problems.add("extra", name, "the folder is too deep. Whybox writes no such bundle.");
      else await walk(`${name}/`, depth + 1);
    }
  };
  await walk("", 0);
  return files;
}

/** Compares the files with the sums. Returns those whose digests are right. */
async function compareDigests(
  folder: string,
  { sums, found }: { readonly sums: ReadonlyMap<string, string>; readonly found: ReadonlySet<string> },
  problems: Problems,
  { signal, onProgress }: VerifyOptions,
): Promise<Set<string>> {
  const right = new Set<string>();
  let done = 0;
  for (const [name, sha256] of sums) {
    stopIfAborted(signal);
    onProgress?.(done++, sums.size);
    if (!found.has(name)) problems.add("missing", name, "the file is missing.");
    else if ((await digestOf(join(folder, name))).sha256 === sha256) right.add(name);
    else problems.add("changed", name, `it has changed: its SHA-256 is not the one in ${evidenceFiles.sums}.`);
  }
  for (const name of found) {
    if (sums.has(name) || name === evidenceFiles.sums || name === evidenceFiles.review) continue;
    problems.add("extra", name, `the file is not in ${evidenceFiles.sums}.`);
  }
  return right;
}

async function readReview(folder: string, digest: string, problems: Problems): Promise<Review | undefined> {
  const file = evidenceFiles.review;
  const path = join(folder, file);
  if ((await lstat(path)).size > MAX_REVIEW_BYTES) {
    problems.add("review", file, `it has more than ${MAX_REVIEW_BYTES} bytes.`);
    return undefined;
  }
  let data: unknown;
  try {
    data = JSON.parse(await readFile(path, "utf8"));
  } catch {
    // the schema reports it
  }
  const read = reviewSchema.safeParse(data);
  if (!read.success) {
    problems.add("review", file, "it is no review (docs/evidence.md).");
    return undefined;
  }
  if (read.data.bundle !== digest) {
    problems.add("review", file, "it is about another bundle: its digest is not that of SHA256SUMS.");
    return undefined;
  }
  return read.data;
}
