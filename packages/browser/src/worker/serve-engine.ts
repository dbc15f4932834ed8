import { expose, transfer } from "comlink";
import type { Answer, OnProgress, Question, QuestionKind, Replies, WorkerApi } from "../protocol.js";
import { answerOf } from "./answer.js";
import { type Call, type Reply, WebEngine } from "./engine.js";

/** Makes this worker an engine. `version`: of Whybox, for result documents. */
export function serveEngine({ version }: { readonly version: string }): void {
  expose(workerApi(new WebEngine(version)));
}

function workerApi(engine: WebEngine): WorkerApi {
  const running = new Map<number, AbortController>();
  let last: Promise<unknown> = Promise.resolve();

  /** Runs calls one after another. A call that is cancelled while it waits never starts. */
  const queued = <T>(job: number, tell: OnProgress, body: (call: Call) => Promise<T>): Promise<Answer<T>> => {
    const controller = new AbortController();
    const { signal } = controller;
    running.set(job, controller);
    const mine = last.then(() =>
      answerOf(async () => {
        signal.throwIfAborted();
        return body({ tell: throttled(tell), signal });
      }),
    );
    last = mine;
    return mine.then((answer) => (signal.aborted ? aborted : answer)).finally(() => running.delete(job));
  };

  return {
    open: (job, request, tell) => queued(job, tell, (call) => engine.open(request, call)),
    ask: <K extends QuestionKind>(job: number, question: Question & { readonly kind: K }, tell: OnProgress) =>
      queued(job, tell, (call) => engine.ask(question, call) as Promise<Reply<Replies[K]>>).then(withTransfer),
    cancel: async (job) => running.get(job)?.abort(),
  };
}

const aborted = { ok: false, failure: { code: "aborted", message: "Cancelled.", details: {} } } as const;

/** Limits progress messages to ten per second. The first message of a stage and the last one are always sent. */
function throttled(tell: OnProgress): OnProgress {
  let [stage, at] = ["", 0];
  return (progress) => {
    const now = performance.now();
    const isLast = progress.done !== undefined && progress.done === progress.total;
    if (progress.stage === stage && now - at < 100 && !isLast) return;
    [stage, at] = [progress.stage, now];
    tell(progress);
  };
}

function withTransfer<T>(answer: Answer<Reply<T>>): Answer<T> {
  return answer.ok ? transfer({ ok: true, value: answer.value.value }, [...answer.value.transfer]) : answer;
}
