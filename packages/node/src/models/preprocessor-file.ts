import { readFile, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { MAX_PREPROCESSOR_BYTES, preprocessorIn, refusePreprocessor } from "@whybox/core";

const NAME = "preprocessor_config.json";

/**
 * Reads the `preprocessor_config.json` of a model: the one in its folder, or in the folder above one named "onnx", as repositories of Hugging
 * Face have it. Returns undefined when there is none.
 * @throws bad-input when the file is too large or is not JSON.
 */
export async function preprocessorBeside(model: string): Promise<unknown> {
  const folder = dirname(model);
  const folders = basename(folder) === "onnx" ? [folder, dirname(folder)] : [folder];
  for (const path of folders.map((one) => join(one, NAME))) {
    const entry = await stat(path).catch(() => undefined);
    if (entry?.isFile() !== true) continue;
    if (entry.size > MAX_PREPROCESSOR_BYTES) {
      throw refusePreprocessor(path, `it has ${entry.size} bytes, and the maximum is ${MAX_PREPROCESSOR_BYTES}`);
    }
    const text = await readFile(path, "utf8").catch((cause: Error) => {
      throw refusePreprocessor(path, cause.message);
    });
    return preprocessorIn({ name: path, text });
  }
  return undefined;
}
