import { availableParallelism, totalmem } from "node:os";
import { setFlagsFromString } from "node:v8";
import type { Worker } from "node:worker_threads";
import { WhyboxError, type WhyboxErrorCode } from "@whybox/core";
import { Piscina } from "piscina";
import { createGate, shutGate, stopWaitingAtExit, waitAtExit } from "../runtime/gate.js";
import type { Answer, Loaded, ThreadData } from "./run-thread.js";
import type { Explainers, Outcome, Task, WorkerReport, WorkerSetup } from "./task.js";

/** Upper estimate of the memory of a worker with a model like YOLOv5s, its sessions and its images. */
const WORKER_BYTES = 768 * 2 ** 20;

/** Number of parallel tasks per worker. While one is explained, the next is decoded and the last is written. */
const TASKS = 2;

/**
 * Initial size of V8's old space per thread, in megabytes, read when a thread starts. Each image allocates about 20 MB of tensors,
 * which V8 counts as old objects. With V8's small default it marks the whole heap for each image, on helper threads, which costs a
 * fifth of the processor time. The peak memory stays the same.
 */
const OLD_SPACE_MB = 128;

/** The default number of workers: as many as cores and memory allow. On a GPU: one. */
export function defaultWorkers(device: string, threads: number): number {
  if (device !== "cpu") return 1;
  const limit = process.constrainedMemory?.() ?? 0;
  // Without a limit the system returns 0, or more than the total memory.
  const memory = limit > 0 ? Math.min(limit, totalmem()) : totalmem();
  return Math.max(1, Math.min(Math.floor(availableParallelism() / threads), Math.floor(memory / WORKER_BYTES)));
}

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
    explain: async (task: Task) => {
      try {
        return (await call("explain", task)) as readonly Outcome[];
      } catch (error) {
        // A model that cannot be loaded ends the run. A thread that crashed on one image (out of memory) is replaced.
        if (error instanceof WhyboxError) throw error;
        const message = `The worker thread ended while it explained this image: ${error instanceof Error ? error.message : error}`;
        return [{ ok: false, code: "internal", message, reason: undefined, endsTheRun: false }];
      }
    },
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
