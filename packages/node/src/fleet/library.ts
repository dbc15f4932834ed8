import { WhyboxError } from "@whybox/core";

export interface QueueLibrary {
  readonly bullmq: typeof import("bullmq");
  readonly Redis: typeof import("ioredis").Redis;
}

/**
 * Loads BullMQ and its client, which are installed by who wants a fleet.
 * @throws usage when they are not there.
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
      "Queues need bullmq and ioredis, which are not installed. Run: npm install bullmq ioredis (beside whybox). Slurm, Kubernetes and whybox shard run need neither.";
    throw new WhyboxError("usage", message, { cause });
  }
}
