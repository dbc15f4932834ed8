import { WhyboxError } from "@whybox/core";

/** Throws `aborted` if the signal has fired. */
export function stopIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new WhyboxError("aborted", "Stopped.", { cause: signal.reason });
}
