import type { ExternalData } from "../onnx/external-data.js";
import type { Model } from "../onnx/model.js";
import { modelFormat } from "./model-format.js";
import { prepareModel, readOnnx } from "./onnx/read-onnx.js";
import { readTorch } from "./torch/read-torch.js";

/**
 * Reads a model file, ONNX or a PyTorch checkpoint, into the form that the engine uses (see `readOnnx`). `externalData` holds the files beside an
 * ONNX file that have its weights.
 * @throws bad-input, unsupported-model, limit as `readOnnx` and `readTorch` do.
 */
export function readModel(bytes: Uint8Array, externalData: ExternalData = new Map()): Model {
  return modelFormat(bytes) === "onnx" ? readOnnx(bytes, { externalData }) : prepareModel(readTorch(bytes));
}
