// Coverage by V8 itself: which blocks of the packages ran, and about how often. It needs no instrumented build, and works on every Node.
import { Session } from "node:inspector";

/** Counts that are told apart: a loop that runs twice as often is new. */
const bucketOf = (count) => (count < 4 ? count : 2 + Math.floor(Math.log2(count)));

export class Coverage {
  #session = new Session();
  #seen = new Set();

  constructor() {
    this.#session.connect();
    this.#post("Profiler.enable");
    this.#post("Profiler.startPreciseCoverage", { callCount: true, detailed: true });
  }

  /** Number of blocks and counts seen so far. */
  get size() {
    return this.#seen.size;
  }

  /** What ran since the last call: the number of blocks and counts that are new. */
  take() {
    const before = this.#seen.size;
    for (const { scriptId, url, functions } of this.#post("Profiler.takePreciseCoverage").result) {
      if (!/\/packages\/(core|node)\/dist\//.test(url)) continue;
      for (const { ranges } of functions) {
        for (const { startOffset, endOffset, count } of ranges) {
          if (count > 0) this.#seen.add(`${scriptId}:${startOffset}:${endOffset}:${bucketOf(count)}`);
        }
      }
    }
    return this.#seen.size - before;
  }

  #post(method, parameters) {
    let answer;
    // The session calls back before it returns, because it inspects its own thread.
    this.#session.post(method, parameters, (error, result) => {
      if (error !== null) throw new Error(`${method}: ${error.message}`);
      answer = result;
    });
    return answer;
  }
}
