import type { ExternalData } from "../onnx/external-data.js";
import type { Model } from "../onnx/model.js";
import { modelFormat } from "./model-format.js";
import { prepareModel, readOnnx } from "./onnx/read-onnx.js";

/** As `readModel`, but loads the checkpoint reader only when it is needed. In a browser it is a sixth of the script. */
export async function openModel(bytes: Uint8Array, externalData: ExternalData = new Map()): Promise<Model> {
  if (modelFormat(bytes) === "onnx") return readOnnx(bytes, { externalData });
  const { readTorch } = await import("./torch/read-torch.js");
  return prepareModel(readTorch(bytes));
}
