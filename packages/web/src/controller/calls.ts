import type { Answer, Failure } from "../protocol.js";

/** A failure of the engine, thrown. */
export class EngineFailure extends Error {
  readonly failure: Failure;
  constructor(failure: Failure) {
    super(failure.message);
    this.failure = failure;
  }
}

/** What went wrong, as data. */
export function failureOf(error: unknown): Failure {
  if (error instanceof EngineFailure) return error.failure;
  return { code: "internal", message: error instanceof Error ? error.message : String(error) };
}

/** What the engine answered. @throws EngineFailure */
export function answered<T>(answer: Answer<T>): T {
  if (!answer.ok) throw new EngineFailure(answer.failure);
  return answer.value;
}

export function isAborted(error: unknown): boolean {
  return error instanceof EngineFailure && error.failure.code === "aborted";
}

/**
 * Work of which only the newest run counts: starting another cancels the one before, whose later steps then throw "aborted".
 */
export class Task {
  readonly #cancel: (job: number) => void;
  #run = 0;
  #jobs: number[] = [];

  constructor(cancel: (job: number) => void) {
    this.#cancel = cancel;
  }

  /** Ends what runs. */
  stop(): void {
    this.#run++;
    for (const job of this.#jobs) this.#cancel(job);
    this.#jobs = [];
  }

  /** Starts anew. The steps of this run go through the function that `body` gets. */
  async start(body: (step: Step) => Promise<void>, failed: (error: unknown) => void): Promise<void> {
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
      await body(step);
    } catch (error) {
      if (run === this.#run && !isAborted(error)) failed(error);
    }
  }

  #check(run: number): void {
    if (run !== this.#run) throw new EngineFailure({ code: "aborted", message: "Something newer was asked for." });
  }
}

/** One call of the engine under a job's number. */
export type Step = <T>(call: (job: number) => Promise<Answer<T>>) => Promise<T>;

let jobs = 0;

/** Numbers only tell jobs apart, so one row of them serves all. */
export function nextJob(): number {
  return ++jobs;
}
