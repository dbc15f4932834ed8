import type { Detection } from "../../detector/detection.js";
import type { RgbImage } from "../../image/frame.js";
import type { AnyCamMethod } from "../../methods/index.js";
import { once } from "../../once.js";
import type { Map2D } from "../../tensor/tensor.js";
import { type Call, detectImage, explainImage } from "../explain.js";
import type { LoadedModel } from "../model/loaded-model.js";
import type { DetectOptions } from "../options/options.js";
import { type OptionChoices, resolveDetectOptions } from "../options/resolve-options.js";
import { KeptPasses } from "../passes/kept-passes.js";
import { ScratchPool } from "../passes/scratch.js";
import { DetectorPlans } from "../plan/detector-plans.js";
import { type Asked, questionOf } from "../questions.js";
import type { FixedRows } from "./fixed-score.js";

/** A detection, and the rows that its score reads. */
export interface MapTarget {
  readonly detection: Detection;
  readonly rows: FixedRows;
}

export interface MapRequest {
  readonly image: RgbImage;
  readonly method: AnyCamMethod;
  readonly target: MapTarget;
  readonly seed: number;
}

/** What all maps of a check have in common. */
export interface MapSettings {
  readonly detection: Pick<DetectOptions, "imageSize" | "confidence">;
  readonly signal: AbortSignal | undefined;
}

/** Makes maps of one network: the given one, or one with random weights. */
export class MapMaker {
  readonly #asked: Asked;
  readonly #settings: MapSettings;
  readonly #passes: KeptPasses;
  readonly #scratches = new ScratchPool();

  constructor(loaded: LoadedModel, choices: OptionChoices, settings: MapSettings) {
    this.#asked = { loaded, ...choices, plans: once(async () => new DetectorPlans(loaded)) };
    this.#settings = settings;
    this.#passes = new KeptPasses(loaded, { keeps: false });
  }

  async detect(image: RgbImage): Promise<readonly Detection[]> {
    const { loaded, plans } = this.#asked;
    const options = resolveDetectOptions(this.#settings.detection, loaded.head.task);
    const plan = (await plans()).detection(options);
    return this.#call(async (call) => (await detectImage(call, image, { options, plan })).detections);
  }

  /** Plans the maps of a method. @throws no-gradient or usage if the model does not support it. */
  async plan(method: AnyCamMethod): Promise<void> {
    await this.#question(method, 0);
  }

  /** The heatmap of one detection over the image, scaled to its maximum. All zeros if nothing supports the score. */
  async map({ image, method, target, seed }: MapRequest): Promise<Map2D> {
    const question = await this.#question(method, seed);
    const scores = question.options.scores.map((score) => target.rows.score(score));
    // The targets are known: no other box has to be found, which takes long if most rows of a random network are confident.
    const options = { ...question.options, scores, confidence: 1 };
    const plan = (await this.#asked.plans()).explanation(options);
    const given = { ...question, options, plan, targets: [target.detection] };
    return this.#call(async (call) => (await explainImage(call, image, given)).maps[0]!.heatmap);
  }

  #question(method: AnyCamMethod, seed: number) {
    const drawn = method.usesSeed === true ? { seed } : {};
    return questionOf(this.#asked, { ...this.#settings.detection, ...drawn, method, per: "detection" });
  }

  async #call<T>(run: (call: Call) => Promise<T>): Promise<T> {
    const { loaded } = this.#asked;
    const scratch = this.#scratches.take();
    try {
      const { signal } = this.#settings;
      return await run({ loaded, passes: this.#passes, scratch, started: performance.now(), signal });
    } finally {
      this.#scratches.give(scratch);
    }
  }
}
