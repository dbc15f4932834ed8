import { type DecodeModelOptions, decodeModel } from "../../onnx/decode.js";
import { castHalfInputs } from "../../onnx/half-inputs.js";
import type { Model } from "../../onnx/model.js";
import { normalise } from "../../onnx/normalise.js";
import { validateModel } from "../../onnx/validate.js";

/**
 * Reads an ONNX file into the form that the engine uses: validated, nodes in computation order, converted to one opset,
 * float32 inputs and outputs. Initializers are views into `bytes`: do not change the array afterwards.
 *
 * @throws bad-input when the file is broken or not an ONNX file.
 * @throws unsupported-model when the file is valid but not supported (another opset, weights in other files).
 * @throws limit when the file is larger or nested deeper than the limits.
 */
export function readOnnx(bytes: Uint8Array, options: DecodeModelOptions = {}): Model {
  return prepareModel(decodeModel(bytes, options));
}

/** Validates a model that a reader made, and converts it to the form that the engine uses. */
export function prepareModel(model: Model): Model {
  return castHalfInputs(normalise(validateModel(model)));
}
