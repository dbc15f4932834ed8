import { readFile, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { WhyboxError } from "@whybox/core";

const NAME = "preprocessor_config.json";

/** Maximum size of the file. It has about 1 kB. */
const MAX_BYTES = 256 * 1024;

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
    if (entry.size > MAX_BYTES) throw invalid(path, `it has ${entry.size} bytes, and the maximum is ${MAX_BYTES}`);
    try {
      return JSON.parse(await readFile(path, "utf8"));
    } catch (cause) {
      throw invalid(path, cause instanceof Error ? cause.message : String(cause));
    }
  }
  return undefined;
}

function invalid(path: string, why: string): WhyboxError {
  return new WhyboxError(
    "bad-input",
    `${path} cannot be read: ${why}. It says how the images of the model beside it are prepared. Correct the file, or remove it and set the input's options.`,
    { details: { path } },
  );
}
