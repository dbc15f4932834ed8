/**
 * The interface between the engine and ONNX Runtime. Core never imports a runtime: the caller passes a module (`createOrtPort(ort)`) or a
 * custom port (the port of the Node package runs in a worker thread).
 */

/** Supported element types. int64 values are a `BigInt64Array`. */
export type RuntimeType = "float32" | "float16" | "int64" | "int32" | "uint16" | "int16" | "uint8" | "int8" | "bool";
export type RuntimeData = Float32Array | Uint16Array | Int16Array | BigInt64Array | Int32Array | Uint8Array | Int8Array;

/** A tensor in the memory of the sessions (of a worker or a GPU). `read` copies its values to the caller. */
export interface RuntimeTensor {
  readonly type: RuntimeType;
  readonly dims: readonly number[];
  /** Returns the values, row-major. Can be called more than once. */
  read(): Promise<RuntimeData>;
  /** Frees the tensor in the memory of the sessions. Can be called more than once. */
  dispose(): void;
  /** Frees the memory of the values that were read. Call it before `dispose`, when the values are no longer needed. Optional. */
  free?(): void;
}

export interface SessionOptions {
  /** ONNX Runtime's names of execution providers, in order of preference. Default: the runtime's default. */
  readonly executionProviders?: readonly string[];
  /** Number of threads within one op. Default: the number of cores. */
  readonly threads?: number;
  /** ONNX Runtime's names of graph optimisers that are disabled. Default: none. */
  readonly disabledOptimizers?: readonly string[];
  /** Location → memory with the values of tensors that the model refers to as external. Only for a port with `takesWeights`. Default: none. */
  readonly weights?: ReadonlyMap<string, Uint8Array>;
  /** Names the model among those of one detector. A port may open one session for equal keys, because their models are equal. Default: no name. */
  readonly key?: string;
}

export interface RuntimeSession {
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  /**
   * Runs the graph and returns the requested outputs. Their values are not copied until `read`. `outputBytes` says how many bytes the outputs take, as
   * far as it is known; a port may make sure first that there is memory for them.
   * @throws runtime when the run fails. The cause is the runtime's error.
   */
  run(
    feeds: Readonly<Record<string, RuntimeTensor>>,
    outputs: readonly string[],
    outputBytes?: () => number,
  ): Promise<Record<string, RuntimeTensor>>;
  /** Frees the session. Can be called more than once. */
  release(): Promise<void>;
}

export interface RuntimePort {
  /** Name and version of the runtime, for reports. */
  readonly description: string;
  /** Whether `createSession` takes `weights`. Then they are not copied into the bytes of the model. Default false. */
  readonly takesWeights?: boolean;
  /** Copies or transfers values to the memory of the sessions. The array may be detached: do not use it afterwards. */
  upload(type: RuntimeType, dims: readonly number[], data: RuntimeData): Promise<RuntimeTensor>;
  /** Opens a model. The bytes may be detached: do not use them afterwards. @throws runtime when the runtime rejects the model. */
  createSession(model: Uint8Array, options: SessionOptions): Promise<RuntimeSession>;
}
