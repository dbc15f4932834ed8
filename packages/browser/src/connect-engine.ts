import { proxy, type Remote, transfer, wrap } from "comlink";
import type { AskedEngine, Engine, OnProgress, Question } from "./protocol.js";

/** An engine in a worker. */
export interface EngineHandle<E extends Engine = Engine> {
  readonly engine: E;
  /** Terminates the worker. */
  close(): void;
}

/** The question with its bitmap or pixels transferred. */
function buffersOf(question: Question): Question {
  const sent = "image" in question ? question.image.sent : undefined;
  if (sent === undefined || "file" in sent) return question;
  return transfer(question, ["bitmap" in sent ? sent.bitmap : sent.pixels.data.buffer]);
}

/** The engine of a worker that calls `serveEngine`. */
export function connectEngine(worker: Worker): EngineHandle<AskedEngine> {
  const remote = wrap<AskedEngine>(worker) as Remote<AskedEngine>;
  const told = (tell: OnProgress) => proxy(tell);
  const engine: AskedEngine = {
    open: (job, request, tell) => remote.open(job, request, told(tell)),
    decode: (job, file) => remote.decode(job, file),
    frame: (job, frame) => remote.frame(job, transfer(frame, [frame])),
    detect: (job, request, tell) => remote.detect(job, request, told(tell)),
    explain: (job, request, tell) => remote.explain(job, request, told(tell)),
    activations: (job, request, tell) => remote.activations(job, request, told(tell)),
    draw: (job, request) => remote.draw(job, request),
    document: (job, request, tell) => remote.document(job, request, told(tell)),
    ask: (job, question, tell) => remote.ask(job, buffersOf(question), told(tell)) as never,
    cancel: (job) => remote.cancel(job),
  };
  return { engine, close: () => worker.terminate() };
}
