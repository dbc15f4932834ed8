import type { Layer } from "../../detector/layer.js";
import { resolveLayer } from "../../detector/resolve-layer.js";
import { isKeepingNothing } from "../../keeps-nothing.js";
import type { Score } from "../../scores/score.js";
import type { LoadedModel } from "../model/loaded-model.js";
import type { ResolvedDetectOptions, ResolvedExplainOptions } from "../options/resolve-options.js";
import type { PlanContext } from "./backward-plan.js";
import { type ExplainPlan, planExplain } from "./explain-plan.js";
import { type ForwardPlan, joinPlans, planTaps } from "./tap-plan.js";

/** With a lower minimum confidence, detections read the classes of many rows. The head computes all of them faster. */
const LAZY_CONFIDENCE = 0.1;

/** The plans of one model. Each is made once. */
export class DetectorPlans {
  readonly #loaded: LoadedModel & PlanContext;
  readonly #plans = new Map<string, ExplainPlan>();
  readonly #detection = new Map<boolean, ForwardPlan>();

  constructor(loaded: LoadedModel & PlanContext) {
    this.#loaded = loaded;
  }

  /** The forward pass of a detection without an explanation after it. */
  detection(options: Pick<ResolvedDetectOptions, "confidence">): ForwardPlan {
    const lazy = options.confidence >= LAZY_CONFIDENCE;
    const none = { layers: [], activations: false, gradients: false, manySeeds: false, tails: false, lazy };
    const plan = this.#detection.get(lazy) ?? joinPlans(this.#loaded, [planTaps(this.#loaded, none)]);
    this.#detection.set(lazy, plan);
    return plan;
  }

  /** The plan of an explanation. @throws usage for an unknown layer; no-gradient if an op between a layer and the predictions has no rule. */
  explanation(options: ResolvedExplainOptions): ExplainPlan {
    const { method, eigenSmooth, per, scores, layer } = options;
    const layers = layer === "auto" ? undefined : selectLayers(this.#loaded, layer);
    const manySeeds = per !== "image";
    const masks = scores.some((score) => score.readsMask);
    const fewRows = options.confidence >= LAZY_CONFIDENCE && scores.every(readsFewRows);
    const question = { method, eigenSmooth, layers, manySeeds, masks, fewRows };
    const key = JSON.stringify({ ...question, method: method.id, layers: layers?.map(({ value }) => value) });
    const plan = this.#plans.get(key) ?? planExplain(this.#loaded, question);
    this.#plans.set(key, plan);
    return plan;
  }
}

/** Whether a score reads only rows near its targets. A score of the caller may read all of them. */
function readsFewRows(score: Score): boolean {
  return isKeepingNothing(score) && score.readsAllRows !== true;
}

function selectLayers(loaded: LoadedModel, layer: ResolvedExplainOptions["layer"]): Layer[] {
  const selectors = Array.isArray(layer) ? layer : [layer as string | number];
  const found = selectors.map((selector) => resolveLayer(selector, loaded.layers, loaded.model.graph, loaded.head));
  return found.filter((one, i) => found.findIndex((other) => other.value === one.value) === i);
}
