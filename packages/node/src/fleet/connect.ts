import { WhyboxError } from "@whybox/core";
import type { Redis } from "ioredis";
import type { QueueAddress } from "./address.js";
import type { QueueLibrary } from "./library.js";

/** Maximum wait between two attempts to reconnect. */
const RETRY_MS = 2_000;
const CONNECT_MS = 10_000;

/** A connection that survives restarts of Redis. Requests wait until Redis is back. */
export interface QueueConnection {
  readonly redis: Redis;
  close(): void;
}

/**
 * Connects to Redis. The first connection must succeed. Later connections are retried.
 * @param say Gets a message when the connection is lost and when it is back.
 * @throws download when Redis does not answer, or refuses the login.
 */
export async function connectQueue(
  address: QueueAddress,
  { Redis }: QueueLibrary,
  say: (line: string) => void,
): Promise<QueueConnection> {
  const { url, shown } = address;
  const options = { connectTimeout: CONNECT_MS, lazyConnect: true };
  const probe = new Redis(url, { ...options, retryStrategy: () => null, maxRetriesPerRequest: 0 });
  let reason: Error | undefined;
  probe.on("error", (error: Error) => {
    reason ??= error;
  });
  try {
    await probe.connect();
    await probe.ping();
  } catch (cause) {
    const why = withoutSecrets((reason ?? (cause as Error)).message, address);
    const message = `Cannot connect to the queue at ${shown}: ${why}. Check that Redis is running there. Check the address, the user name and the password.`;
    // Without the cause: an error of the client may contain the password.
    throw new WhyboxError("download", message, { details: { queue: shown } });
  } finally {
    probe.disconnect();
  }
  // Requests wait while Redis is not available: BullMQ requires this for workers.
  const redis = new Redis(url, {
    ...options,
    maxRetriesPerRequest: null,
    retryStrategy: (tries: number) => Math.min(100 * tries, RETRY_MS),
  });
  let isLost = false;
  redis.on("error", (error: Error) => {
    if (!isLost) say(`${shown} does not answer (${withoutSecrets(error.message, address)}). Waiting for it.`);
    isLost = true;
  });
  redis.on("ready", () => {
    if (isLost) say(`${shown} is back.`);
    isLost = false;
  });
  await redis.connect();
  return { redis, close: () => redis.disconnect() };
}

function withoutSecrets(text: string, { password }: QueueAddress): string {
  return password === "" ? text : text.replaceAll(password, "…");
}
