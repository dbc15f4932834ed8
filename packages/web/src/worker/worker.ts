import { expose, transfer } from "comlink";
import type { Answer, Engine, Explanation, OnProgress, Thumbnail } from "../protocol.js";
import { answerOf } from "./answer.js";
import { WebEngine } from "./engine.js";

const engine = new WebEngine();
const running = new Map<number, AbortController>();
let last: Promise<unknown> = Promise.resolve();

/** Calls wait for one another; one that is cancelled while it waits never starts. */
function queued<T>(job: number, body: (signal: AbortSignal) => Promise<T>): Promise<Answer<T>> {
  const controller = new AbortController();
  running.set(job, controller);
  const mine = last.then(() =>
    answerOf(async () => {
      controller.signal.throwIfAborted();
      return body(controller.signal);
    }),
  );
  last = mine;
  return mine.then((answer) => (controller.signal.aborted ? aborted : answer)).finally(() => running.delete(job));
}

const aborted = { ok: false, failure: { code: "aborted", message: "Cancelled." } } as const;

/** Messages to the page are not free: a tenth of a second is often enough, and the first of a stage always goes. */
function sparingly(tell: OnProgress): OnProgress {
  let [stage, at] = ["", 0];
  return (progress) => {
    const now = performance.now();
    if (progress.stage === stage && now - at < 100) return;
    [stage, at] = [progress.stage, now];
    tell(progress);
  };
}

/** The maps' memory goes over to the page. */
function handOver<T extends Explanation | readonly Thumbnail[]>(answer: Answer<T>): Answer<T> {
  if (!answer.ok) return answer;
  const { value } = answer;
  const maps = "whole" in value ? [value.whole, ...value.maps] : (value as readonly Thumbnail[]);
  return transfer(answer, [...new Set(maps.map(({ data }) => data.buffer))]);
}

const api: Engine = {
  open: (job, request, tell) => queued(job, (signal) => engine.open(request, sparingly(tell), signal)),
  decode: (job, file) => queued(job, () => engine.decode(file)),
  frame: (job, bitmap) => queued(job, () => engine.frame(bitmap)),
  detect: (job, request, tell) => queued(job, (signal) => engine.detect(request, sparingly(tell), signal)),
  explain: async (job, request, tell) =>
    handOver(await queued(job, (signal) => engine.explain(request, sparingly(tell), signal))),
  activations: async (job, request, tell) =>
    handOver(await queued(job, (signal) => engine.activations(request, sparingly(tell), signal))),
  draw: (job, request) => queued(job, () => engine.draw(request)),
  document: (job, request) => queued(job, (signal) => engine.document(request, signal)),
  cancel: async (job) => running.get(job)?.abort(),
};

expose(api);
