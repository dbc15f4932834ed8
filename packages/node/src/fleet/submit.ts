import { setTimeout } from "node:timers/promises";
import { WhyboxError } from "@whybox/core";
import type { JobsOptions, Queue } from "bullmq";
import type { WorkProgress } from "../runs/execute.js";
import type { PlannedRun } from "../runs/shards/plan.js";
import { rangesText, shardMark } from "../runs/shards/verify.js";
import { readSuccess } from "../runs/success.js";
import { stopIfAborted } from "../stop-if-aborted.js";
import type { QueueConnection } from "./connect.js";
import { BACKOFF_MS, jobId, progressSchema, queueName, readFailure, type ShardJob } from "./jobs.js";
import type { QueueLibrary } from "./library.js";

type Run = Pick<PlannedRun, "folder" | "plan" | "manifest">;

export interface SubmitOptions {
  readonly library: QueueLibrary;
  readonly connection: QueueConnection;
  /** Maximum number of attempts per shard. */
  readonly attempts: number;
  readonly signal: AbortSignal;
}

export interface Submitted {
  /** Number of shards that were added to the queue. */
  readonly queued: number;
  /** Number of shards that were already in the queue. */
  readonly waiting: number;
  /** Number of shards that are done. */
  readonly done: number;
  /**
   * Waits until all shards are done, according to the marks in the run's folder. Jobs that Redis lost are queued again.
   * @throws the error of the first failed shard, after all others have ended; aborted (the workers continue).
   */
  wait(onProgress: (progress: WorkProgress) => void): Promise<void>;
  close(): Promise<void>;
}

/** Number of parallel requests to Redis. */
const BATCH = 500;

/**
 * Adds the shards of a run that are not done to the queue. Failed shards are tried again.
 * @throws bad-input for shards of another run.
 */
export async function submitRun(run: Run, options: SubmitOptions): Promise<Submitted> {
  const { library, connection, attempts, signal } = options;
  const queue: Queue<ShardJob> = new library.bullmq.Queue<ShardJob>(queueName, { connection: connection.redis });
  // Connection errors are reported by the connection itself.
  queue.on("error", () => undefined);
  const submission = new Submission(run, queue, attempts, signal);
  const counts = await submission.begin();
  return { ...counts, wait: (onProgress) => submission.wait(onProgress), close: () => queue.close() };
}

class Submission {
  readonly #run: Run;
  readonly #queue: Queue<ShardJob>;
  readonly #jobOptions: JobsOptions;
  readonly #signal: AbortSignal;
  #pending: number[];
  /** Number of items in completed shards, and number of failures among them. */
  #items = 0;
  #failures = 0;

  constructor(run: Run, queue: Queue<ShardJob>, attempts: number, signal: AbortSignal) {
    this.#run = run;
    this.#queue = queue;
    this.#signal = signal;
    this.#pending = [...run.plan.shards.keys()];
    this.#jobOptions = {
      attempts,
      backoff: { type: "exponential", delay: BACKOFF_MS, jitter: 0.5 },
      // The run's folder records which shards are done.
      removeOnComplete: true,
    };
  }

  async begin() {
    await this.#look();
    const states = await this.#states();
    const failed = this.#pending.filter((_, i) => states[i] === "failed");
    for (const shard of failed) await this.#queue.remove(this.#id(shard));
    const fresh = this.#pending.filter((_, i) => states[i] === "failed" || states[i] === "unknown");
    await this.#add(fresh);
    const { length } = this.#pending;
    return { queued: fresh.length, waiting: length - fresh.length, done: this.#run.plan.shards.length - length };
  }

  async wait(onProgress: (progress: WorkProgress) => void): Promise<void> {
    try {
      await this.#watch(onProgress);
    } catch (error) {
      // After an abort the connection is closed, so pending requests fail. Report the abort instead.
      stopIfAborted(this.#signal);
      throw error;
    }
  }

  async #watch(onProgress: (progress: WorkProgress) => void): Promise<void> {
    for (;;) {
      stopIfAborted(this.#signal);
      // Read the states before the marks: a job leaves the queue after its mark is written.
      const states = await this.#states();
      const before = this.#pending;
      await this.#look();
      const state = new Map(before.map((shard, i) => [shard, states[i]]));
      const failed = this.#pending.filter((shard) => state.get(shard) === "failed");
      if (failed.length > 0 && failed.length === this.#pending.length) await this.#refuse(failed);
      await this.#add(this.#pending.filter((shard) => state.get(shard) === "unknown"));
      onProgress(await this.#progress());
      if (this.#pending.length === 0) return;
      // Wait a second, and longer with more than 1000 shards.
      await setTimeout(Math.max(1_000, this.#pending.length), undefined, { signal: this.#signal }).catch(
        () => undefined,
      );
    }
  }

  /** Removes shards from the list that have their marks. */
  async #look(): Promise<void> {
    const whole = await readSuccess(this.#run.folder);
    if (whole !== undefined) {
      [this.#pending, this.#items, this.#failures] = [[], this.#run.manifest.items.count, whole.failures];
      return;
    }
    const pending: number[] = [];
    for (const shard of this.#pending) {
      const mark = await shardMark(this.#run, shard);
      if (mark === undefined) pending.push(shard);
      else {
        this.#items += mark.end - mark.first;
        this.#failures += mark.failures;
      }
    }
    this.#pending = pending;
  }

  async #states(): Promise<string[]> {
    const states: string[] = [];
    for (let i = 0; i < this.#pending.length; i += BATCH) {
      const ids = this.#pending.slice(i, i + BATCH).map((shard) => this.#id(shard));
      states.push(...(await Promise.all(ids.map((id) => this.#queue.getJobState(id)))));
    }
    return states;
  }

  async #add(shards: readonly number[]): Promise<void> {
    for (let i = 0; i < shards.length; i += BATCH) {
      await this.#queue.addBulk(
        shards.slice(i, i + BATCH).map((shard) => ({
          name: "shard",
          data: this.#data(shard),
          opts: { ...this.#jobOptions, jobId: this.#id(shard) },
        })),
      );
    }
  }

  async #progress(): Promise<WorkProgress> {
    let [done, failures] = [this.#items, this.#failures];
    const mine = new Set(this.#pending.map((shard) => this.#id(shard)));
    for (const job of await this.#queue.getActive()) {
      const found = progressSchema.safeParse(job?.progress);
      if (!found.success || !mine.has(job.id ?? "")) continue;
      done += found.data.done;
      failures += found.data.failures;
    }
    return { done, total: this.#run.manifest.items.count, failures, frames: 0 };
  }

  async #refuse(failed: readonly number[]): Promise<never> {
    const job = await this.#queue.getJob(this.#id(failed[0]!));
    const { code, message } = readFailure(job?.failedReason ?? "the queue reports no reason");
    const { length } = this.#run.plan.shards;
    const text = `${failed.length} of ${length} shards failed: ${rangesText(failed)}. Shard ${failed[0]}: ${message}\nRun whybox submit again to retry them. Completed items are kept.`;
    throw new WhyboxError(code, text, { details: { failed } });
  }

  #data(shard: number): ShardJob {
    return { run: this.#run.folder, manifest: this.#run.plan.manifest, shard };
  }

  #id(shard: number): string {
    return jobId(this.#data(shard));
  }
}
