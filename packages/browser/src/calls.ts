import { WhyboxError } from "@whybox/core";
import { proxy, type Remote, transfer, wrap } from "comlink";
import { aborted } from "./image-source.js";
import type {
  Answer,
  Failure,
  OnProgress,
  OpenedModel,
  OpenRequest,
  Question,
  QuestionKind,
  Replies,
  WorkerApi,
} from "./protocol.js";

export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
  /** Gets the progress. An error that it throws ends the call, which fails with that error. */
  readonly tell?: OnProgress;
}

/** Calls of an engine in a worker, as a library makes them: errors are thrown, and signals abort. */
export class Calls {
  readonly #worker: Worker;
  readonly #api: Remote<WorkerApi>;
  #next = 1;
  #end: (error: WhyboxError) => void = () => {};
  readonly #ended: Promise<never>;

  constructor(worker: Worker) {
    this.#worker = worker;
    this.#ended = new Promise((_, reject) => {
      this.#end = reject;
    });
    this.#ended.catch(() => undefined);
    worker.addEventListener("error", (event) => {
      const reason = event.message || "its script could not be loaded";
      this.close(new WhyboxError("runtime", `The engine's worker failed: ${reason}.`));
    });
    this.#api = wrap<WorkerApi>(worker);
  }

  /** @throws the error of the engine; aborted; runtime when the worker has ended. */
  open(request: OpenRequest, options?: CallOptions): Promise<OpenedModel> {
    return this.#run((job, tell) => this.#api.open(job, request, tell), options);
  }

  /** @throws as `open`. */
  ask<K extends QuestionKind>(question: Question & { readonly kind: K }, options?: CallOptions): Promise<Replies[K]> {
    return this.#run(
      (job, tell) => this.#api.ask(job, buffersOf(question), tell) as Promise<Answer<Replies[K]>>,
      options,
    );
  }

  async #run<T>(
    call: (job: number, tell: OnProgress) => Promise<Answer<T>>,
    { signal, tell }: CallOptions = {},
  ): Promise<T> {
    if (signal?.aborted) throw aborted(signal);
    const job = this.#next++;
    const cancel = () => void this.#api.cancel(job);
    signal?.addEventListener("abort", cancel, { once: true });
    let thrown: { readonly error: unknown } | undefined;
    const told: OnProgress = (progress) => {
      if (thrown !== undefined || signal?.aborted) return;
      try {
        tell?.(progress);
      } catch (error) {
        thrown = { error };
        cancel();
      }
    };
    try {
      const answer = await Promise.race([call(job, proxy(told)), this.#ended]);
      if (thrown !== undefined) throw (thrown as { readonly error: unknown }).error;
      if (answer.ok) return answer.value;
      throw signal?.aborted && answer.failure.code === "aborted" ? aborted(signal) : errorOf(answer.failure);
    } finally {
      signal?.removeEventListener("abort", cancel);
    }
  }

  /** Ends the worker. Pending and later calls fail with this error. */
  close(why = new WhyboxError("runtime", "The engine's worker has ended, because the detector was disposed.")): void {
    this.#end(why);
    this.#worker.terminate();
  }
}

/** The question with its bitmap or pixels transferred. */
function buffersOf<Q extends Question>(question: Q): Q {
  const sent = "image" in question ? question.image.sent : undefined;
  if (sent === undefined || "file" in sent) return question;
  return transfer(question, ["bitmap" in sent ? sent.bitmap : sent.pixels.data.buffer]);
}

function errorOf({ code, message, details }: Failure): WhyboxError {
  return new WhyboxError(code, message, { details });
}
