import { setTimeout } from "node:timers/promises";
import { safeJson, WhyboxError } from "@whybox/core";
import { type Level, pino } from "pino";
import { isLoopback } from "./access.js";
import { createMetrics } from "./metrics.js";
import { Pool } from "./pool.js";
import { createServer } from "./server.js";
import type { ServerLimits, ServerOptions } from "./server-options.js";

export interface StartOptions extends Pick<ServerOptions, "version" | "models" | "workers" | "urls" | "token"> {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  /** A server that other machines reach needs a token, unless this is set. */
  readonly withoutToken: boolean;
  readonly limits: ServerLimits & { readonly maxPixels: number };
  readonly log: { readonly level: Level | "silent"; readonly stream: { write(line: string): void } };
}

export interface RunningServer {
  readonly address: string;
  /** Process ids of the workers. */
  readonly pids: readonly number[];
  /** Refuses new work, waits for the requests in progress, at most for `ms`, and ends. */
  stop(ms: number): Promise<void>;
}

/** Time for connections to close by themselves after the last answer. */
const LAST_BYTES_MS = 1_000;

/**
 * Loads the models and listens.
 * @throws usage for a host that other machines reach, without a token; errors of loading the models; runtime when the port is taken.
 */
export async function startServer(options: StartOptions): Promise<RunningServer> {
  const { host, port, models, workers, limits } = options;
  const isLocal = isLoopback(host);
  refuseOpen(options, isLocal);
  const stream = { write: (line: string) => options.log.stream.write(safeJson(line)) };
  const log = pino({ level: options.log.level, formatters: { level: (level) => ({ level }) } }, stream);
  const pool = new Pool({
    setup: { version: options.version, models, maxPixels: limits.maxPixels },
    workers,
    onLost: (end) => {
      log.error(end, "A worker ended and is replaced");
      metrics.workerLost();
    },
  });
  const metrics = createMetrics(pool);
  try {
    const cards = await pool.start();
    const { app, gate } = await createServer({ ...options, pool, cards, metrics, isLocal, log });
    const address = await app.listen({ host, port }).catch((cause: Error) => {
      const message = `Cannot listen on ${host}, port ${port}: ${cause.message}. Choose others with --host and --port.`;
      throw new WhyboxError("runtime", message, { cause });
    });
    log.info({ address, models: models.map(({ name }) => name), workers, pids: pool.pids }, "ready");
    return {
      address,
      get pids() {
        return pool.pids;
      },
      stop: async (ms) => {
        log.info("draining");
        const isDrained = await Promise.race([gate.drain().then(() => true), setTimeout(ms, false, { ref: false })]);
        if (!isDrained) log.warn({ ms }, "Requests are still in progress, and are stopped");
        await pool.close();
        const closing = app.close();
        // A client that is still sending keeps its connection open.
        void setTimeout(LAST_BYTES_MS, undefined, { ref: false }).then(() => app.server.closeAllConnections());
        await closing;
        log.info("stopped");
      },
    };
  } catch (error) {
    await pool.close();
    throw error;
  }
}

function refuseOpen({ host, token, withoutToken }: StartOptions, isLocal: boolean): void {
  if (isLocal || token !== undefined || withoutToken) return;
  throw new WhyboxError(
    "usage",
    `Other machines reach ${host}. Set a token (the environment variable WHYBOX_TOKEN, or --token-file), or add --without-token if something else guards the port.`,
  );
}
