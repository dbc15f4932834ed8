import { mkdir, open } from "node:fs/promises";
import { dirname } from "node:path";
import { pipeline } from "node:stream/promises";
import { replaceFile } from "../io/write-file.js";

/** Number of bytes to collect before each write. */
const CHUNK = 2 ** 20;

type Parts = AsyncIterable<string | Uint8Array> | Iterable<string | Uint8Array>;

/**
 * Writes a long file part by part: a complete file, or none. It creates the folder.
 * @throws output when the file cannot be written; errors of `parts`. On failure no file remains.
 */
export async function writeParts(path: string, parts: Parts): Promise<void> {
  let failed: { readonly cause: unknown } | undefined;
  const noted = async function* () {
    try {
      yield* parts;
    } catch (cause) {
      failed = { cause };
      throw cause;
    }
  };
  await replaceFile(path, async (temporary) => {
    await mkdir(dirname(path), { recursive: true });
    // The file is open before the first part, so that none appears after a part has failed at once.
    const file = await open(temporary, "wx");
    await pipeline(noted(), file.createWriteStream({ flush: true, highWaterMark: CHUNK }));
  }).catch((error: unknown) => Promise.reject(failed === undefined ? error : failed.cause));
}
