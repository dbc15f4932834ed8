import { throwIfAborted } from "../errors.js";
import { asDeployed } from "../onnx/deployed-outputs.js";
import { encodeModel } from "../onnx/encode.js";
import { castHalfInputs } from "../onnx/half-inputs.js";
import { DataType, type Model } from "../onnx/model.js";
import { withWeightsApart } from "../onnx/weights-apart.js";
import { withOutputBytes } from "./output-bytes.js";
import type { RuntimePort, RuntimeSession, SessionOptions } from "./port.js";

/** A session of the cache. The cache may release it and creates it again when it is needed. */
export type KeptSession = Pick<RuntimeSession, "run">;

interface Entry {
  readonly session: Promise<RuntimeSession>;
  running: number;
}

/** Maximum number of cached sessions. Enough for all passes of one method. Each session has its own copy of the weights. */
const MAX_SESSIONS = 16;

/**
 * A cache of the sessions of one model. A session is created on first use and kept until `dispose`. When the cache is full, it releases the least
 * recently used sessions that are not running, and creates them again when they are needed.
 */
export class SessionCache {
  readonly #port: RuntimePort;
  readonly #options: SessionOptions;
  readonly #max: number;
  /** Least recently used first. */
  readonly #entries = new Map<string, Entry>();

  constructor(port: RuntimePort, options: SessionOptions, max: number = MAX_SESSIONS) {
    this.#port = port;
    this.#options = options;
    this.#max = max;
  }

  /** A cache without sessions, for another model on the same runtime and with the same options. It shares no session with this one: keys say nothing of the model. */
  empty(): SessionCache {
    const port = this.#port;
    const createSession: RuntimePort["createSession"] = (model, { key: _, ...options }) =>
      port.createSession(model, options);
    return new SessionCache({ ...port, createSession }, this.#options, this.#max);
  }

  /** Returns the session with this key. `build` creates its model if there is none. A session that cannot be created is not cached. */
  async get(key: string, build: () => Model, signal?: AbortSignal): Promise<KeptSession> {
    throwIfAborted(signal);
    await this.#entry(key, build).session;
    return {
      run: async (feeds, outputs) => {
        const entry = this.#entry(key, build);
        entry.running++;
        try {
          return await (await entry.session).run(feeds, outputs);
        } finally {
          entry.running--;
          this.#trim();
        }
      },
    };
  }

  /** Releases all sessions, including those that are being created. */
  async dispose(): Promise<void> {
    const all = [...this.#entries.values()];
    this.#entries.clear();
    await Promise.all(all.map(release));
  }

  #entry(key: string, build: () => Model): Entry {
    const known = this.#entries.get(key);
    const entry = known ?? { session: openSession(this.#port, build(), { ...this.#options, key }), running: 0 };
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    if (known === undefined) {
      entry.session.catch(() => this.#entries.delete(key));
      this.#trim();
    }
    return entry;
  }

  /** Releases the least recently used idle sessions until the cache is within its limit. The newest session stays. */
  #trim(): void {
    for (const [key, entry] of [...this.#entries].slice(0, -1)) {
      if (this.#entries.size <= this.#max) return;
      if (entry.running > 0) continue;
      this.#entries.delete(key);
      void release(entry);
    }
  }
}

/**
 * Opens a session for a model of the engine. Values that pass from one session to another are float32 or integers, also in models of half and double
 * precision.
 * @throws runtime when the runtime rejects the model.
 */
export async function openSession(port: RuntimePort, model: Model, options: SessionOptions): Promise<RuntimeSession> {
  const cast = castHalfInputs(asDeployed(model));
  const session = await createSession(port, cast, { ...options, ...quantisedOptions(model) });
  return withOutputBytes(session, cast.graph);
}

function createSession(port: RuntimePort, model: Model, options: SessionOptions): Promise<RuntimeSession> {
  if (port.takesWeights !== true) return port.createSession(encodeModel(model), options);
  const { model: apart, weights } = withWeightsApart(model);
  return port.createSession(encodeModel(apart), { ...options, weights });
}

/**
 * Disables one optimiser for quantised models. In opset 21 or newer, ONNX Runtime 1.30 cannot move a QuantizeLinear of a type other than uint8: it writes
 * `output_dtype` beside the zero point and then rejects its own node (its issue 25526). The optimiser moves pairs past ops that only move data, so
 * no value changes.
 */
function quantisedOptions({ graph }: Model): SessionOptions {
  const moved = graph.nodes.some(
    ({ opType, inputs }) =>
      opType === "DequantizeLinear" &&
      (graph.initializers.get(inputs[2] ?? "")?.dataType ?? DataType.UINT8) !== DataType.UINT8,
  );
  return moved ? { disabledOptimizers: ["QDQPropagationTransformer"] } : {};
}

/** Releases a session. A session that could not be created needs no release: its caller has the error. */
async function release({ session }: Entry): Promise<void> {
  const [made] = await Promise.allSettled([session]);
  if (made?.status === "fulfilled") await made.value.release();
}
