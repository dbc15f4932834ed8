import { isOutOfMemory, WhyboxError } from "@whybox/core";
import type { Answer } from "../protocol.js";
import { WeightsAbsent } from "./weights.js";

/** Returns the result of `body`, or its error as data. A thrown WhyboxError would lose its code between threads. */
export async function answerOf<T>(body: () => Promise<T>): Promise<Answer<T>> {
  try {
    return { ok: true, value: await body() };
  } catch (error) {
    if (error instanceof WhyboxError) {
      const { message, details } = error;
      // Most of the memory belongs to the runtime, so its errors are checked.
      const code = error.code === "runtime" && isOutOfMemory(message) ? "memory" : error.code;
      const missing = Array.isArray(details.externalData) ? { missing: details.externalData.map(String) } : {};
      return { ok: false, failure: { code, message, details: plainDetails(details), ...missing } };
    }
    if (error instanceof WeightsAbsent) return { ok: false, failure: { code: "absent", message: "" } };
    const message = error instanceof Error ? error.message : String(error);
    return { ok: false, failure: { code: isOutOfMemory(message) ? "memory" : "internal", message } };
  }
}

/** The details without values that cannot be sent. */
function plainDetails(details: WhyboxError["details"]): WhyboxError["details"] {
  return Object.fromEntries(Object.entries(details).filter(([, value]) => typeof value !== "function"));
}
