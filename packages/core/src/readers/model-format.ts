import { torchContainer } from "./torch/container.js";

/** Formats of model files that can be explained. */
export type ModelFormat = "onnx" | "torch";

/** What a model file is, by its first bytes. ONNX files have no mark of their own: what is nothing else is taken for one. */
export function modelFormat(bytes: Uint8Array): ModelFormat {
  return torchContainer(bytes) === undefined ? "onnx" : "torch";
}
