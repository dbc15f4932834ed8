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

/** The error of a promise that must be rejected with one of Whybox. */
export async function rejectionOf(promise: Promise<unknown>): Promise<WhyboxError> {
  const outcome = await promise.then(
    () => undefined,
    (error: unknown) => error,
  );
  return errorOf(() => {
    if (outcome !== undefined) throw outcome;
  });
}
