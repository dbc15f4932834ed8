import { writeError } from "../io/disk-failure.js";
import { cachedModelPath, isCached, type Origin, storeModel } from "./cached-model.js";
import { withTemporaryFolder } from "./temporary-folder.js";

/**
 * Returns the path of the cached model of `origin`. If the model is not cached, `make` creates it. Several processes may call
 * this at the same time. An interrupted call leaves no files.
 * @param make Returns the ONNX file. It may write to the folder it gets, which is removed afterwards.
 * @throws output when the cache cannot be written; the errors of `make`.
 */
export async function cacheOnce(
  cacheDir: string,
  origin: Origin,
  make: (scratch: string) => Promise<Uint8Array>,
): Promise<string> {
  const path = cachedModelPath(cacheDir, origin);
  if (await isCached(path)) return path;
  try {
    await withTemporaryFolder(cacheDir, async (folder) => {
      await storeModel(path, await make(folder), origin, folder);
    });
  } catch (cause) {
    // Network errors already have their own message.
    if (!(cause instanceof Error && "syscall" in cause)) throw cause;
    const elsewhere = "choose another folder with the variable WHYBOX_CACHE";
    const what = `Cannot store weights in the cache folder "${cacheDir}"`;
    throw writeError(what, cause, { elsewhere, details: { cacheDir } });
  }
  return path;
}
