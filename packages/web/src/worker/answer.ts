import { WhyboxError } from "@whybox/core";
import type { Answer } from "../protocol.js";
import { WeightsAbsent } from "./weights.js";

/** What `body` gives, or its error as data: a WhyboxError's code would not survive the way between threads. */
export async function answerOf<T>(body: () => Promise<T>): Promise<Answer<T>> {
  try {
    return { ok: true, value: await body() };
  } catch (error) {
    if (error instanceof WhyboxError) {
      const { code, message } = error;
      // The runtime's memory is most of it.
      return { ok: false, failure: { code: code === "runtime" && isOutOfMemory(message) ? "memory" : code, message } };
    }
    if (error instanceof WeightsAbsent) return { ok: false, failure: { code: "absent", message: "" } };
    const message = error instanceof Error ? error.message : String(error);
    return { ok: false, failure: { code: isOutOfMemory(message) ? "memory" : "internal", message } };
  }
}

/** The words of browsers and of the runtime when memory runs out. */
export function isOutOfMemory(message: string): boolean {
  return /out of memory|\bOOM\b|allocation failed|failed to allocate|bad_alloc|enlarge memory|invalid array (buffer )?length/i.test(
    message,
  );
}
