import { torchContainer } from "./torch/container.js";

/** Formats of model files that can be explained. */
export type ModelFormat = "onnx" | "torch";

/** The format of a model file, determined by its first bytes. ONNX files have no signature: a file of no other format is treated as ONNX. */
export function modelFormat(bytes: Uint8Array): ModelFormat {
  return torchContainer(bytes) === undefined ? "onnx" : "torch";
}
