import { join } from "node:path";
import { WhyboxError } from "@whybox/core";
import type { Job, Worker } from "bullmq";
import type { WorkHooks, WorkProgress } from "../runs/execute.js";
import type { LoadContext } from "../runs/open-run.js";
import { runFiles, type SuccessMark } from "../runs/schema.js";
import { openPlannedRun, type PlannedRun } from "../runs/shards/plan.js";
import { runShard } from "../runs/shards/run-shard.js";
import { digestOf } from "../runs/success.js";
import type { QueueConnection } from "./connect.js";
import { failureText, jobSchema, queueName, type ShardJob } from "./jobs.js";
import type { QueueLibrary } from "./library.js";

export interface FleetWork {
  readonly library: QueueLibrary;
  readonly connection: QueueConnection;
  readonly load: LoadContext;
  /** Timeout in milliseconds after which the shard of a silent worker goes to another worker. */
  readonly stalledMs: number;
  readonly skipMissing: boolean;
  readonly signal: AbortSignal;
  readonly say: (line: string) => void;
  hooks(): WorkHooks;
  onDone(job: ShardJob, mark: SuccessMark): void;
}

/**
 * How many workers may disappear during one shard before it counts as failed. The limit is high, because cloud machines are
 * stopped often, and the next worker continues the shard.
 */
const MAX_STALLED = 25;
const PROGRESS_MS = 1_000;
/** Maximum pause of a worker after repeated failures. The pause leaves the attempts of a shard to other workers. */
const MAX_REST_MS = 60_000;
const CLOSE_MS = 10_000;

/**
 * Processes shards from the queue one by one, until the signal fires. An unfinished shard then goes back to the queue. Inference
 * runs in threads, so this thread can renew the lock of the shard.
 */
export async function workFleet(work: FleetWork): Promise<void> {
  const { library, connection, stalledMs, signal, say } = work;
  const { Worker } = library.bullmq;
  const fleet = new FleetWorker(work);
  const worker: Worker<ShardJob> = new Worker<ShardJob>(queueName, (job, token) => fleet.process(job, token, worker), {
    ...{ connection: connection.redis, concurrency: 1, autorun: false },
    ...{ lockDuration: stalledMs, stalledInterval: stalledMs, maxStalledCount: MAX_STALLED },
  });
  // The connection reports connection errors. If a lock was lost while Redis was not available, the shard's own lock protects it.
  worker.on("error", () => undefined);
  worker.on("stalled", (id) => say(`Job ${id} has lost its worker. It will be processed again.`));
  const stopped = new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
  // A paused worker leaves its loop and starts it again later. Only a failure ends `run`.
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

/** Waits for `closing` with a timeout, so that a worker can stop while Redis is not available. */
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

  /** Waits until the current shard has ended. */
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
      const { onProgress, ...others } = hooks();
      const report = progressReporter(job);
      const show = (progress: WorkProgress) => {
        onProgress(progress);
        report(progress);
      };
      const mark = await runShard(await this.#opened(data), data.shard, {
        ...others,
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
        // Another worker holds the shard's lock. Redis considers it lost, but it may still finish the shard.
        say(error.message);
        await job.moveToDelayed(Date.now() + stalledMs, token);
        throw new DelayedError();
      }
      // The next shard starts with new threads.
      await this.close();
      const text = failureText(error);
      say(`Shard ${job.data.shard} of ${job.data.run} failed: ${text}`);
      if (isHopeless(error)) throw new UnrecoverableError(text);
      this.#pause(worker);
      throw new Error(text);
    }
  }

  #pause(worker: Worker<ShardJob>): void {
    const ms = Math.min(MAX_REST_MS, 1_000 * 2 ** this.#fails++);
    void worker.pause(true);
    const { signal } = this.#work;
    const timer = setTimeout(() => void (signal.aborted || worker.resume()), ms);
    signal.addEventListener("abort", () => clearTimeout(timer), { once: true });
  }

  /** Opens the run of a job. The last run and its model stay open for the next job of the same run. */
  async #opened({ run: folder, manifest }: ShardJob): Promise<PlannedRun> {
    const found = await digestOf(join(folder, runFiles.manifest)).catch((cause: Error) => {
      const message = `${join(folder, runFiles.manifest)} cannot be read on this machine (${cause.message}). A run must have the same path on all machines.`;
      throw new WhyboxError("bad-input", message, { cause });
    });
    if (found.sha256 !== manifest) {
      const message = `The run in ${folder} is not the run that was submitted. Submit it again.`;
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
    "The job is not valid for this version of Whybox; expected the fields run, manifest and shard. Submit the run again.",
  );
}

/** Whether another process holds the shard's lock. */
function isHeld(error: unknown): error is WhyboxError {
  return error instanceof WhyboxError && error.code === "output" && error.details.pid !== undefined;
}

/** Whether the job is invalid for all workers. A different model or version (`differences`) concerns this worker only. */
function isHopeless(error: unknown): boolean {
  return error instanceof WhyboxError && error.code === "usage" && error.details.differences === undefined;
}

/** Reports the progress of a job to the queue, at most once per second, without waiting for an answer. */
function progressReporter(job: Job<ShardJob>): (progress: WorkProgress) => void {
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
