import { castHalfInputs } from "../onnx/half-inputs.js";
import type { Model } from "../onnx/model.js";
import { normalise } from "../onnx/normalise.js";
import { validateModel } from "../onnx/validate.js";

/** A model that a reader made, checked and in the form that the engine works on. */
export function prepareModel(model: Model): Model {
  return castHalfInputs(normalise(validateModel(model)));
}
