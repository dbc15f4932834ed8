import type { FastifyReply, FastifyRequest } from "fastify";
import { refuseOtherSites, requireToken } from "./access.js";
import type { Metrics } from "./metrics.js";
import type { Pool } from "./pool.js";
import { Refusal } from "./problem.js";

export interface GateOptions {
  readonly pool: Pool;
  readonly workers: number;
  /** Maximum number of requests that wait for a worker. */
  readonly queue: number;
  readonly token: string | undefined;
  /** Whether the server listens on loopback only. */
  readonly isLocal: boolean;
}

/** Weight of the newest request in the mean time of requests. */
const NEWEST = 0.1;

/**
 * Decides which requests enter. A request enters before its body is read, so memory is bounded by the number of requests inside.
 */
export class Gate {
  readonly #options: GateOptions;
  readonly #metrics: Metrics;
  readonly #onEmpty = new Set<() => void>();
  #inside = 0;
  #isDraining = false;
  #meanMs = 0;

  constructor(options: GateOptions, metrics: Metrics) {
    this.#options = options;
    this.#metrics = metrics;
  }

  /** Lets a request in, or throws a Refusal. */
  enter(request: FastifyRequest, reply: FastifyReply): void {
    const { needsToken, needsWorker } = request.routeOptions.config;
    const { token, isLocal } = this.#options;
    if (isLocal && token === undefined) this.#check("host", () => refuseOtherSites(request, needsToken === true));
    if (needsToken && token !== undefined) this.#check("unauthorized", () => requireToken(request, token));
    if (needsWorker) this.#admit(reply);
  }

  /** Throws a Refusal when the server cannot work on a request now. */
  checkReady(): void {
    if (this.#isDraining) throw new Refusal(503, "draining", "The server is stopping.");
    if (this.#options.pool.state.ready > 0) return;
    throw new Refusal(503, "not-ready", "No worker is ready yet. Try again soon.", { "retry-after": "1" });
  }

  /** Whether new work is refused because the server stops. */
  get isDraining(): boolean {
    return this.#isDraining;
  }

  /** Refuses new work. Resolves when the requests inside have ended. */
  async drain(): Promise<void> {
    this.#isDraining = true;
    if (this.#inside > 0) await new Promise<void>((resolve) => this.#onEmpty.add(resolve));
  }

  #admit(reply: FastifyReply): void {
    if (this.#isDraining) this.#check("draining", () => this.checkReady());
    const { workers, queue } = this.#options;
    if (this.#inside >= workers + queue) {
      this.#metrics.refused("queue-full");
      const seconds = Math.max(1, Math.ceil(this.#meanMs / 1e3));
      const detail = `${this.#inside} requests are in progress or wait. Try again in ${seconds} s.`;
      throw new Refusal(429, "queue-full", detail, { "retry-after": String(seconds) });
    }
    this.#inside++;
    const start = performance.now();
    // Also when the client goes away.
    reply.raw.once("close", () => this.#leave(performance.now() - start));
  }

  #leave(ms: number): void {
    this.#meanMs += NEWEST * (ms - this.#meanMs);
    if (--this.#inside > 0) return;
    for (const resolve of this.#onEmpty) resolve();
  }

  #check(reason: Parameters<Metrics["refused"]>[0], check: () => void): void {
    try {
      check();
    } catch (error) {
      this.#metrics.refused(reason);
      throw error;
    }
  }
}
