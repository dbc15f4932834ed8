import { throwIfAborted } from "../errors.js";
import { encodeModel } from "../onnx/encode.js";
import type { Model } from "../onnx/model.js";
import type { RuntimePort, RuntimeSession, SessionOptions } from "./port.js";

/** Sessions of one model, each made once and kept until `dispose`. */
export class SessionCache {
  readonly #port: RuntimePort;
  readonly #options: SessionOptions;
  readonly #sessions = new Map<string, Promise<RuntimeSession>>();

  constructor(port: RuntimePort, options: SessionOptions) {
    this.#port = port;
    this.#options = options;
  }

  /** The session under `key`; `build` makes its model the first time. A session that failed is not kept. */
  async get(key: string, build: () => Model, signal?: AbortSignal): Promise<RuntimeSession> {
    throwIfAborted(signal);
    const known = this.#sessions.get(key);
    if (known) return known;
    const made = this.#port.createSession(encodeModel(build()), this.#options);
    this.#sessions.set(key, made);
    made.catch(() => this.#sessions.delete(key));
    return made;
  }

  /** Releases every session, those still being made too. */
  async dispose(): Promise<void> {
    const all = [...this.#sessions.values()];
    this.#sessions.clear();
    const settled = await Promise.allSettled(all);
    await Promise.all(settled.map((result) => (result.status === "fulfilled" ? result.value.release() : undefined)));
  }
}
