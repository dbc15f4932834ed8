import { Worker } from "node:worker_threads";
import {
  type RuntimePort,
  type RuntimeSession,
  type RuntimeTensor,
  type SessionOptions,
  WhyboxError,
  type WhyboxErrorCode,
} from "@whybox/core";
import { createGate, shutGate, stopWaitingAtExit, waitAtExit } from "./gate.js";
import { type Answer, loaded, type RemoteTensor, type Replies, type Request } from "./protocol.js";

/** A runtime whose sessions run in a worker thread. The caller's event loop stays free while a model runs. */
export interface WorkerPort extends RuntimePort {
  /** Execution providers in this build of the runtime. The machine may not support all of them. */
  backends(): Promise<readonly string[]>;
  /** Waits for the current run, then terminates the thread. Pending calls fail. */
  close(): Promise<void>;
}

/** Starts the runtime thread. An idle thread does not keep the process alive. */
export function createWorkerPort(): WorkerPort {
  const caller = new WorkerCaller();
  return {
    description: "onnxruntime-node in a worker thread",
    upload: async (type, dims, data) =>
      wrapTensor(caller, await caller.call({ kind: "upload", type, dims, data }, owned(data))),
    createSession: async (model, options) => {
      const creating = caller.call({ kind: "create", model, options }, owned(model));
      return wrapSession(
        caller,
        await creating.catch((error: unknown) => Promise.reject(withDeviceHint(error, options))),
      );
    },
    backends: () => caller.call({ kind: "backends" }),
    close: () => caller.close(),
  };
}

/** The requirements of each device. */
const deviceNeeds: ReadonlyMap<string, string> = new Map([
  [
    "cuda",
    "The install script of onnxruntime-node downloads the CUDA provider (npm rebuild onnxruntime-node). It needs CUDA and cuDNN on the machine.",
  ],
  ["webgpu", "WebGPU needs a graphics driver. On Linux it needs libvulkan1 and a Vulkan driver."],
]);

/** Adds the device's requirements to an error of ONNX Runtime. */
function withDeviceHint(error: unknown, { executionProviders }: SessionOptions): unknown {
  const hint = deviceNeeds.get(executionProviders?.[0] ?? "");
  if (!(error instanceof WhyboxError) || hint === undefined) return error;
  const message = `${error.message} ${hint} Or use --device cpu.`;
  return new WhyboxError(error.code, message, { cause: error, details: error.details });
}

class WorkerCaller {
  readonly #gate = createGate();
  readonly #worker: Worker;
  readonly #waiting = new Map<number, { resolve: (value: never) => void; reject: (error: Error) => void }>();
  /** Number of messages that the thread has to send. The first one is `loaded`. */
  #unanswered = 1;
  #onIdle: () => void = () => undefined;
  #closing: Promise<void> | undefined;
  #next = 1;
  #closed: Error | undefined;

  constructor() {
    // No execArgv: flags of the process (--input-type, --import, …) do not apply to the worker's script.
    this.#worker = new Worker(new URL("./worker.js", import.meta.url), { execArgv: [], workerData: this.#gate });
    waitAtExit(this.#gate);
    this.#worker.on("message", (answer: Answer | typeof loaded) => {
      if (answer !== loaded) this.#settle(answer);
      this.#answered();
    });
    this.#worker.on("error", (cause) =>
      this.#fail(new WhyboxError("runtime", `The runtime's thread failed: ${cause}`, { cause })),
    );
    this.#worker.on("exit", () => {
      this.#fail(ended());
      // No further answer comes.
      this.#unanswered = 1;
      this.#answered();
    });
  }

  call<R extends Request>(request: R, transfer: ArrayBuffer[] = []): Promise<Replies[R["kind"]]> {
    if (this.#closed) return Promise.reject(this.#closed);
    const call = this.#next++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(call, { resolve, reject });
      if (this.#unanswered++ === 0) {
        this.#worker.ref();
        waitAtExit(this.#gate);
      }
      this.#worker.postMessage({ ...request, call }, transfer);
    });
  }

  close(): Promise<void> {
    this.#closing ??= this.#end();
    return this.#closing;
  }

  async #end(): Promise<void> {
    shutGate(this.#gate);
    this.#fail(ended());
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

  #settle(answer: Answer): void {
    const waiting = this.#waiting.get(answer.call);
    this.#waiting.delete(answer.call);
    if (waiting === undefined) return;
    if ("error" in answer) waiting.reject(new WhyboxError(answer.error.code as WhyboxErrorCode, answer.error.message));
    else waiting.resolve(answer.value as never);
  }

  #fail(error: WhyboxError): void {
    this.#closed ??= error;
    for (const { reject } of this.#waiting.values()) reject(this.#closed);
    this.#waiting.clear();
  }
}

function ended(): WhyboxError {
  return new WhyboxError("runtime", "The runtime's thread has ended, because the detector was disposed.");
}

/** The buffer of `view` for the transfer list, if the view covers all of it. */
function owned(view: ArrayBufferView): ArrayBuffer[] {
  const { buffer } = view;
  return buffer instanceof ArrayBuffer && view.byteLength === buffer.byteLength ? [buffer] : [];
}

const remoteId = Symbol("remote tensor");
interface Remote extends RuntimeTensor {
  readonly [remoteId]: number;
}

function wrapTensor(caller: WorkerCaller, tensor: RemoteTensor): RuntimeTensor {
  let disposed = false;
  const wrapped: Remote = {
    type: tensor.type,
    dims: tensor.dims,
    read: () => caller.call({ kind: "read", tensor: tensor.id }),
    dispose: () => {
      if (!disposed) caller.call({ kind: "dispose", tensor: tensor.id }).catch(() => undefined);
      disposed = true;
    },
    [remoteId]: tensor.id,
  };
  return wrapped;
}

function wrapSession(caller: WorkerCaller, made: Replies["create"]): RuntimeSession {
  let released = false;
  return {
    inputNames: made.inputNames,
    outputNames: made.outputNames,
    run: async (feeds, outputs) => {
      const ids = Object.entries(feeds).map(([name, tensor]) => [name, (tensor as Remote)[remoteId]] as const);
      const results = await caller.call({ kind: "run", session: made.id, feeds: Object.fromEntries(ids), outputs });
      return Object.fromEntries(Object.entries(results).map(([name, tensor]) => [name, wrapTensor(caller, tensor)]));
    },
    release: async () => {
      if (released) return;
      released = true;
      await caller.call({ kind: "release", session: made.id }).catch(() => undefined);
    },
  };
}
