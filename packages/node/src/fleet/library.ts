import { WhyboxError } from "@whybox/core";

export interface QueueLibrary {
  readonly bullmq: typeof import("bullmq");
  readonly Redis: typeof import("ioredis").Redis;
}

/**
 * Loads BullMQ and its Redis client. They are optional dependencies: the user installs them for queues.
 * @throws usage when they are not installed.
 */
export async function loadQueueLibrary(
  load: (name: "bullmq" | "ioredis") => Promise<unknown> = (name) => import(name),
): Promise<QueueLibrary> {
  try {
    const bullmq = (await load("bullmq")) as QueueLibrary["bullmq"];
    const { Redis } = (await load("ioredis")) as typeof import("ioredis");
    return { bullmq, Redis };
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== "ERR_MODULE_NOT_FOUND") throw cause;
    const message =
      "Queues need bullmq and ioredis, which are not installed. Run: npm install bullmq ioredis (in the same project as whybox). Slurm, Kubernetes and whybox shard run do not need them.";
    throw new WhyboxError("usage", message, { cause });
  }
}
