import { castHalfInputs } from "../onnx/half-inputs.js";
import type { Model } from "../onnx/model.js";
import { normalise } from "../onnx/normalise.js";
import { validateModel } from "../onnx/validate.js";

/** Validates a model that a reader made, and converts it to the form that the engine uses. */
export function prepareModel(model: Model): Model {
  return castHalfInputs(normalise(validateModel(model)));
}
