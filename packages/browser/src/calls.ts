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

/** A worker, and what was opened in it. */
interface Running {
  readonly worker: Worker;
  readonly api: Remote<WorkerApi>;
  /** By number of the model. */
  readonly models: Map<number, Promise<OpenedModel>>;
  /** Rejects when the worker ends. */
  readonly ended: Promise<never>;
  end(error: WhyboxError): void;
}

/**
 * Calls of an engine in a worker, as a library makes them: errors are thrown, and signals abort. If the worker breaks down, its calls fail, and the
 * next call opens its model in a new worker.
 */
export class Calls {
  readonly #start: () => Worker;
  readonly #requests = new Map<number, OpenRequest>();
  #running: Running | undefined;
  #closed: WhyboxError | undefined;
  #next = 1;

  /** @param start starts a worker with the engine. */
  constructor(start: () => Worker) {
    this.#start = start;
    this.#running = this.#begin();
  }

  /** @throws the error of the engine; aborted; runtime when the worker has ended. */
  async open(request: OpenRequest, options?: CallOptions): Promise<OpenedModel> {
    const opened = await this.#open(this.#engine(), request, options);
    this.#requests.set(request.model, request);
    return opened;
  }

  /** @throws as `open`. */
  async ask<K extends QuestionKind>(
    question: Question & { readonly kind: K },
    options?: CallOptions,
  ): Promise<Replies[K]> {
    const engine = this.#engine();
    await this.#reopen(engine, question);
    return await this.#run(
      engine,
      (job, tell) => engine.api.ask(job, buffersOf(question), tell) as Promise<Answer<Replies[K]>>,
      options,
    );
  }

  #begin(): Running {
    const worker = this.#start();
    let end: Running["end"] = () => {};
    const ended = new Promise<never>((_, reject) => {
      end = reject;
    });
    ended.catch(() => undefined);
    const running = { worker, api: wrap<WorkerApi>(worker), models: new Map(), ended, end };
    worker.addEventListener("error", (event) => {
      const reason = event.message || "its script could not be loaded";
      end(new WhyboxError("runtime", `The engine's worker failed: ${reason}.`));
      worker.terminate();
      if (this.#running === running) this.#running = undefined;
    });
    return running;
  }

  #engine(): Running {
    if (this.#closed !== undefined) throw this.#closed;
    this.#running ??= this.#begin();
    return this.#running;
  }

  /** Opens the model of a question, if another worker had it. */
  async #reopen(engine: Running, question: Question): Promise<void> {
    const request = "model" in question ? this.#requests.get(question.model) : undefined;
    if (request === undefined) return;
    if (question.kind === "dispose") this.#requests.delete(request.model);
    await (engine.models.get(request.model) ?? this.#open(engine, request));
  }

  #open(engine: Running, request: OpenRequest, options?: CallOptions): Promise<OpenedModel> {
    const opened = this.#run(engine, (job, tell) => engine.api.open(job, request, tell), options);
    engine.models.set(request.model, opened);
    opened.catch(() => engine.models.delete(request.model));
    return opened;
  }

  async #run<T>(
    { api, ended }: Running,
    call: (job: number, tell: OnProgress) => Promise<Answer<T>>,
    { signal, tell }: CallOptions = {},
  ): Promise<T> {
    if (signal?.aborted) throw aborted(signal);
    const job = this.#next++;
    const cancel = () => void api.cancel(job);
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
      const answer = await Promise.race([call(job, proxy(told)), ended]);
      if (thrown !== undefined) throw (thrown as { readonly error: unknown }).error;
      if (answer.ok) return answer.value;
      throw signal?.aborted && answer.failure.code === "aborted" ? aborted(signal) : errorOf(answer.failure);
    } finally {
      signal?.removeEventListener("abort", cancel);
    }
  }

  /** Ends the worker. Pending and later calls fail with this error. */
  close(why = new WhyboxError("runtime", "The engine's worker has ended, because the detector was disposed.")): void {
    this.#closed ??= why;
    this.#requests.clear();
    this.#running?.end(why);
    this.#running?.worker.terminate();
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
