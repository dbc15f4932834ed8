import { WhyboxError, type WhyboxErrorCode } from "@whybox/core";
import { connectEngine, type EngineHandle } from "./connect-engine.js";
import { aborted } from "./image-source.js";
import type { Answer, AskedEngine, Failure, OnProgress } from "./protocol.js";

interface CallOptions {
  readonly signal?: AbortSignal | undefined;
  /** Gets the progress. An error that it throws ends the call, which fails with that error. */
  readonly tell?: OnProgress;
}

/** Calls of an engine in a worker, as a library makes them: errors are thrown, and signals abort. */
export class Calls {
  readonly #handle: EngineHandle<AskedEngine>;
  #next = 1;
  #end: (error: WhyboxError) => void = () => {};
  readonly #ended: Promise<never>;

  constructor(worker: Worker) {
    this.#ended = new Promise((_, reject) => {
      this.#end = reject;
    });
    this.#ended.catch(() => undefined);
    worker.addEventListener("error", (event) => {
      const reason = event.message || "its script could not be loaded";
      this.#stop(new WhyboxError("runtime", `The engine's worker failed: ${reason}.`));
    });
    this.#handle = connectEngine(worker);
  }

  /** @throws the error of the engine; aborted; runtime when the worker has ended. */
  async run<T>(
    call: (engine: AskedEngine, job: number, tell: OnProgress) => Promise<Answer<T>>,
    { signal, tell }: CallOptions = {},
  ): Promise<T> {
    const { engine } = this.#handle;
    const job = this.#next++;
    const cancel = () => void engine.cancel(job);
    signal?.addEventListener("abort", cancel, { once: true });
    let thrown: { readonly error: unknown } | undefined;
    const told: OnProgress = (progress) => {
      if (thrown !== undefined) return;
      try {
        tell?.(progress);
      } catch (error) {
        thrown = { error };
        cancel();
      }
    };
    try {
      const answer = await Promise.race([call(engine, job, told), this.#ended]);
      if (thrown !== undefined) throw (thrown as { readonly error: unknown }).error;
      if (answer.ok) return answer.value;
      throw signal?.aborted && answer.failure.code === "aborted" ? aborted(signal) : errorOf(answer.failure);
    } finally {
      signal?.removeEventListener("abort", cancel);
    }
  }

  /** Ends the worker. Pending calls fail. */
  close(): void {
    this.#stop(new WhyboxError("runtime", "The engine's worker has ended, because the detector was disposed."));
  }

  #stop(error: WhyboxError): void {
    this.#end(error);
    this.#handle.close();
  }
}

/** The engine's own codes besides those of WhyboxError. */
const others: Readonly<Record<string, WhyboxErrorCode>> = { memory: "runtime", absent: "download" };

function errorOf({ code, message, details }: Failure): WhyboxError {
  return new WhyboxError(others[code] ?? (code as WhyboxErrorCode), message, details ? { details } : {});
}
