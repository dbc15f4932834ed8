import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import type { Pool } from "./pool.js";
import type { Done } from "./protocol.js";

/** Bounds of the buckets of times, in seconds. */
const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

/** A request that has ended. */
export interface EndedRequest {
  /** The pattern of the address, so that there are few label values. */
  readonly route: string;
  readonly method: string;
  readonly status: number;
  readonly seconds: number;
}

export interface Metrics {
  readonly contentType: string;
  text(): Promise<string>;
  ended(request: EndedRequest): void;
  /** A request that was refused before its work began. */
  refused(reason: "queue-full" | "draining" | "unauthorized" | "host"): void;
  /** A job that a worker has done, and how long it waited for the worker. */
  done(model: string, done: Done, waitMs: number): void;
  workerLost(): void;
}

/** The metrics of a server, for Prometheus. */
export function createMetrics(pool: Pick<Pool, "state">): Metrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  const requests = new Histogram({
    ...{ name: "whybox_request_seconds", help: "Time of requests, by route and status.", registers },
    ...{ labelNames: ["route", "method", "status"], buckets: SECONDS },
  });
  const stages = new Histogram({
    ...{ name: "whybox_stage_seconds", help: "Time of the stages of an image: wait, decode, detect, explain, render." },
    ...{ labelNames: ["model", "stage"], buckets: SECONDS, registers },
  });
  const detections = new Counter({
    ...{ name: "whybox_detections_total", help: "Detections in answers.", labelNames: ["model"], registers },
  });
  const refused = new Counter({
    ...{ name: "whybox_refused_total", help: "Requests refused before their work began.", registers },
    labelNames: ["reason"],
  });
  const lost = new Counter({
    ...{ name: "whybox_worker_ends_total", help: "Workers that ended unexpectedly and were replaced.", registers },
  });
  for (const [state, help] of [
    ["ready", "Workers that have loaded the models."],
    ["busy", "Workers with a job."],
    ["waiting", "Jobs that wait for a worker."],
  ] as const) {
    new Gauge({
      ...{ name: state === "waiting" ? "whybox_jobs_waiting" : `whybox_workers_${state}`, help, registers },
      collect() {
        this.set(pool.state[state]);
      },
    });
  }
  return {
    contentType: registry.contentType,
    text: () => registry.metrics(),
    ended: ({ seconds, status, ...labels }) => requests.observe({ ...labels, status: String(status) }, seconds),
    refused: (reason) => refused.inc({ reason }),
    done: (model, done, waitMs) => {
      detections.inc({ model }, done.detections);
      for (const [stage, ms] of Object.entries({ wait: waitMs, ...done.ms })) {
        // A job has either the stage "detect" or "explain", and not every one renders.
        if (ms > 0) stages.observe({ model, stage }, ms / 1e3);
      }
    },
    workerLost: () => lost.inc(),
  };
}
