import type { RuntimeData, RuntimeType, SessionOptions } from "@whybox/core";

/** A request of the main thread to the runtime worker. Tensors and sessions are ids, because the worker owns them. */
export type Request =
  | { readonly kind: "backends" }
  | {
      readonly kind: "upload";
      readonly type: RuntimeType;
      readonly dims: readonly number[];
      readonly data: RuntimeData;
    }
  | { readonly kind: "create"; readonly model: Uint8Array; readonly options: SessionOptions }
  | {
      readonly kind: "run";
      readonly session: number;
      readonly feeds: Readonly<Record<string, number>>;
      readonly outputs: readonly string[];
    }
  | { readonly kind: "read"; readonly tensor: number }
  | { readonly kind: "dispose"; readonly tensor: number }
  | { readonly kind: "release"; readonly session: number };

/** The main thread's reference to a tensor in the worker. */
export interface RemoteTensor {
  readonly id: number;
  readonly type: RuntimeType;
  readonly dims: readonly number[];
}

export interface Replies {
  /** Execution providers in this build of the runtime. */
  readonly backends: readonly string[];
  readonly upload: RemoteTensor;
  readonly create: {
    readonly id: number;
    readonly inputNames: readonly string[];
    readonly outputNames: readonly string[];
  };
  readonly run: Readonly<Record<string, RemoteTensor>>;
  readonly read: RuntimeData;
  readonly dispose: null;
  readonly release: null;
}

/** The worker's first message: its modules are loaded. */
export const loaded = "loaded";

export type Call = Request & { readonly call: number };
export type Answer =
  | { readonly call: number; readonly value: Replies[keyof Replies] }
  | { readonly call: number; readonly error: { readonly code: string; readonly message: string } };
