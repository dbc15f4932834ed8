import { proxy, type Remote, transfer, wrap } from "comlink";
import type { Engine, OnProgress } from "./protocol.js";

/** An engine in a worker. */
export interface EngineHandle {
  readonly engine: Engine;
  /** Terminates the worker. */
  close(): void;
}

/** The engine of a worker that calls `serveEngine`. */
export function connectEngine(worker: Worker): EngineHandle {
  const remote = wrap<Engine>(worker) as Remote<Engine>;
  const told = (tell: OnProgress) => proxy(tell);
  const engine: Engine = {
    open: (job, request, tell) => remote.open(job, request, told(tell)),
    decode: (job, file) => remote.decode(job, file),
    frame: (job, frame) => remote.frame(job, transfer(frame, [frame])),
    detect: (job, request, tell) => remote.detect(job, request, told(tell)),
    explain: (job, request, tell) => remote.explain(job, request, told(tell)),
    activations: (job, request, tell) => remote.activations(job, request, told(tell)),
    draw: (job, request) => remote.draw(job, request),
    document: (job, request, tell) => remote.document(job, request, told(tell)),
    cancel: (job) => remote.cancel(job),
  };
  return { engine, close: () => worker.terminate() };
}
