import { WhyboxError } from "../../src/errors.js";

/** The error of a call that must throw one of Whybox. */
export function errorOf(call: () => unknown): WhyboxError {
  try {
    call();
  } catch (error) {
    if (error instanceof WhyboxError) return error;
    throw error;
  }
  throw new Error("Nothing was thrown.");
}
