import type { Detection } from "../../detector/detection.js";
import { WhyboxError } from "../../errors.js";
import type { ResolvedExplainOptions } from "../options/resolve-options.js";

/**
 * The detections that an explanation is about: those that are asked for by index, or all of the given classes.
 * @throws usage for an index that no detection has.
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
      `There is no detection ${missing.join(", ")}: ${found.length} found with these options, 0 to ${found.length - 1}.`,
      { details: { detections: missing, found: found.length } },
    );
  }
  return detections.map((index) => found[index]!);
}
