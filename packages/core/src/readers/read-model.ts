import type { Model } from "../onnx/model.js";
import { modelFormat } from "./model-format.js";
import { prepareModel, readOnnx } from "./onnx/read-onnx.js";
import { readTorch } from "./torch/read-torch.js";

/**
 * Reads a model file, ONNX or a PyTorch checkpoint, into the form that the engine uses (see `readOnnx`).
 * @throws bad-input, unsupported-model, limit as `readOnnx` and `readTorch` do.
 */
export function readModel(bytes: Uint8Array): Model {
  return modelFormat(bytes) === "onnx" ? readOnnx(bytes) : prepareModel(readTorch(bytes));
}
