import { Worker } from "node:worker_threads";
import {
  type RuntimePort,
  type RuntimeSession,
  type RuntimeTensor,
  type SessionOptions,
  WhyboxError,
  type WhyboxErrorCode,
} from "@whybox/core";
import { createGate, restsAtExit, shutGate, waitAtExit } from "./gate.js";
import { type Answer, loaded, type RemoteTensor, type Replies, type Request } from "./protocol.js";

/** A runtime whose sessions live in a worker thread, so that the caller's event loop stays free while a model runs. */
export interface WorkerPort extends RuntimePort {
  /** Execution providers that this build of the runtime knows; that one is listed does not say that the machine has it. */
  backends(): Promise<readonly string[]>;
  /** Ends the thread and all that lives in it, once the pass under way has ended. Calls under way fail. */
  close(): Promise<void>;
}

/** Starts the runtime thread. It does not keep the process alive while nothing is asked of it. */
export function createWorkerPort(): WorkerPort {
  // Flags of the process (--input-type, --import, …) are for its own script, not for the thread's.
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

/** What a device needs of the machine. */
const deviceNeeds: ReadonlyMap<string, string> = new Map([
  [
    "cuda",
    "The CUDA parts come with onnxruntime-node's install script (npm rebuild onnxruntime-node) and need CUDA and cuDNN on the machine.",
  ],
  ["webgpu", "WebGPU needs a graphics driver; on Linux libvulkan1 and a Vulkan driver."],
]);

/** ONNX Runtime says what it misses; people need to know where it comes from. */
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
  /** What the thread has to answer; its loading is the first. */
  #unanswered = 1;
  #rests: () => void = () => undefined;
  #closing: Promise<void> | undefined;
  #next = 1;
  #closed: Error | undefined;

  constructor() {
    // Flags of the process (--input-type, --import, …) are for its own script, not for the thread's.
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
      // It answers nothing any more.
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
        this.#rests = resolve;
      });
    }
    await this.#worker.terminate();
  }

  /** While there is nothing to answer, the thread keeps no process alive, and may be ended. */
  #answered(): void {
    if (--this.#unanswered > 0) return;
    this.#worker.unref();
    restsAtExit(this.#gate);
    this.#rests();
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
  return new WhyboxError("runtime", "The runtime's thread has ended; the detector was disposed of.");
}

/** The buffer behind `view`, to hand over, when the view is all of it. */
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
