/** The progress of an explanation, in runs of the network or of a part of it. */
export interface ExplainProgress {
  /** Never decreases. Equals `total` at the end. */
  readonly done: number;
  /** Does not change during a call. */
  readonly total: number;
}

/**
 * Counts the runs of one explanation and reports them. The steps of an explanation run one after another. Each gets its share of the total, and
 * cannot count beyond it. What a step leaves of its share is done when it ends: runs that were not necessary.
 */
export class Progress {
  readonly #report: ((progress: ExplainProgress) => void) | undefined;
  #done = 0;
  #total = 0;
  /** The end of the current share. */
  #end = 0;

  constructor(report?: (progress: ExplainProgress) => void) {
    this.#report = report;
  }

  /** Sets the total and reports the start. Without runs nothing is reported. */
  start(total: number): void {
    this.#total = total;
    this.#end = total;
    if (total > 0) this.#say();
  }

  /** Counts runs that are done. */
  step(count = 1): void {
    this.#moveTo(Math.min(this.#done + count, this.#end));
  }

  /** Runs a step of the explanation whose share is `count` runs. */
  async share<T>(count: number, work: () => Promise<T>): Promise<T> {
    const outer = this.#end;
    this.#end = Math.min(this.#done + count, outer);
    try {
      const result = await work();
      this.#moveTo(this.#end);
      return result;
    } finally {
      this.#end = outer;
    }
  }

  #moveTo(done: number): void {
    if (done <= this.#done) return;
    this.#done = done;
    this.#say();
  }

  #say(): void {
    this.#report?.({ done: this.#done, total: this.#total });
  }
}
