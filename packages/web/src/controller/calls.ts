import type { Answer, Failure } from "@whybox/browser/engine";

export class EngineFailure extends Error {
  readonly failure: Failure;
  constructor(failure: Failure) {
    super(failure.message);
    this.failure = failure;
  }
}

/** Converts an error to a failure as data. */
export function failureOf(error: unknown): Failure {
  if (error instanceof EngineFailure) return error.failure;
  return { code: "internal", message: error instanceof Error ? error.message : String(error) };
}

/** Returns the value of an answer. @throws EngineFailure for a failure. */
export function answered<T>(answer: Answer<T>): T {
  if (!answer.ok) throw new EngineFailure(answer.failure);
  return answer.value;
}

export function isAborted(error: unknown): boolean {
  return error instanceof EngineFailure && error.failure.code === "aborted";
}

/** Work of which only the latest run counts. Starting a new run cancels the previous one, whose later steps throw "aborted".
 */
export class Task {
  readonly #cancel: (job: number) => void;
  #run = 0;
  #jobs: number[] = [];

  constructor(cancel: (job: number) => void) {
    this.#cancel = cancel;
  }

  /** Cancels the current run. */
  stop(): void {
    this.#run++;
    for (const job of this.#jobs) this.#cancel(job);
    this.#jobs = [];
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
    const run = this.#run;
    const step: Step = async (call) => {
      this.#check(run);
      const job = nextJob();
      this.#jobs.push(job);
      const answer = await call(job);
      this.#check(run);
      return answered(answer);
    };
    try {
      await body(step, () => run === this.#run);
    } catch (error) {
      if (run === this.#run && !isAborted(error)) failed(error);
    }
  }

  #check(run: number): void {
    if (run !== this.#run) throw new EngineFailure({ code: "aborted", message: "A newer request replaced this one." });
  }
}

/** Runs one engine call with a new job number. */
export type Step = <T>(call: (job: number) => Promise<Answer<T>>) => Promise<T>;

let jobs = 0;

/** Returns a new job number. All callers share one counter, because numbers only identify jobs. */
export function nextJob(): number {
  return ++jobs;
}
