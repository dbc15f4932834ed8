import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { FastifyBaseLogger, FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import type { AllowedUrls } from "./image-bytes.js";
import type { Metrics } from "./metrics.js";
import type { Pool } from "./pool.js";
import type { ModelCard, ServedModel } from "./protocol.js";
import type { RequestLimits } from "./request-options.js";

export interface ServerLimits extends Omit<RequestLimits, "task"> {
  /** Maximum size of a body, and of an image that is fetched. */
  readonly maxBytes: number;
  /** Time for a request, from its headers to its answer. */
  readonly timeoutMs: number;
  /** Maximum number of requests that wait for a worker. */
  readonly queue: number;
}

export interface ServerOptions {
  readonly version: string;
  readonly models: readonly ServedModel[];
  readonly cards: readonly ModelCard[];
  readonly pool: Pool;
  readonly workers: number;
  readonly metrics: Metrics;
  readonly limits: ServerLimits;
  readonly urls: AllowedUrls;
  readonly token: string | undefined;
  /** Whether the server listens on loopback only. */
  readonly isLocal: boolean;
  readonly log: FastifyBaseLogger;
}

/** What a request was about, for its line in the log. */
interface Work {
  readonly model: string;
  images: number;
  detections: number;
}

declare module "fastify" {
  interface FastifyContextConfig {
    /** The request needs a worker, so it counts for the queue. */
    readonly needsWorker?: boolean;
    readonly needsToken?: boolean;
  }
  interface FastifyRequest {
    work: Work | null;
    /** Fires when the client has gone, and at the time limit. */
    stop: AbortSignal;
  }
}

export type App = FastifyInstance<Server, IncomingMessage, ServerResponse, FastifyBaseLogger, ZodTypeProvider>;
