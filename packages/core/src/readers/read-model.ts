import { castHalfInputs } from "../onnx/half-inputs.js";
import type { Model } from "../onnx/model.js";
import { normalise } from "../onnx/normalise.js";
import { validateModel } from "../onnx/validate.js";
import { readOnnx } from "./onnx/read-onnx.js";
import { torchContainer } from "./torch/checkpoint.js";
import { readTorch } from "./torch/read-torch.js";

/** Formats of model files that can be explained. */
export type ModelFormat = "onnx" | "torch";

/** What a model file is, by its first bytes. ONNX files have no mark of their own: what is nothing else is taken for one. */
export function modelFormat(bytes: Uint8Array): ModelFormat {
  return torchContainer(bytes) === undefined ? "onnx" : "torch";
}

/**
 * Reads a model file, ONNX or a PyTorch checkpoint, into the form that the engine works on (see `readOnnx`).
 * @throws bad-input, unsupported-model, limit as `readOnnx` and `readTorch` do.
 */
export function readModel(bytes: Uint8Array): Model {
  if (modelFormat(bytes) === "onnx") return readOnnx(bytes);
  return castHalfInputs(normalise(validateModel(readTorch(bytes))));
}
