import { Worker } from "node:worker_threads";
import { type ExplainProgress, WhyboxError } from "@whybox/core";
import { errorFrom } from "./error-data.js";
import { createGate, shutGate, stopWaitingAtExit, waitAtExit } from "./gate.js";
import { type Answer, loaded, type Message, type Replies, type Report, type Request } from "./protocol.js";

export interface CallOptions {
  readonly transfer?: readonly ArrayBuffer[];
  /** Aborts the call. The call then fails with `aborted`, when the worker has stopped. */
  readonly signal?: AbortSignal | undefined;
  /** Receives the progress. An error that it throws aborts the call, which then fails with that error. */
  readonly onProgress?: ((progress: ExplainProgress) => void) | undefined;
  /** Receives what was assumed about the image file, before the call returns. An error that it throws fails the call. */
  readonly onNote?: ((text: string) => void) | undefined;
}

interface Waiting extends Pick<CallOptions, "signal" | "onProgress" | "onNote"> {
  resolve(value: never): void;
  reject(error: unknown): void;
  /** The error that `onProgress` threw. */
  failure?: { readonly error: unknown };
  /** Stops listening to the signal. */
  ended(): void;
}

/** Calls of a worker thread. An idle thread does not keep the process alive. */
export class WorkerCaller {
  readonly #gate = createGate();
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  /** Number of messages that the thread has to send. The first one is `loaded`. */
  #unanswered = 1;
  #onIdle: () => void = () => undefined;
  #closing: Promise<void> | undefined;
  #next = 1;
  #closed: Error | undefined;

  constructor(script = new URL("./worker.js", import.meta.url)) {
    // No execArgv: flags of the process (--input-type, --import, …) do not apply to the worker's script.
    this.#worker = new Worker(script, { execArgv: [], workerData: this.#gate });
    waitAtExit(this.#gate);
    this.#worker.on("message", (message: Answer | Report | typeof loaded) => {
      if (message !== loaded && "progress" in message) return this.#report(message);
      if (message !== loaded) this.#settle(message);
      this.#answered();
    });
    this.#worker.on("error", (cause) =>
      this.#fail(new WhyboxError("runtime", `The detector's thread failed: ${cause}`, { cause })),
    );
    this.#worker.on("exit", (code) => {
      this.#fail(new WhyboxError("runtime", `The detector's thread has ended unexpectedly, with exit code ${code}.`));
      // No further answer comes.
      this.#unanswered = 1;
      this.#answered();
    });
  }

  /** Whether the thread has ended without being told to: something killed it, or it had no memory left. */
  get isLost(): boolean {
    return this.#closed !== undefined && this.#closing === undefined;
  }

  /** Sends a request. @throws the worker's error; runtime when the thread has ended; aborted. */
  call<R extends Request>(
    request: R,
    { transfer = [], signal, onProgress, onNote }: CallOptions = {},
  ): Promise<Replies[R["kind"]]> {
    if (this.#closed) return Promise.reject(this.#closed);
    if (signal?.aborted) return Promise.reject(aborted(signal));
    const call = this.#next++;
    return new Promise((resolve, reject) => {
      const abort = () => this.#send({ kind: "abort", call });
      signal?.addEventListener("abort", abort, { once: true });
      const ended = () => signal?.removeEventListener("abort", abort);
      this.#waiting.set(call, { resolve, reject, signal, onProgress, onNote, ended });
      if (this.#unanswered++ === 0) {
        this.#worker.ref();
        waitAtExit(this.#gate);
      }
      this.#send({ ...request, call, reports: onProgress !== undefined }, transfer);
    });
  }

  /** Waits for the current run, then terminates the thread. Pending calls fail. */
  close(): Promise<void> {
    this.#closing ??= this.#end();
    return this.#closing;
  }

  #send(message: Message, transfer: readonly ArrayBuffer[] = []): void {
    this.#worker.postMessage(message, transfer);
  }

  async #end(): Promise<void> {
    shutGate(this.#gate);
    this.#fail(new WhyboxError("runtime", "The detector's thread has ended, because the detector was disposed."));
    if (this.#unanswered > 0) {
      await new Promise<void>((resolve) => {
        this.#onIdle = resolve;
      });
    }
    await this.#worker.terminate();
  }

  /** Counts an answer. When none is pending, the thread does not keep the process alive, and may be terminated. */
  #answered(): void {
    if (--this.#unanswered > 0) return;
    this.#worker.unref();
    stopWaitingAtExit(this.#gate);
    this.#onIdle();
  }

  #report({ call, progress }: Report): void {
    const waiting = this.#waiting.get(call);
    if (waiting === undefined || waiting.failure !== undefined) return;
    try {
      waiting.onProgress?.(progress);
    } catch (error) {
      waiting.failure = { error };
      this.#send({ kind: "abort", call });
    }
  }

  #settle(answer: Answer): void {
    const waiting = this.#waiting.get(answer.call);
    this.#waiting.delete(answer.call);
    if (waiting === undefined) return;
    const { resolve, reject, signal, onNote, failure, ended } = waiting;
    ended();
    if (failure !== undefined) reject(failure.error);
    else if (!("error" in answer)) {
      try {
        for (const note of answer.notes ?? []) onNote?.(note);
        resolve(answer.value as never);
      } catch (error) {
        reject(error);
      }
    } else if (signal?.aborted && answer.error.code === "aborted") reject(aborted(signal));
    else reject(errorFrom(answer.error));
  }

  #fail(error: WhyboxError): void {
    this.#closed ??= error;
    for (const { reject, ended } of this.#waiting.values()) {
      ended();
      reject(this.#closed);
    }
    this.#waiting.clear();
  }
}

function aborted(signal: AbortSignal): WhyboxError {
  return new WhyboxError("aborted", "The operation was aborted.", { cause: signal.reason });
}

/** The buffer of `view` for the transfer list, if the view covers all of it. */
export function owned(view: ArrayBufferView): ArrayBuffer[] {
  const { buffer } = view;
  return buffer instanceof ArrayBuffer && view.byteLength === buffer.byteLength ? [buffer] : [];
}
