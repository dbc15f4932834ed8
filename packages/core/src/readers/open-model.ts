import type { Model } from "../onnx/model.js";
import { modelFormat } from "./model-format.js";
import { readOnnx } from "./onnx/read-onnx.js";
import { prepareModel } from "./prepare-model.js";

/** `readModel`, which loads the reader of checkpoints only for one: in a browser it is a sixth of the script. */
export async function openModel(bytes: Uint8Array): Promise<Model> {
  if (modelFormat(bytes) === "onnx") return readOnnx(bytes);
  const { readTorch } = await import("./torch/read-torch.js");
  return prepareModel(readTorch(bytes));
}
