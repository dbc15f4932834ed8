import type { RuntimePort, RuntimeSession, RuntimeTensor } from "@whybox/core";
import { allocationsMayFail } from "./memory.js";
import type { RemoteTensor, Replies } from "./protocol.js";
import { owned, WorkerCaller } from "./worker-caller.js";

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
  const port = remotePort(caller);
  return {
    ...port,
    // Models of several detectors may have the same key, so keys are left out.
    createSession: (model, { key: _, ...options }) => port.createSession(model, options),
    backends: () => caller.call({ kind: "backends" }),
    close: () => caller.close(),
  };
}

/** The runtime in the worker of `caller`. Sessions with the key of one of the worker's own sessions are shared with it. */
export function remotePort(caller: WorkerCaller): RuntimePort {
  const reserves = allocationsMayFail();
  return {
    description: "onnxruntime-node in a worker thread",
    upload: async (type, dims, data) =>
      wrapTensor(caller, await caller.call({ kind: "upload", type, dims, data }, { transfer: owned(data) })),
    createSession: async (model, options) =>
      wrapSession(await caller.call({ kind: "create", model, options }, { transfer: owned(model) }), {
        caller,
        reserves,
      }),
  };
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

interface SessionContext {
  readonly caller: WorkerCaller;
  /** Whether the worker reserves the memory of outputs. Otherwise nobody asks for their size. */
  readonly reserves: boolean;
}

function wrapSession(made: Replies["create"], { caller, reserves }: SessionContext): RuntimeSession {
  let released = false;
  return {
    inputNames: made.inputNames,
    outputNames: made.outputNames,
    run: async (feeds, outputs, outputBytes) => {
      const ids = Object.entries(feeds).map(([name, tensor]) => [name, (tensor as Remote)[remoteId]] as const);
      const bytes = reserves ? outputBytes?.() : undefined;
      const request = { session: made.id, feeds: Object.fromEntries(ids), outputs, outputBytes: bytes ?? 0 };
      const results = await caller.call({ kind: "run", ...request });
      return Object.fromEntries(Object.entries(results).map(([name, tensor]) => [name, wrapTensor(caller, tensor)]));
    },
    release: async () => {
      if (released) return;
      released = true;
      await caller.call({ kind: "release", session: made.id }).catch(() => undefined);
    },
  };
}
