import { dirname } from "node:path";
import { type CoreDetector, WhyboxError } from "@whybox/core";
import { endsTheRun, type ImageContext } from "../images/explain-image.js";
import type { Outcome, WorkerSetup } from "./task.js";

export interface TaskContext extends ImageContext {
  readonly detector: CoreDetector;
  readonly setup: WorkerSetup;
  /** Runs explanations one by one, while other tasks decode and write. */
  alone<T>(work: () => Promise<T>): Promise<T>;
}

export function perDetection({ settings }: TaskContext): boolean {
  return settings.explain.per === "detection";
}

/** Converts an error to an outcome. @param withoutPath Removes paths of this machine from the message. */
export function failure(
  error: unknown,
  { setup }: TaskContext,
  withoutPath = (message: string) => message,
): Extract<Outcome, { ok: false }> {
  const known = error instanceof WhyboxError ? error : undefined;
  const message = withoutPath(error instanceof Error ? error.message : String(error));
  const { found, reason } = known?.details ?? {};
  return {
    ok: false,
    code: known?.code ?? "internal",
    message: message.replaceAll(dirname(setup.model), "…"),
    reason: [found, reason].find((one) => typeof one === "string"),
    endsTheRun: endsTheRun(error),
  };
}
