import type { Detector, Engine, OpenOptions } from "@whybox/browser";
import { WhyboxError } from "@whybox/core";
import { type Failure, failureOf, type Watch } from "./calls.js";
import { openOptions, type Weights, weightsSource } from "./requests.js";
import type { Settings } from "./settings.js";

/** A model in use. */
export interface HeldModel {
  readonly detector: Detector;
  readonly weights: Weights;
  /** The settings when it was opened. */
  readonly settings: Settings;
}

interface KeeperOptions {
  readonly startEngine: () => Engine;
  /** URL of the page's folder. */
  readonly base: string;
  /** Called when the model in use cannot be opened in a new engine. */
  readonly lost: (weights: Weights, failure: Failure) => void;
}

const restarted = new WhyboxError("aborted", "The engine has restarted.");

/** The engine and the model in use. When the engine runs out of memory, another one starts, because the runtime's memory never shrinks. */
export class EngineKeeper {
  readonly #options: KeeperOptions;
  #engine: Engine;
  #model: HeldModel | undefined;
  /** The model in use, once a new engine has opened it. */
  #restored: Promise<HeldModel> | undefined;
  /** True after WebGPU failed with the device "auto". "auto" then means the CPU. */
  withoutGpu = false;

  constructor(options: KeeperOptions) {
    this.#options = options;
    this.#engine = options.startEngine();
  }

  get engine(): Engine {
    return this.#engine;
  }

  /** The model in use. A file that fails does not change it. */
  get model(): HeldModel | undefined {
    return this.#model;
  }

  /** @throws the error of a new engine that could not open the model. */
  async detector(): Promise<Detector> {
    const model = (await this.#restored) ?? this.#model;
    if (model === undefined) throw new WhyboxError("usage", "No model is open yet.");
    return model.detector;
  }

  /** Opens a model. The one in use stays. */
  async open(weights: Weights, settings: Settings, options: OpenOptions = {}): Promise<HeldModel> {
    const source = weightsSource(weights, this.#options.base);
    const all = { ...openOptions(weights, settings, this.withoutGpu), ...options };
    return { detector: await this.#engine.loadDetector(source, all), weights, settings };
  }

  /** Takes a model in use, in place of the one before. */
  use(model: HeldModel): void {
    void this.#model?.detector.dispose().catch(() => undefined);
    this.#model = model;
    this.#restored = undefined;
  }

  /** Starts another engine if the call fails because this one is out of memory. */
  readonly watch: Watch = async (call) => {
    const engine = this.#engine;
    try {
      return await call;
    } catch (error) {
      if (error instanceof WhyboxError && error.details.outOfMemory === true && engine === this.#engine)
        this.#replace(error);
      throw error;
    }
  };

  /** Starts another engine without a model, because the threads and the device of an engine cannot change. */
  restart(why = restarted): void {
    this.#engine.close(why);
    this.#engine = this.#options.startEngine();
    this.#model = undefined;
  }

  close(): void {
    this.#engine.close(restarted);
  }

  #replace(full: WhyboxError): void {
    const model = this.#model;
    this.restart(full);
    // If a new engine runs out of memory with this model, the next one would too.
    if (model === undefined || this.#restored !== undefined) return;
    this.#model = model;
    const restored = this.watch(this.open(model.weights, model.settings));
    this.#restored = restored;
    restored
      .then(
        (again) => {
          if (this.#model === model) this.#model = again;
        },
        (error) => {
          if (this.#model === model) this.#model = undefined;
          this.#options.lost(model.weights, failureOf(error));
        },
      )
      .finally(() => {
        if (this.#restored === restored) this.#restored = undefined;
      });
  }
}
