import { extname, join } from "node:path";
import { walk } from "../images/walk.js";
import { exists } from "../io/exists.js";

/** Files of other formats that come in a folder, as Ultralytics' exports do: OpenVINO, Core ML, NCNN, TensorFlow, PaddlePaddle. */
const EXTENSIONS: ReadonlySet<string> = new Set([".xml", ".mlmodel", ".param", ".pb", ".pdmodel", ".tflite"]);
/** A model folder has few files. */
const MAX_FILES = 1000;

/**
 * The model file of another format in a folder, so that its refusal can say which format it is; undefined if there is none. Core ML's packages have
 * it two folders deeper.
 */
export async function modelInFolder(folder: string): Promise<string | undefined> {
  const paddle = join(folder, "inference.json");
  if (await exists(paddle)) return paddle;
  let files = 0;
  for await (const file of walk(folder, { depth: 3 })) {
    if (EXTENSIONS.has(extname(file).toLowerCase())) return file;
    if (++files >= MAX_FILES) return undefined;
  }
  return undefined;
}
