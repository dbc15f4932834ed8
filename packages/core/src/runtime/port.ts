/**
 * What the engine needs of ONNX Runtime, and nothing more. Core never imports a runtime: the caller passes
 * a module (`createOrtPort(ort)`) or a port of its own (the Node package's runs in a worker thread).
 */

/** Element types that cross the port. int64 values travel as BigInt64Array. */
export type RuntimeType = "float32" | "float16" | "int64" | "int32" | "uint16" | "int16" | "uint8" | "int8" | "bool";
export type RuntimeData = Float32Array | Uint16Array | Int16Array | BigInt64Array | Int32Array | Uint8Array | Int8Array;

/** A tensor that lives where the sessions live (a worker, a GPU). Read it to bring the values here. */
export interface RuntimeTensor {
  readonly type: RuntimeType;
  readonly dims: readonly number[];
  /** The values, row-major. May be called more than once. */
  read(): Promise<RuntimeData>;
  /** Frees the memory over there. Safe to call twice. */
  dispose(): void;
  /** Gives back the memory that its values were read into, before `dispose`: nobody may look at them any more. Optional. */
  free?(): void;
}

export interface SessionOptions {
  /** Execution providers by ONNX Runtime's names, most wanted first. Default: the runtime's own. */
  readonly executionProviders?: readonly string[];
  /** Threads inside one op. Default: the cores. */
  readonly threads?: number;
  /** Graph optimisers that must not run, by ONNX Runtime's names. Default: none. */
  readonly disabledOptimizers?: readonly string[];
}

export interface RuntimeSession {
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  /**
   * Runs the graph and returns the outputs asked for, in place (nothing is copied here until `read`).
   * @throws runtime with the runtime's own words as cause.
   */
  run(
    feeds: Readonly<Record<string, RuntimeTensor>>,
    outputs: readonly string[],
  ): Promise<Record<string, RuntimeTensor>>;
  /** Frees the session. Safe to call twice. */
  release(): Promise<void>;
}

export interface RuntimePort {
  /** For reports: name and version of the runtime. */
  readonly description: string;
  /** Puts values where the sessions live. The array may be handed over (detached): do not use it afterwards. */
  upload(type: RuntimeType, dims: readonly number[], data: RuntimeData): Promise<RuntimeTensor>;
  /** @throws runtime when the model is refused. The bytes may be handed over (detached): do not use them afterwards. */
  createSession(model: Uint8Array, options: SessionOptions): Promise<RuntimeSession>;
}
