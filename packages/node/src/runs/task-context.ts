import { dirname } from "node:path";
import { type CoreDetector, WhyboxError } from "@whybox/core";
import { endsTheRun, type ImageContext } from "../images/explain-image.js";
import type { Outcome, WorkerSetup } from "./task.js";

/** What tasks of all kinds need. */
export interface TaskContext extends ImageContext {
  readonly detector: CoreDetector;
  readonly setup: WorkerSetup;
  /** Runs one explanation after the other, while others decode and write. */
  alone<T>(work: () => Promise<T>): Promise<T>;
}

export function perDetection({ settings }: TaskContext): boolean {
  return settings.explain.per === "detection";
}

/**
 * What went wrong, as an outcome.
 * @param told makes words that do not depend on where the sources lie on this machine.
 */
export function failure(
  error: unknown,
  { setup }: TaskContext,
  told = (words: string) => words,
): Extract<Outcome, { ok: false }> {
  const known = error instanceof WhyboxError ? error : undefined;
  const message = told(error instanceof Error ? error.message : String(error));
  const { found, reason } = known?.details ?? {};
  return {
    ok: false,
    code: known?.code ?? "internal",
    message: message.replaceAll(dirname(setup.model), "…"),
    reason: [found, reason].find((one) => typeof one === "string"),
    endsTheRun: endsTheRun(error),
  };
}
