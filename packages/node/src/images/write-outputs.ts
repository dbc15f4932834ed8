import { mkdir, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { folderError } from "../io/disk-failure.js";
import { stopIfAborted } from "../stop-if-aborted.js";
import type { OutputFile } from "./plan-outputs.js";
import type { Services } from "./services.js";
import type { StageClock } from "./stage-clock.js";

export interface WriteOptions {
  /** Absolute path of an existing folder. */
  readonly folder: string;
  /** Absolute path of a folder for incomplete files. Default: `folder`. */
  readonly temporary?: string;
  readonly write: Services["writeFile"];
  readonly signal: AbortSignal | undefined;
  readonly clock: StageClock<"render">;
}

/**
 * Creates and writes the files one by one, so that only one is in memory. When one fails, the files before it are removed. A name
 * may include a folder, which is created.
 * @returns The paths of the files.
 * @throws errors of creating and writing; aborted.
 */
export async function writeOutputs(
  outputs: Iterable<OutputFile> | AsyncIterable<OutputFile>,
  options: WriteOptions,
): Promise<readonly string[]> {
  const { folder, temporary, write, signal, clock } = options;
  const written: string[] = [];
  try {
    for await (const { name, bytes } of outputs) {
      stopIfAborted(signal);
      const made = await clock.of("render", bytes);
      stopIfAborted(signal);
      const path = join(folder, name);
      if (dirname(name) !== ".") await makeFolder(dirname(path));
      await write(path, made, temporary);
      written.push(path);
    }
  } catch (error) {
    // Removing may fail too. The first failure is reported.
    await Promise.allSettled(written.map((path) => rm(path, { force: true })));
    throw error;
  }
  return written;
}

/** @throws output. Like every failure of the disk, it concerns all images, and must not pass for a failure of this one. */
async function makeFolder(path: string): Promise<void> {
  await mkdir(path, { recursive: true }).catch((cause: unknown) => {
    throw folderError(path, cause);
  });
}
