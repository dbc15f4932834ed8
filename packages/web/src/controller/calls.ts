import { WhyboxError } from "@whybox/core";

/** Why something does not work, as the page tells it. */
export interface Failure {
  /** The code of a WhyboxError, or the page's own: `memory`, `absent` (no default weights), `cancelled` and `camera`. */
  readonly code: string;
  readonly message: string;
  /** Files that the model needs and that did not come with it. */
  readonly missing?: readonly string[];
}

/** Converts an error to a failure. */
export function failureOf(error: unknown): Failure {
  if (!(error instanceof WhyboxError)) {
    return { code: "internal", message: error instanceof Error ? error.message : String(error) };
  }
  const { message, details } = error;
  const code = details.outOfMemory === true ? "memory" : details.absent === true ? "absent" : error.code;
  const missing = Array.isArray(details.externalData) ? { missing: details.externalData.map(String) } : {};
  return { code, message, ...missing };
}

/** Runs one call with the signal of its task. */
export type Step = <T>(call: (signal: AbortSignal) => Promise<T>) => Promise<T>;

/** Passes a call's result on, and looks at its error. */
export type Watch = <T>(call: Promise<T>) => Promise<T>;

/** Work of which only the latest run counts. Starting a new run aborts the previous one, whose later steps throw "aborted". */
export class Task {
  readonly #watch: Watch;
  #running = new AbortController();

  constructor(watch: Watch) {
    this.#watch = watch;
  }

  /** Cancels the current run. */
  stop(): void {
    this.#running.abort();
  }

  /**
   * Starts a new run. `body` makes its calls through `step`. `isCurrent` returns false after a newer run or `stop`: late messages of
   * the engine then have no effect.
   */
  async start(
    body: (step: Step, isCurrent: () => boolean) => Promise<void>,
    failed: (error: unknown) => void,
  ): Promise<void> {
    this.stop();
    this.#running = new AbortController();
    const { signal } = this.#running;
    const step: Step = async (call) => {
      refuseOld(signal);
      const found = await this.#watch(call(signal));
      refuseOld(signal);
      return found;
    };
    try {
      await body(step, () => !signal.aborted);
    } catch (error) {
      if (!signal.aborted && !(error instanceof WhyboxError && error.code === "aborted")) failed(error);
    }
  }
}

function refuseOld(signal: AbortSignal): void {
  if (signal.aborted) throw new WhyboxError("aborted", "A newer request replaced this one.");
}
