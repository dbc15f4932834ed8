import type { ExplainProgress } from "@whybox/core";
import { failureOf } from "./calls.js";
import type { Compared, ShownMap } from "./state.js";

/** The methods of a comparison before they run. */
export function waiting(methods: readonly string[]): readonly Compared[] {
  return methods.map((method) => ({ method, map: undefined, progress: undefined, failure: undefined }));
}

/** Runs one method after another. If one fails, the next still runs. @throws when it is cancelled. */
export async function compareInTurn(
  methods: readonly string[],
  make: (method: string, onProgress: (progress: ExplainProgress) => void) => Promise<ShownMap>,
  put: (index: number, patch: Partial<Compared>) => void,
): Promise<void> {
  for (const [i, method] of methods.entries()) {
    try {
      put(i, { map: await make(method, (progress) => put(i, { progress })) });
    } catch (error) {
      const failure = failureOf(error);
      if (failure.code === "aborted") throw error;
      put(i, { failure });
    }
  }
}
