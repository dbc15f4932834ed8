import { isOutOfMemory, WhyboxError } from "@whybox/core";
import type { Answer } from "../protocol.js";

/** Returns the result of `body`, or its error as data. A thrown WhyboxError would lose its code between threads. */
export async function answerOf<T>(body: () => Promise<T>): Promise<Answer<T>> {
  try {
    return { ok: true, value: await body() };
  } catch (error) {
    const { code, message, details } = error instanceof WhyboxError ? error : unknownError(error);
    // Most of the memory belongs to the runtime, so its errors are checked.
    const outOfMemory = code === "runtime" && isOutOfMemory(message);
    return {
      ok: false,
      failure: { code, message, details: { ...plainDetails(details), ...(outOfMemory && { outOfMemory }) } },
    };
  }
}

function unknownError(error: unknown): Pick<WhyboxError, "code" | "message" | "details"> {
  const message = error instanceof Error ? error.message : String(error);
  return { code: isOutOfMemory(message) ? "runtime" : "internal", message, details: {} };
}

/** The details without values that cannot be sent. */
function plainDetails(details: WhyboxError["details"]): WhyboxError["details"] {
  return Object.fromEntries(Object.entries(details).filter(([, value]) => typeof value !== "function"));
}
