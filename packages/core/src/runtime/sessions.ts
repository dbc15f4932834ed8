import { throwIfAborted } from "../errors.js";
import { asDeployed } from "../onnx/deployed-outputs.js";
import { encodeModel } from "../onnx/encode.js";
import { castHalfInputs } from "../onnx/half-inputs.js";
import { DataType, type Model } from "../onnx/model.js";
import type { RuntimePort, RuntimeSession, SessionOptions } from "./port.js";

/** A session that can be run, and that the cache keeps or makes again. */
export type KeptSession = Pick<RuntimeSession, "run">;

interface Entry {
  readonly session: Promise<RuntimeSession>;
  running: number;
}

/** Sessions kept at once: enough for every pass of one way of explaining. Each holds its weights in memory once more. */
const MOST_SESSIONS = 16;

/**
 * Sessions of one model. Each is made once and kept until `dispose`, or until many others were used after it: then it is released
 * when it does not run, and made again when it is needed.
 */
export class SessionCache {
  readonly #port: RuntimePort;
  readonly #options: SessionOptions;
  readonly #most: number;
  /** Least recently used first. */
  readonly #entries = new Map<string, Entry>();

  constructor(port: RuntimePort, options: SessionOptions, most: number = MOST_SESSIONS) {
    this.#port = port;
    this.#options = options;
    this.#most = most;
  }

  /** The session under `key`; `build` makes its model when there is none. A session that failed is not kept. */
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

  /** Releases every session, those still being made too. */
  async dispose(): Promise<void> {
    const all = [...this.#entries.values()];
    this.#entries.clear();
    await Promise.all(all.map(release));
  }

  #entry(key: string, build: () => Model): Entry {
    const known = this.#entries.get(key);
    const entry = known ?? { session: openSession(this.#port, build(), this.#options), running: 0 };
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    if (known === undefined) {
      entry.session.catch(() => this.#entries.delete(key));
      this.#trim();
    }
    return entry;
  }

  /** Lets go of the least recently used sessions that are idle; the newest stays. */
  #trim(): void {
    for (const [key, entry] of [...this.#entries].slice(0, -1)) {
      if (this.#entries.size <= this.#most) return;
      if (entry.running > 0) continue;
      this.#entries.delete(key);
      void release(entry);
    }
  }
}

/**
 * A session for a model of the engine. What passes from one of these sessions to another is float32 (or integers), in models of half
 * and double precision too.
 * @throws runtime when the model is refused.
 */
export function openSession(port: RuntimePort, model: Model, options: SessionOptions): Promise<RuntimeSession> {
  const bytes = encodeModel(castHalfInputs(asDeployed(model)));
  return port.createSession(bytes, { ...options, ...quantisedOptions(model) });
}

/**
 * ONNX Runtime 1.30 cannot move a QuantizeLinear of another type than uint8 in opset 21 or newer: it writes output_dtype beside the
 * zero point and then refuses its own node (its issue 25526). The optimiser moves pairs past ops that only move data, so no value depends on it.
 */
function quantisedOptions({ graph }: Model): SessionOptions {
  const moved = graph.nodes.some(
    ({ opType, inputs }) =>
      opType === "DequantizeLinear" &&
      (graph.initializers.get(inputs[2] ?? "")?.dataType ?? DataType.UINT8) !== DataType.UINT8,
  );
  return moved ? { disabledOptimizers: ["QDQPropagationTransformer"] } : {};
}

/** A session that never came to be needs no release: whoever asked for it has the error. */
async function release({ session }: Entry): Promise<void> {
  const [made] = await Promise.allSettled([session]);
  if (made?.status === "fulfilled") await made.value.release();
}
