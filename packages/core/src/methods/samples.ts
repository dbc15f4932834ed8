import { WhyboxError } from "../errors.js";

/**
 * The number of samples: the given number, or the method's default.
 * @throws usage when the given number is not a whole number of 1 or more.
 */
export function sampleCount(asked: number | undefined, own: number): number {
  if (asked === undefined) return own;
  if (Number.isInteger(asked) && asked >= 1) return asked;
  throw new WhyboxError("usage", `${asked} samples were asked for; give a whole number of 1 or more.`, {
    details: { samples: asked },
  });
}
