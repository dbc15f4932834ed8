import { availableParallelism, totalmem } from "node:os";
import { WhyboxError, type WhyboxErrorCode } from "@whybox/core";
import { Piscina } from "piscina";
import type { Explainers, Outcome, Task, WorkerReport, WorkerSetup } from "./task.js";
import type { Answer } from "./worker.js";

/** A worker with a model of YOLOv5s' size, its sessions and pictures, generously. */
const WORKER_BYTES = 768 * 2 ** 20;

/** Tasks in one worker: while one is explained, the next is decoded and the last is written. */
const TASKS = 2;

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
  const pool = new Piscina<unknown, Answer<unknown>>({
    filename: new URL("./worker.js", import.meta.url).href,
    workerData: setup,
    minThreads: workers,
    maxThreads: workers,
    concurrentTasksPerWorker: TASKS,
    // Waiting by Atomics would block what a thread does besides its tasks: reading and writing files.
    atomics: "disabled",
    // Flags of the process (--input-type, --import, …) are for its own script.
    execArgv: [],
    recordTiming: false,
  });
  const call = async (name: string, task: unknown): Promise<unknown> => {
    const answer = await pool.run(task, { name });
    if (answer.ok) return answer.value;
    throw new WhyboxError(answer.code as WhyboxErrorCode, answer.message);
  };
  return {
    window: workers * (TASKS + 1),
    report: () => call("report", undefined) as Promise<WorkerReport>,
    explain: async (task: Task) => {
      try {
        return (await call("explain", task)) as Outcome;
      } catch (error) {
        // A model that cannot be loaded ends the run; a thread that died of one picture (its memory) has another in its place.
        if (error instanceof WhyboxError) throw error;
        const message = `The thread that explained it has ended: ${error instanceof Error ? error.message : error}`;
        return { ok: false, code: "internal", message, reason: undefined, endsTheRun: false };
      }
    },
    close: () => pool.destroy(),
  };
}
