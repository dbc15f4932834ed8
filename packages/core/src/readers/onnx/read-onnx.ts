import { type DecodeModelOptions, decodeModel } from "../../onnx/decode.js";
import { type ExternalData, withExternalData } from "../../onnx/external-data.js";
import { castHalfInputs } from "../../onnx/half-inputs.js";
import type { Model } from "../../onnx/model.js";
import { normalise } from "../../onnx/normalise.js";
import { validateModel } from "../../onnx/validate.js";

/** Limits, and the other files of the model. */
export interface ReadOnnxOptions extends DecodeModelOptions {
  /** The files with values of the model's tensors. Default: none. */
  readonly externalData?: ExternalData;
}

/**
 * Reads an ONNX file into the form that the engine uses: validated, nodes in computation order, converted to one opset,
 * float32 inputs and outputs. Initializers are views into `bytes` and into the other files: do not change them afterwards.
 *
 * @throws bad-input when the file is broken or not an ONNX file, or one of its other files is missing or does not fit.
 * @throws unsupported-model when the file is valid but not supported (another opset).
 * @throws limit when the file is larger or nested deeper than the limits.
 */
export function readOnnx(bytes: Uint8Array, options: ReadOnnxOptions = {}): Model {
  return prepareModel(withExternalData(decodeModel(bytes, options), options.externalData));
}

/** Validates a model that a reader made, and converts it to the form that the engine uses. */
export function prepareModel(model: Model): Model {
  return castHalfInputs(normalise(validateModel(model)));
}
