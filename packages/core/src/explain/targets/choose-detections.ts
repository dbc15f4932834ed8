import type { Detection } from "../../detector/detection.js";
import { WhyboxError } from "../../errors.js";
import type { ResolvedExplainOptions } from "../options/resolve-options.js";

/**
 * The detections to explain: those with the given indices, or all detections of the given classes.
 * @throws usage for an index without a detection.
 */
export function chosenDetections(
  found: readonly Detection[],
  { detections }: ResolvedExplainOptions,
  classes: readonly number[],
): readonly Detection[] {
  if (found.length === 0) return [];
  if (detections === undefined) {
    return classes.length === 0 ? found : found.filter(({ classIndex }) => classes.includes(classIndex));
  }
  const missing = detections.filter((index) => index >= found.length);
  if (missing.length > 0) {
    throw new WhyboxError(
      "usage",
      `There is no detection ${missing.join(", ")}. These options find ${found.length} detections, 0 to ${found.length - 1}.`,
      { details: { detections: missing, found: found.length } },
    );
  }
  return detections.map((index) => found[index]!);
}
