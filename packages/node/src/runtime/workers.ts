import { availableParallelism, totalmem } from "node:os";

/** Upper estimate of the memory of a worker with a model like YOLOv5s, its sessions and its images. */
const WORKER_BYTES = 768 * 2 ** 20;

/**
 * Initial size of V8's old space of a worker, in megabytes, read when it starts. Each image allocates about 20 MB of tensors,
 * which V8 counts as old objects. With V8's small default it marks the whole heap for each image, on helper threads, which costs a
 * fifth of the processor time. The peak memory stays the same.
 */
export const OLD_SPACE_MB = 128;

/** The default number of workers: as many as cores and memory allow. On a GPU: one. */
export function defaultWorkers(device: string, threads: number): number {
  if (device !== "cpu") return 1;
  const limit = process.constrainedMemory?.() ?? 0;
  // Without a limit the system returns 0, or more than the total memory.
  const memory = limit > 0 ? Math.min(limit, totalmem()) : totalmem();
  return Math.max(1, Math.min(Math.floor(availableParallelism() / threads), Math.floor(memory / WORKER_BYTES)));
}
