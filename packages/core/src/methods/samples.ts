import { WhyboxError } from "../errors.js";

/**
 * How many samples to draw: the number asked for, or the method's own.
 * @throws usage when the number asked for is not a whole number of 1 or more.
 */
export function sampleCount(asked: number | undefined, own: number): number {
  if (asked === undefined) return own;
  if (Number.isInteger(asked) && asked >= 1) return asked;
  throw new WhyboxError("usage", `${asked} samples were asked for; give a whole number of 1 or more.`, {
    details: { samples: asked },
  });
}
