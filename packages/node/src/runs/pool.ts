import { availableParallelism, totalmem } from "node:os";
import { setFlagsFromString } from "node:v8";
import type { Worker } from "node:worker_threads";
import { WhyboxError, type WhyboxErrorCode } from "@whybox/core";
import { Piscina } from "piscina";
import { createGate, restsAtExit, shutGate, waitAtExit } from "../runtime/gate.js";
import type { Explainers, Outcome, Task, WorkerReport, WorkerSetup } from "./task.js";
import type { Answer, Loaded, ThreadData } from "./worker.js";

/** A worker with a model of YOLOv5s' size, its sessions and pictures, generously. */
const WORKER_BYTES = 768 * 2 ** 20;

/** Tasks in one worker: while one is explained, the next is decoded and the last is written. */
const TASKS = 2;

/**
 * Megabytes that a thread's old objects may grow by before they are looked through. Every picture brings some twenty megabytes of tensors, which V8
 * counts as old objects: from its own small beginning it marks the whole heap for each picture, on threads beside the one that works, a fifth of
 * the processor in all. The memory at the peak is the same, since what is young is collected as before. Read when a thread starts.
 */
const OLD_SPACE_MB = 128;

/** As many workers as cores, and as the memory holds; on a graphics card one. */
export function defaultWorkers(device: string, threads: number): number {
  if (device !== "cpu") return 1;
  const limit = process.constrainedMemory?.() ?? 0;
  // Without a limit the system tells a number beyond all memory, or 0.
  const memory = limit > 0 ? Math.min(limit, totalmem()) : totalmem();
  return Math.max(1, Math.min(Math.floor(availableParallelism() / threads), Math.floor(memory / WORKER_BYTES)));
}

/**
 * Starts threads that each hold the model.
 * @throws (by `report` and `explain`) what loading the model throws.
 */
export function createPool(setup: WorkerSetup, workers: number): Explainers {
  const gate = createGate();
  setFlagsFromString(`--initial-old-space-size=${OLD_SPACE_MB}`);
  const pool = new Piscina<unknown, Answer<unknown>>({
    filename: new URL("./worker.js", import.meta.url).href,
    workerData: { setup, gate } satisfies ThreadData,
    minThreads: workers,
    maxThreads: workers,
    concurrentTasksPerWorker: TASKS,
    // Waiting by Atomics would block what a thread does besides its tasks: reading and writing files.
    atomics: "disabled",
    // Flags of the process (--input-type, --import, …) are for its own script.
    execArgv: [],
    recordTiming: false,
  });
  const threads = watchThreads(pool);
  const underWay = new Set<Promise<unknown>>();
  waitAtExit(gate);
  const call = async (name: string, task: unknown): Promise<unknown> => {
    const asked = pool.run(task, { name });
    underWay.add(asked);
    const answer = await asked.finally(() => underWay.delete(asked));
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
        // A model that cannot be loaded ends the run; a thread that died of one picture (its memory) has another in its place.
        if (error instanceof WhyboxError) throw error;
        const message = `The thread that explained it has ended: ${error instanceof Error ? error.message : error}`;
        return [{ ok: false, code: "internal", message, reason: undefined, endsTheRun: false }];
      }
    },
    close: async () => {
      // What waits for a thread ends at the gate, and so does what is under way, at its next pass.
      shutGate(gate);
      await Promise.allSettled(underWay);
      await threads.loaded();
      await pool.destroy();
      restsAtExit(gate);
    },
  };
}

/** A thread that is ended while it loads takes the process with it, as one in the middle of a pass does. */
function watchThreads(pool: Piscina): { loaded(): Promise<void> } {
  const loaded = new Set<number>();
  const waiting = new Map<number, () => void>();
  pool.on("message", ({ loaded: id }: Loaded) => {
    loaded.add(id);
    waiting.get(id)?.();
  });
  // A thread that died without a task has another in its place; what asks it next is told.
  pool.on("error", () => undefined);
  const settled = (thread: Worker) =>
    new Promise<void>((resolve) => {
      if (loaded.has(thread.threadId)) return resolve();
      waiting.set(thread.threadId, resolve);
      thread.once("exit", resolve).ref();
    });
  return { loaded: async () => void (await Promise.all(pool.threads.map(settled))) };
}
