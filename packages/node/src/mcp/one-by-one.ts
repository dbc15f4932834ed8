import { WhyboxError } from "@whybox/core";
import { stopIfAborted } from "../stop-if-aborted.js";

/** Maximum number of calls that wait. */
const MAX_WAITING = 16;

/** Runs calls one after another: each uses all cores. */
export class OneByOne {
  #last: Promise<unknown> = Promise.resolve();
  #waiting = 0;

  /** @throws limit if too many calls wait; aborted if the signal fires before the call's turn. */
  async run<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    if (this.#waiting >= MAX_WAITING) {
      throw new WhyboxError("limit", `${MAX_WAITING} calls are waiting. Try again when some are done.`);
    }
    this.#waiting++;
    const turn = this.#last.then(async () => {
      this.#waiting--;
      stopIfAborted(signal);
      return work();
    });
    this.#last = turn.catch(() => undefined);
    return turn;
  }

  /** Resolves when no call runs or waits. */
  async idle(): Promise<void> {
    await this.#last;
  }
}
