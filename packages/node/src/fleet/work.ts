import { join } from "node:path";
import { WhyboxError } from "@whybox/core";
import type { Job, Worker } from "bullmq";
import type { WorkProgress } from "../runs/execute.js";
import type { LoadContext } from "../runs/open-run.js";
import { runFiles, type SuccessMark } from "../runs/schema.js";
import { openPlannedRun, type PlannedRun } from "../runs/shards/plan.js";
import { runShard, type ShardWork } from "../runs/shards/run-shard.js";
import { digestOf } from "../runs/success.js";
import type { QueueConnection } from "./connect.js";
import { failureText, jobSchema, queueName, type ShardJob } from "./jobs.js";
import type { QueueLibrary } from "./library.js";

export interface FleetWork {
  readonly library: QueueLibrary;
  readonly connection: QueueConnection;
  readonly load: LoadContext;
  /** Milliseconds without a sign of life after which a worker's shard goes to another. */
  readonly stalledMs: number;
  readonly skipMissing: boolean;
  readonly signal: AbortSignal;
  readonly say: (line: string) => void;
  hooks(): Required<Pick<ShardWork, "onProgress" | "onFailure" | "onWait">>;
  /** A shard is done. */
  onDone(job: ShardJob, mark: SuccessMark): void;
}

/** Workers that may die of one shard until it counts as failed: machines of a cloud go away often, and a shard goes on where it was. */
const MAX_STALLED = 25;
const PROGRESS_MS = 1_000;
/** Longest rest of a worker that fails again and again, so that it does not use up the tries of shards that others can do. */
const MAX_REST_MS = 60_000;
const CLOSE_MS = 10_000;

/**
 * Takes shards from the queue, one after the other, until the signal fires. What is under way then goes back to the queue. Inference runs in
 * threads, so the lock of a shard is renewed while it is worked on.
 */
export async function workFleet(work: FleetWork): Promise<void> {
  const { library, connection, stalledMs, signal, say } = work;
  const { Worker } = library.bullmq;
  const fleet = new FleetWorker(work);
  const worker: Worker<ShardJob> = new Worker<ShardJob>(queueName, (job, token) => fleet.process(job, token, worker), {
    ...{ connection: connection.redis, concurrency: 1, autorun: false },
    ...{ lockDuration: stalledMs, stalledInterval: stalledMs, maxStalledCount: MAX_STALLED },
  });
  // Of connections the connection tells; a lock that was lost while Redis was away is found again by the shard's own.
  worker.on("error", () => undefined);
  worker.on("stalled", (id) => say(`Job ${id} has lost its worker and is to be done again.`));
  const stopped = new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
  // A worker that rests leaves its loop and begins it again; only a failure ends it.
  const failed = new Promise<never>((_, reject) => {
    worker.run().catch(reject);
  });
  try {
    await Promise.race([stopped, failed]);
    await fleet.idle();
  } finally {
    await inTime(worker.close());
    await fleet.close();
  }
}

/** A Redis that is away must not keep a worker that is to stop. */
async function inTime(closing: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, CLOSE_MS);
  });
  await Promise.race([closing.catch(() => undefined), late]);
  clearTimeout(timer);
}

class FleetWorker {
  readonly #work: FleetWork;
  #open: { readonly key: string; readonly run: PlannedRun } | undefined;
  #busy: Promise<unknown> = Promise.resolve();
  #fails = 0;

  constructor(work: FleetWork) {
    this.#work = work;
  }

  /** Until what is under way has ended. */
  async idle(): Promise<void> {
    await this.#busy.catch(() => undefined);
  }

  process(job: Job<ShardJob>, token: string | undefined, worker: Worker<ShardJob>): Promise<object> {
    const result = this.#process(job, token, worker);
    this.#busy = result;
    return result;
  }

