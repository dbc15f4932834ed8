import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { WhyboxError } from "@whybox/core";
import { readJsonFile } from "../io/json-file.js";
import { type ResultLine, runFiles, runFilesVersion, type SuccessMark, successSchema } from "./schema.js";
import { textLines } from "./text-lines.js";

/** Creates the success mark of a folder with all its lines. It reads the lines once. */
export async function successOf(
  folder: string,
  range: { readonly first: number; readonly end: number },
): Promise<SuccessMark> {
  const counts = await countLines(folder);
  return {
    schemaVersion: runFilesVersion,
    first: range.first,
    end: range.end,
    failures: counts.failures,
    detections: counts.detections,
    files: {
      [runFiles.results]: await digestOf(join(folder, runFiles.results)),
      [runFiles.maps]: await digestOf(join(folder, runFiles.maps)),
    } as SuccessMark["files"],
  };
}

async function countLines(folder: string): Promise<{ readonly failures: number; readonly detections: number }> {
  let [failures, detections] = [0, 0];
  for await (const line of readResults(folder)) {
    if (line.kind === "failure") failures++;
    else detections += line.kind === "video" ? line.detections : line.detections.length;
  }
  return { failures, detections };
}

/** Yields the lines of results.jsonl. They are not validated, because Whybox wrote them. */
export async function* readResults(folder: string): AsyncGenerator<ResultLine> {
  for await (const line of textLines(createReadStream(join(folder, runFiles.results), "utf8"))) yield JSON.parse(line);
}

/**
 * Reads and checks the success mark of a folder; undefined when it does not exist.
 * @throws bad-input when it is invalid, or a file does not have the recorded size.
 */
export async function readSuccess(folder: string): Promise<SuccessMark | undefined> {
  const remedy = "is damaged. Remove it, and --resume creates it again.";
  const mark = await readJsonFile(join(folder, runFiles.success), successSchema, remedy);
  if (mark === undefined) return undefined;
  for (const [name, { bytes }] of Object.entries(mark.files)) {
    const size = await stat(join(folder, name)).then(
      ({ size }) => size,
      () => 0,
    );
    if (size === bytes) continue;
    const message = `${join(folder, name)} has ${size} bytes; ${runFiles.success} expects ${bytes}. Remove ${runFiles.success}, and --resume completes the missing items.`;
    throw new WhyboxError("bad-input", message, { details: { folder, name, size, bytes } });
  }
  return mark;
}

export async function digestOf(path: string): Promise<{ bytes: number; sha256: string }> {
  const hash = createHash("sha256");
  let bytes = 0;
  for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
    hash.update(chunk);
    bytes += chunk.length;
  }
  return { bytes, sha256: hash.digest("hex") };
}
