import { setFlagsFromString } from "node:v8";
import type { Worker } from "node:worker_threads";
import { WhyboxError, type WhyboxErrorCode } from "@whybox/core";
import { Piscina } from "piscina";
import { createGate, shutGate, stopWaitingAtExit, waitAtExit } from "../runtime/gate.js";
import { OLD_SPACE_MB } from "../runtime/workers.js";
import type { Answer, Loaded, ThreadData } from "./run-thread.js";
import type { Explainers, MeasureOutcome, MeasureTask, Outcome, Task, WorkerReport, WorkerSetup } from "./task.js";

/** Number of parallel tasks per worker. While one is explained, the next is decoded and the last is written. */
const TASKS = 2;

/**
 * Starts worker threads. Each thread loads the model.
 * @throws (from `report` and `explain`) errors of loading the model.
 */
export function createPool(setup: WorkerSetup, workers: number): Explainers {
  const gate = createGate();
  setFlagsFromString(`--initial-old-space-size=${OLD_SPACE_MB}`);
  const pool = new Piscina<unknown, Answer<unknown>>({
    filename: new URL("./run-thread.js", import.meta.url).href,
    workerData: { setup, gate } satisfies ThreadData,
    minThreads: workers,
    maxThreads: workers,
    concurrentTasksPerWorker: TASKS,
    // Waiting with Atomics would block the thread's other work: reading and writing files.
    atomics: "disabled",
    // Flags of the process (--input-type, --import, …) do not apply to the worker's script.
    execArgv: [],
    recordTiming: false,
  });
  const threads = watchThreads(pool);
  const pending = new Set<Promise<unknown>>();
  waitAtExit(gate);
  const call = async (name: string, task: unknown): Promise<unknown> => {
    const asked = pool.run(task, { name });
    pending.add(asked);
    const answer = await asked.finally(() => pending.delete(asked));
    if (answer.ok) return answer.value;
    throw new WhyboxError(answer.code as WhyboxErrorCode, answer.message);
  };
  return {
    window: workers * (TASKS + 1),
    report: () => call("report", undefined) as Promise<WorkerReport>,
    explain: (task: Task) =>
      (call("explain", task) as Promise<readonly Outcome[]>).catch((error: unknown) => [crashed(error, "explained")]),
    measure: (task: MeasureTask) =>
      (call("measure", task) as Promise<MeasureOutcome>).catch((error: unknown) => crashed(error, "measured")),
    close: async () => {
      // The gate stops waiting tasks, and running tasks before their next run of the model.
      shutGate(gate);
      await Promise.allSettled(pending);
      await threads.loaded();
      await pool.destroy();
      stopWaitingAtExit(gate);
    },
  };
}

/** The outcome of an image whose thread crashed (out of memory). The thread is replaced. A model that cannot be loaded ends the run. */
function crashed(error: unknown, what: string): Extract<Outcome, { ok: false }> {
  if (error instanceof WhyboxError) throw error;
  const message = `The worker thread ended while it ${what} this image: ${error instanceof Error ? error.message : error}`;
  return { ok: false, code: "internal", message, reason: undefined, endsTheRun: false };
}

/** Waits until all threads have loaded: terminating a thread while it loads would end the process. */
function watchThreads(pool: Piscina): { loaded(): Promise<void> } {
  const loaded = new Set<number>();
  const waiting = new Map<number, () => void>();
  pool.on("message", ({ loaded: id }: Loaded) => {
    loaded.add(id);
    waiting.get(id)?.();
  });
  // A thread that crashed without a task is replaced. Its next call reports the error.
  pool.on("error", () => undefined);
  const settled = (thread: Worker) =>
    new Promise<void>((resolve) => {
      if (loaded.has(thread.threadId)) return resolve();
      waiting.set(thread.threadId, resolve);
      thread.once("exit", resolve).ref();
    });
  return { loaded: async () => void (await Promise.all(pool.threads.map(settled))) };
}
