import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { readJsonFile } from "../io/json-file.js";
import { damagedRun, repairRemedy } from "./damage.js";
import { readLines } from "./read-lines.js";
import {
  type ResultLine,
  resultLineSchema,
  runFiles,
  runFilesVersion,
  type SuccessMark,
  successSchema,
} from "./schema.js";

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

/** Yields the lines of results.jsonl. @throws bad-input if one is damaged. */
export function readResults(folder: string): AsyncGenerator<ResultLine> {
  return readLines({ folder, finished: true }, runFiles.results, resultLineSchema);
}

/**
 * Reads and checks the success mark of a folder; undefined when it does not exist.
 * @throws bad-input when it is invalid, or a file does not have the recorded size.
 */
export async function readSuccess(folder: string): Promise<SuccessMark | undefined> {
  const remedy = `is damaged. ${repairRemedy(folder)}`;
  const mark = await readJsonFile(join(folder, runFiles.success), successSchema, remedy);
  if (mark === undefined) return undefined;
  for (const [name, { bytes }] of Object.entries(mark.files)) {
    const size = await stat(join(folder, name)).then(
      ({ size }) => size,
      () => 0,
    );
    if (size === bytes) continue;
    throw damagedRun(join(folder, name), `it has ${size} bytes, and ${runFiles.success} expects ${bytes}`, folder);
  }
  return mark;
}

/** The name of the first file whose bytes are not those of its mark; undefined if there is none. */
export async function changedFile(folder: string, { files }: SuccessMark): Promise<string | undefined> {
  for (const [name, { sha256 }] of Object.entries(files)) {
    if ((await digestOf(join(folder, name))).sha256 !== sha256) return name;
  }
  return undefined;
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
