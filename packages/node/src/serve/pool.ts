import { WhyboxError } from "@whybox/core";
import { stopIfAborted } from "../stop-if-aborted.js";
import type { Done, Job, ModelCard, ServeSetup } from "./protocol.js";
import { type Waiting, WorkerProcess } from "./worker-process.js";

export interface PoolOptions {
  readonly setup: ServeSetup;
  readonly workers: number;
  /** Gets each end of a worker that the pool did not ask for. */
  readonly onLost?: (end: { readonly pid: number | undefined; readonly how: string }) => void;
}

export interface PoolState {
  /** Workers that have loaded the models. */
  readonly ready: number;
  readonly busy: number;
  /** Jobs that wait for a worker. */
  readonly waiting: number;
}

/** Pauses before a worker starts again that could not load. */
const FIRST_PAUSE_MS = 1_000;
const LAST_PAUSE_MS = 30_000;

/**
 * Worker processes that hold the models. A process, not a thread: when one ends (a fault in native code, the system's out-of-memory
 * killer), the server and the other workers go on, and a worker that does not stop can be ended.
 */
export class Pool {
  readonly #options: PoolOptions;
  readonly #workers = new Set<WorkerProcess>();
  readonly #queue: Waiting[] = [];
  readonly #restarts = new Set<NodeJS.Timeout>();
  #pause = FIRST_PAUSE_MS;
  #closing: Promise<void> | undefined;

  constructor(options: PoolOptions) {
    this.#options = options;
  }

  /** Starts the workers and waits until all have loaded the models. @throws the error of the first worker that cannot. */
  async start(): Promise<readonly ModelCard[]> {
    const [models] = await Promise.all(Array.from({ length: this.#options.workers }, () => this.#add()));
    return models!;
  }

  /**
   * Runs a job in the next free worker.
   * @throws the worker's error; runtime with `details.worker` "lost" when the worker has ended; aborted, at once.
   */
  async run(job: Job, signal: AbortSignal): Promise<Done> {
    stopIfAborted(signal);
    if (this.#closing !== undefined) throw closedError();
    let onAbort = () => {};
    try {
      return await new Promise<Done>((resolve, reject) => {
        const waiting: Waiting = { job, resolve, reject };
        onAbort = () => {
          reject(new WhyboxError("aborted", "Stopped.", { cause: signal.reason }));
          this.#drop(waiting);
        };
        signal.addEventListener("abort", onAbort, { once: true });
        this.#queue.push(waiting);
        this.#next();
      });
    } finally {
      signal.removeEventListener("abort", onAbort);
    }
  }

  get state(): PoolState {
    const states = [...this.#workers].map(({ state }) => state);
    return {
      ready: states.filter((state) => state !== "loading").length,
      busy: states.filter((state) => state === "busy").length,
      waiting: this.#queue.length,
    };
  }

  /** Process ids of the workers. */
  get pids(): readonly number[] {
    return [...this.#workers].flatMap(({ pid }) => pid ?? []);
  }

  /** Ends the workers. Jobs that run or wait fail. */
  close(): Promise<void> {
    this.#closing ??= this.#end();
    return this.#closing;
  }

  async #end(): Promise<void> {
    for (const timer of this.#restarts) clearTimeout(timer);
    for (const { reject } of this.#queue.splice(0)) reject(closedError());
    await Promise.all([...this.#workers].map((worker) => worker.end(closedError())));
  }

  /** Starts a worker. Resolves when it has loaded the models. */
  async #add(): Promise<readonly ModelCard[]> {
    const worker = new WorkerProcess(this.#options.setup, () => this.#next());
    this.#workers.add(worker);
    void worker.ended.then((how) => this.#lost(worker, how));
    return worker.loaded;
  }

  #lost(worker: WorkerProcess, how: string): void {
    const isLoaded = worker.state !== "loading";
    this.#workers.delete(worker);
    if (this.#closing !== undefined) return;
    this.#options.onLost?.({ pid: worker.pid, how });
    const pause = isLoaded ? 0 : this.#pause;
    this.#pause = isLoaded ? FIRST_PAUSE_MS : Math.min(2 * this.#pause, LAST_PAUSE_MS);
    const timer = setTimeout(() => {
      this.#restarts.delete(timer);
      this.#add().catch(() => undefined); // its end is reported, and it starts again
    }, pause);
    this.#restarts.add(timer);
  }

  /** Gives waiting jobs to idle workers. */
  #next(): void {
    for (const worker of this.#workers) {
      if (worker.state !== "idle") continue;
      const waiting = this.#queue.shift();
      if (waiting === undefined) return;
      worker.take(waiting);
    }
  }

  #drop(waiting: Waiting): void {
    const place = this.#queue.indexOf(waiting);
    if (place >= 0) this.#queue.splice(place, 1);
    else for (const worker of this.#workers) worker.abort(waiting);
  }
}

function closedError(): WhyboxError {
  return new WhyboxError("aborted", "The server has stopped.");
}
