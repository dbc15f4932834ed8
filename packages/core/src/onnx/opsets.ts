import { WhyboxError } from "../errors.js";
import type { Model } from "./model.js";

/** The oldest supported opset. Since opset 7, elementwise ops broadcast as they do today. */
export const OLDEST_OPSET = 7;
/** The newest opset that ONNX Runtime 1.30 supports. The table of signatures ends there too. */
export const NEWEST_OPSET = 26;
/** Older models are converted to this opset. Newer ones keep theirs: up to 26, the ops with rules only gained element types. */
export const TARGET_OPSET = 21;

/** The opset of a model. @throws unsupported-model when it is older or newer than the supported ones, or not declared. */
export function checkedOpset(model: Model): number {
  const opset = model.opsets.get("") ?? 0;
  if (Number.isInteger(opset) && opset >= OLDEST_OPSET && opset <= NEWEST_OPSET) return opset;
  const found = opset === 0 ? "no version of the ONNX operators" : `opset ${opset}`;
  throw new WhyboxError(
    "unsupported-model",
    `The model uses ${found}; opsets ${OLDEST_OPSET} to ${NEWEST_OPSET} are supported. Export it again with opset 12 to 21.`,
    { details: { opset, oldest: OLDEST_OPSET, newest: NEWEST_OPSET } },
  );
}
