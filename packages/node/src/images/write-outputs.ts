import { mkdir, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { stopIfAborted } from "../stop-if-aborted.js";
import type { OutputFile } from "./plan-outputs.js";
import type { Services } from "./services.js";
import type { StageClock } from "./stage-clock.js";

export interface WriteOptions {
  /** Absolute path of a folder that is there. */
  readonly folder: string;
  /** Absolute path of a folder for files that are not whole yet. Default: `folder`. */
  readonly temporary?: string;
  readonly write: Services["writeFile"];
  readonly signal: AbortSignal | undefined;
  readonly clock: StageClock<"render">;
}

/**
 * Makes and writes one file after the other, so that memory holds one of them. When one fails, those before it are removed.
 * A name may begin with a folder, which is made.
 * @returns the paths of the files.
 * @throws what making and writing throw; aborted.
 */
export async function writeOutputs(outputs: Iterable<OutputFile>, options: WriteOptions): Promise<readonly string[]> {
  const { folder, temporary, write, signal, clock } = options;
  const written: string[] = [];
  try {
    for (const { name, bytes } of outputs) {
      stopIfAborted(signal);
      const made = await clock.of("render", bytes);
      stopIfAborted(signal);
      const path = join(folder, name);
      if (dirname(name) !== ".") await mkdir(dirname(path), { recursive: true });
      await write(path, made, temporary);
      written.push(path);
    }
  } catch (error) {
    // A disk that refuses to write may refuse to remove. The first failure is the one to tell.
    await Promise.allSettled(written.map((path) => rm(path, { force: true })));
    throw error;
  }
  return written;
}
