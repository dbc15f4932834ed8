import { dirname } from "node:path";
import { performance } from "node:perf_hooks";
import { type CoreDetector, type ExplainResult, type RgbImage, WhyboxError } from "@whybox/core";
import { concernsAll } from "../images/explain-images.js";
import type { Services } from "../images/services.js";
import type { TimingLine } from "./schema.js";
import type { Outcome, WorkerSetup } from "./task.js";

/** What tasks of all kinds need. */
export interface TaskContext {
  readonly detector: CoreDetector;
  readonly services: Services;
  readonly setup: WorkerSetup;
  /** Runs one explanation after the other, while others decode and write. */
  alone<T>(work: () => Promise<T>): Promise<T>;
}

export function perDetection({ setup }: TaskContext): boolean {
  return setup.settings.explain.per === "detection";
}

export async function explain(
  image: RgbImage,
  { alone, detector, setup }: TaskContext,
  clock: Clock,
): Promise<ExplainResult> {
  return alone(() => clock.of("explain", detector.explain(image, setup.settings.explain)));
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
  const { found, reason, concerns } = known?.details ?? {};
  return {
    ok: false,
    code: known?.code ?? "internal",
    message: message.replaceAll(dirname(setup.model), "…"),
    reason: [found, reason].find((one) => typeof one === "string"),
    endsTheRun: known !== undefined && concernsAll.has(known.code) && concerns !== "file",
  };
}

export interface Clock {
  readonly ms: TimingLine["ms"];
  of<T>(stage: keyof Clock["ms"], work: Promise<T> | (() => Promise<T>)): Promise<T>;
}

export function createClock(): Clock {
  const ms = { decode: 0, explain: 0, measure: 0, write: 0 };
  return {
    ms,
    of: async (stage, work) => {
      const started = performance.now();
      const value = await (typeof work === "function" ? work() : work);
      ms[stage] += Math.round((performance.now() - started) * 1e3) / 1e3;
      return value;
    },
  };
}
