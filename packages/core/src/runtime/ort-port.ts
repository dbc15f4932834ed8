import { WhyboxError } from "../errors.js";
import { isOutOfMemory } from "./model-fault.js";
import type { RuntimeData, RuntimePort, RuntimeSession, RuntimeTensor, RuntimeType, SessionOptions } from "./port.js";

/** The part of ONNX Runtime's JavaScript API that the engine uses. `onnxruntime-node` and `onnxruntime-web` both provide it. */
export interface OrtModule {
  readonly InferenceSession: {
    create(model: Uint8Array, options: Record<string, unknown>): Promise<OrtSession>;
  };
  readonly Tensor: new (type: never, data: never, dims: readonly number[]) => OrtTensor;
  readonly env?: { readonly versions?: { readonly common?: string; readonly node?: string; readonly web?: string } };
}

/** The part of an ONNX Runtime session that the engine uses. */
export interface OrtSession {
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  run(feeds: Record<string, never>, fetches: readonly string[]): Promise<Record<string, unknown>>;
  release(): Promise<void>;
}

/** The part of an ONNX Runtime tensor that the engine uses. */
export interface OrtTensor {
  readonly type: string;
  readonly dims: readonly number[];
  readonly location?: string;
  readonly data?: unknown;
  getData(): Promise<unknown>;
  dispose(): void;
}

const types: ReadonlySet<string> = new Set("float32 float16 int64 int32 uint16 int16 uint8 int8 bool".split(" "));

/** Options that control threads and memory. bench/README.md has measurements of them. */
export interface OrtPortOptions {
  /**
   * When idle threads of a session wait in a busy loop. "always" is the runtime's own default. It takes processor time from other work and from
   * other sessions. With "never", each run is slower. Default "during-runs".
   */
  readonly spinning?: "always" | "during-runs" | "never";
  /** True if the runtime reserves all memory of a run as one block. Default false, which has a lower peak, because sessions do not run at the same time. */
  readonly memoryPattern?: boolean;
  /**
   * True if sessions read large weights from the memory of the model file, without a copy of it. The module must accept `externalData` with
   * memory. Default false.
   */
  readonly externalWeights?: boolean;
  /**
   * Frees the memory of a buffer immediately, if the host can. The values of a forward pass take megabytes per image, and the garbage collector scans
   * the whole heap to free them. Default: the garbage collector frees it. The port of the Node package has such a callback.
   */
  readonly release?: (buffer: ArrayBuffer) => void;
  /**
   * Makes sure before a run that there is memory for this many bytes of outputs, or throws. The result is called after the run. For a host that
   * ends the process if there is none. Default: nothing is checked.
   */
  readonly reserve?: (bytes: number) => () => void;
}

const spinningEntries = {
  always: {},
  "during-runs": { force_spinning_stop: "1" },
  never: { intra_op: { allow_spinning: "0" } },
} as const;

/** The runtime may read weights in place, so they stay for as long as the session. */
const weightsOf = new WeakMap<OrtSession, SessionOptions["weights"]>();

/** Creates a port for an ONNX Runtime module in the same thread. */
export function createOrtPort(ort: OrtModule, options: OrtPortOptions = {}): RuntimePort {
  const versions = ort.env?.versions;
  return {
    description: `ONNX Runtime ${versions?.node ?? versions?.web ?? versions?.common ?? "of unknown version"}`,
    takesWeights: options.externalWeights === true,
    upload: async (type, dims, data) => {
      const what = `take a ${type} tensor of shape [${dims.join(", ")}]`;
      return wrap(await refusedBy(what, async () => new ort.Tensor(type as never, data as never, dims)));
    },
    createSession: async (model, session) => {
      const created = await refusedBy("open the model", () =>
        ort.InferenceSession.create(model, ortOptions(session, options)),
      );
      if (session.weights !== undefined) weightsOf.set(created, session.weights);
      return wrapSession(created, options);
    },
  };
}

