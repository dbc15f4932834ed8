import { expose, transfer } from "comlink";
import type { Answer, AskedEngine, Explanation, OnProgress, Thumbnail } from "../protocol.js";
import { answerOf } from "./answer.js";
import { WebEngine } from "./engine.js";

/** Makes this worker an engine. `version`: of Whybox, for result documents. */
export function serveEngine({ version }: { readonly version: string }): void {
  expose(engineApi(new WebEngine(version)));
}

function engineApi(engine: WebEngine): AskedEngine {
  const running = new Map<number, AbortController>();
  let last: Promise<unknown> = Promise.resolve();

  /** Runs calls one after another. A call that is cancelled while it waits never starts. */
  const queued = <T>(job: number, body: (signal: AbortSignal) => Promise<T>): Promise<Answer<T>> => {
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
  };

  return {
    open: (job, request, tell) => queued(job, (signal) => engine.open(request, throttled(tell), signal)),
    decode: (job, file) => queued(job, () => engine.decode(file)),
    frame: (job, bitmap) => queued(job, () => engine.frame(bitmap)),
    detect: (job, request, tell) => queued(job, (signal) => engine.detect(request, throttled(tell), signal)),
    explain: async (job, request, tell) =>
      withTransfer(await queued(job, (signal) => engine.explain(request, throttled(tell), signal))),
    activations: async (job, request, tell) =>
      withTransfer(await queued(job, (signal) => engine.activations(request, throttled(tell), signal))),
    draw: (job, request) => queued(job, () => engine.draw(request)),
    document: (job, request, tell) => queued(job, (signal) => engine.document(request, throttled(tell), signal)),
    ask: (job, question, tell) =>
      queued(job, (signal) => engine.ask(question, tell, signal)).then((answer) =>
        answer.ok ? transfer({ ok: true, value: answer.value.value } as never, [...answer.value.transfer]) : answer,
      ),
    cancel: async (job) => running.get(job)?.abort(),
  };
}

const aborted = { ok: false, failure: { code: "aborted", message: "Cancelled." } } as const;

/** Limits progress messages to ten per second. The first message of a stage is always sent. */
function throttled(tell: OnProgress): OnProgress {
  let [stage, at] = ["", 0];
  return (progress) => {
    const now = performance.now();
    if (progress.stage === stage && now - at < 100) return;
    [stage, at] = [progress.stage, now];
    tell(progress);
  };
}

/** Transfers the memory of the maps to the page. */
function withTransfer<T extends Explanation | readonly Thumbnail[]>(answer: Answer<T>): Answer<T> {
  if (!answer.ok) return answer;
  const { value } = answer;
  const maps = "whole" in value ? [value.whole, ...value.maps] : (value as readonly Thumbnail[]);
  return transfer(answer, [...new Set(maps.map(({ data }) => data.buffer))]);
}
