import type { Evidence } from "../methods/method.js";
import type { ResolvedDetectOptions, ResolvedExplainOptions } from "./resolve-options.js";

/** Confidence below which so many rows become candidates that computing their classes one by one would cost more than all at once. */
const LEAST_CONFIDENCE = 0.05;

/** Evidence that is made from the layers and the rows that carry a score, and from no other rows. */
const LOCAL: ReadonlySet<keyof Evidence> = new Set(["activations", "gradients", "gradientMeans", "places"]);

/** Whether the classes of some hundred rows are all that a detection reads. */
export function detectsFewRows({ confidence }: ResolvedDetectOptions): boolean {
  return confidence >= LEAST_CONFIDENCE;
}

/** Whether the classes of some hundred rows are all that an explanation reads. */
export function explainsFewRows(options: ResolvedExplainOptions): boolean {
  const { method, scores, eigenSmooth } = options;
  return (
    detectsFewRows(options) &&
    !eigenSmooth &&
    method.needs.every((need) => LOCAL.has(need)) &&
    scores.every((score) => score.readsAllRows !== true && score.readsMask !== true)
  );
}
