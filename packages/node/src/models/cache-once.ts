import { WhyboxError } from "@whybox/core";
import { explainDiskFailure } from "../io/disk-failure.js";
import { systemErrorCode } from "../io/system-error.js";
import { cachedModelPath, isCached, type Origin, storeModel } from "./cached-model.js";
import { withTemporaryFolder } from "./temporary-folder.js";

/**
 * The path of the cached model of `origin`, which is made where it is not there yet. Several processes may do so at the same
 * time; what is interrupted leaves nothing behind.
 * @param make gives the ONNX file; it may fill the folder it is given, which is removed afterwards.
 * @throws output when the cache cannot be written; what `make` throws.
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
    // Failures of the network are told as such already.
    throw cause instanceof Error && "syscall" in cause ? cacheError(cacheDir, cause) : cause;
  }
  return path;
}

function cacheError(cacheDir: string, cause: unknown): WhyboxError {
  const advice = explainDiskFailure(cause, "choose another folder with the variable WHYBOX_CACHE");
  return new WhyboxError("output", `Weights cannot be stored in the cache folder "${cacheDir}": ${advice}`, {
    details: { cacheDir, reason: systemErrorCode(cause) },
    cause,
  });
}