function ortOptions(session: SessionOptions, port: OrtPortOptions): Record<string, unknown> {
  return {
    graphOptimizationLevel: "all",
    enableMemPattern: port.memoryPattern ?? false,
    // Only fatal errors are logged. Other errors are thrown as exceptions, with the runtime's message.
    logSeverityLevel: 4,
    ...(session.executionProviders === undefined ? {} : { executionProviders: session.executionProviders }),
    ...(session.threads === undefined ? {} : { intraOpNumThreads: session.threads }),
    ...(session.weights === undefined
      ? {}
      : { externalData: [...session.weights].map(([path, data]) => ({ path, data })) }),
    extra: {
      session: spinningEntries[port.spinning ?? "during-runs"],
      ...(session.disabledOptimizers === undefined
        ? {}
        : { optimization: { disable_specified_optimizers: session.disabledOptimizers.join(";") } }),
    },
  };
}

type Release = OrtPortOptions["release"];

function wrapSession(session: OrtSession, { release, reserve }: OrtPortOptions): RuntimeSession {
  let released = false;
  return {
    inputNames: session.inputNames,
    outputNames: session.outputNames,
    run: async (feeds, outputs, outputBytes) => {
      const given = Object.entries(feeds).map(([name, value]) => [name, unwrap(value)] as const);
      const results = await refusedBy("run the model", async () => {
        const done = outputBytes && reserve?.(outputBytes());
        return session.run(Object.fromEntries(given) as never, outputs).finally(done);
      });
      return wrapAll(results as Record<string, OrtTensor>, outputs, release);
    },
    release: async () => {
      if (released) return;
      released = true;
      await session.release();
    },
  };
}

const inner = Symbol("ort tensor");
interface OrtBacked extends RuntimeTensor {
  readonly [inner]: OrtTensor;
}

/** Wraps the outputs of a run. @throws runtime when an output has a type that is not supported. All outputs are then disposed. */
function wrapAll(
  results: Readonly<Record<string, OrtTensor>>,
  outputs: readonly string[],
  release: Release,
): Record<string, RuntimeTensor> {
  const refused = outputs.find((name) => !types.has(results[name]!.type));
  if (refused === undefined) return Object.fromEntries(outputs.map((name) => [name, wrap(results[name]!, release)]));
  const { type } = results[refused]!;
  for (const value of new Set(Object.values(results))) value.dispose();
  throw new WhyboxError(
    "runtime",
    `The runtime returned a tensor of type ${type} for output "${refused}". Expected one of ${[...types].join(", ")}.`,
    { details: { output: refused, type } },
  );
}

/** @param release frees the output of a run. Inputs have none, because they belong to the caller. */
function wrap(value: OrtTensor, release?: Release): RuntimeTensor {
  let disposed = false;
  const wrapped: OrtBacked = {
    type: value.type as RuntimeType,
    dims: value.dims,
    read: async () => (await refusedBy("read a tensor", () => value.getData())) as RuntimeData,
    free: () => {
      const values = disposed || value.location !== "cpu" ? undefined : value.data;
      if (ArrayBuffer.isView(values) && values.buffer instanceof ArrayBuffer) release?.(values.buffer);
    },
    dispose: () => {
      if (!disposed) value.dispose();
      disposed = true;
    },
    [inner]: value,
  };
  return wrapped;
}

function unwrap(value: RuntimeTensor): OrtTensor {
  const found = (value as Partial<OrtBacked>)[inner];
  if (found === undefined)
    throw new WhyboxError(
      "internal",
      "A session got an input tensor of another runtime. Create it with the upload method of the same port.",
    );
  return found;
}

const moreMemory = "There is not enough memory. Use a smaller image size, or give the process more memory.";

async function refusedBy<T>(what: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (cause) {
    const words = cause instanceof Error ? cause.message : String(cause);
    const shown = words.slice(0, 600);
    const message = /no available backend found/i.test(words)
      ? `ONNX Runtime cannot start: ${shown.replace(/[.\s]*$/, ".")}${hintOf(words)}`
      : `ONNX Runtime could not ${what}: ${isOutOfMemory(words) ? `${shown.trimEnd()}. ${moreMemory}` : shown}`;
    throw new WhyboxError("runtime", message, { cause });
  }
}

/** What to do about a runtime that cannot start. Browsers say why in their own words. */
function hintOf(words: string): string {
  if (/content security policy|unsafe-eval/i.test(words)) {
    return " The page's Content-Security-Policy forbids WebAssembly: add 'wasm-unsafe-eval' to its script-src.";
  }
  if (/fetch|import(ed)? module|404|MIME/i.test(words)) {
    return " Its .wasm or .mjs file cannot be loaded: check that the server has it and sends it as WebAssembly or JavaScript.";
  }
  return "";
}
