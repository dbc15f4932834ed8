import { WhyboxError } from "@whybox/core";
import type { Redis } from "ioredis";
import type { QueueAddress } from "./address.js";
import type { QueueLibrary } from "./library.js";

/** Longest wait between two tries to reach a Redis that went away. */
const RETRY_MS = 2_000;
const CONNECT_MS = 10_000;

/** A connection that outlives restarts of the Redis: what is asked meanwhile waits. */
export interface QueueConnection {
  readonly redis: Redis;
  close(): void;
}

/**
 * Connects to a Redis. Later it may go away and come back; at first it must be there.
 * @param say is told when it goes away, and when it is back.
 * @throws download when nothing answers, or it refuses the login.
 */
export async function connectQueue(
  address: QueueAddress,
  { Redis }: QueueLibrary,
  say: (line: string) => void,
): Promise<QueueConnection> {
  const { host, port, db, username, password, tls, shown } = address;
  const options = {
    ...{ host, port, db, connectTimeout: CONNECT_MS, lazyConnect: true },
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(tls ? { tls: {} } : {}),
  };
  const probe = new Redis({ ...options, retryStrategy: () => null, maxRetriesPerRequest: 0 });
  let reason: Error | undefined;
  probe.on("error", (error: Error) => {
    reason ??= error;
  });
  try {
    await probe.connect();
    await probe.ping();
  } catch (cause) {
    const why = withoutSecrets((reason ?? (cause as Error)).message, address);
    const message = `No queue at ${shown}: ${why}. Is Redis running there, and are the address, the name and the password right?`;
    // Not with its cause: a client's error may hold what it was sent.
    throw new WhyboxError("download", message, { details: { queue: shown } });
  } finally {
    probe.disconnect();
  }
  // Requests wait for a Redis that is away, as BullMQ wants of its workers.
  const redis = new Redis({
    ...options,
    maxRetriesPerRequest: null,
    retryStrategy: (tries: number) => Math.min(100 * tries, RETRY_MS),
  });
  let away = false;
  redis.on("error", (error: Error) => {
    if (!away) say(`${shown} does not answer (${withoutSecrets(error.message, address)}); waiting for it.`);
    away = true;
  });
  redis.on("ready", () => {
    if (away) say(`${shown} is back.`);
    away = false;
  });
  await redis.connect();
  return { redis, close: () => redis.disconnect() };
}

function withoutSecrets(text: string, { password }: QueueAddress): string {
  return password === undefined ? text : text.replaceAll(password, "…");
}