  async #process(job: Job<ShardJob>, token: string | undefined, worker: Worker<ShardJob>): Promise<object> {
    const { skipMissing, signal, hooks, onDone, say, stalledMs } = this.#work;
    try {
      const data = readJob(job.data);
      const { onProgress, ...told } = hooks();
      const tell = teller(job);
      const show = (progress: WorkProgress) => {
        onProgress(progress);
        tell(progress);
      };
      const mark = await runShard(await this.#opened(data), data.shard, {
        ...told,
        skipMissing,
        signal,
        onProgress: show,
      });
      this.#fails = 0;
      onDone(data, mark);
      return { failures: mark.failures, detections: mark.detections };
    } catch (error) {
      const { DelayedError, WaitingError, UnrecoverableError } = this.#work.library.bullmq;
      if (signal.aborted) {
        await inTime(job.moveToWait(token));
        throw new WaitingError();
      }
      if (isHeld(error)) {
        // By a worker that Redis takes for gone, and that is not: it may still do it.
        say(error.message);
        await job.moveToDelayed(Date.now() + stalledMs, token);
        throw new DelayedError();
      }
      // The next shard begins with new threads, whatever happened to these.
      await this.close();
      const text = failureText(error);
      say(`Shard ${job.data.shard} of ${job.data.run} failed: ${text}`);
      if (isHopeless(error)) throw new UnrecoverableError(text);
      this.#rest(worker);
      throw new Error(text);
    }
  }

  #rest(worker: Worker<ShardJob>): void {
    const ms = Math.min(MAX_REST_MS, 1_000 * 2 ** this.#fails++);
    void worker.pause(true);
    const { signal } = this.#work;
    const timer = setTimeout(() => void (signal.aborted || worker.resume()), ms);
    signal.addEventListener("abort", () => clearTimeout(timer), { once: true });
  }

  /** The run of a job; the one before stays open, with its model, as long as the next job is of it. */
  async #opened({ run: folder, manifest }: ShardJob): Promise<PlannedRun> {
    const found = await digestOf(join(folder, runFiles.manifest)).catch((cause: Error) => {
      const message = `${join(folder, runFiles.manifest)} cannot be read here (${cause.message}). Runs must lie at the same path on all machines.`;
      throw new WhyboxError("bad-input", message, { cause });
    });
    if (found.sha256 !== manifest) {
      const message = `${folder} is another run than the one that was submitted. Submit it again.`;
      throw new WhyboxError("usage", message, { details: { folder } });
    }
    const key = `${manifest} ${folder}`;
    if (this.#open?.key !== key) {
      await this.close();
      this.#open = { key, run: await openPlannedRun(folder, this.#work.load) };
    }
    return this.#open.run;
  }

  async close(): Promise<void> {
    const open = this.#open;
    this.#open = undefined;
    await open?.run.close();
  }
}

function readJob(data: unknown): ShardJob {
  const found = jobSchema.safeParse(data);
  if (found.success) return found.data;
  throw new WhyboxError(
    "usage",
    "The job is none of this Whybox: other fields than run, manifest and shard. Submit the run again.",
  );
}

/** Somebody alive works on the shard. */
function isHeld(error: unknown): error is WhyboxError {
  return error instanceof WhyboxError && error.code === "output" && error.details.pid !== undefined;
}

/** What no worker can do: the job is wrong. That this worker has another model or version is its own trouble. */
function isHopeless(error: unknown): boolean {
  return error instanceof WhyboxError && error.code === "usage" && error.details.differences === undefined;
}

/** Tells the queue how far a job is, about once a second, and waits for no answer. */
function teller(job: Job<ShardJob>): (progress: WorkProgress) => void {
  let last = 0;
  let waiting = false;
  return ({ done, failures }) => {
    const now = performance.now();
    if (waiting || now - last < PROGRESS_MS) return;
    last = now;
    waiting = true;
    const free = () => {
      waiting = false;
    };
    job.updateProgress({ done, failures }).then(free, free);
  };
}
