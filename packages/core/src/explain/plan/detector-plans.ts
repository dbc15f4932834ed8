import type { Layer } from "../../detector/layer.js";
import { resolveLayer } from "../../detector/resolve-layer.js";
import { once } from "../../once.js";
import type { LoadedModel } from "../model/loaded-model.js";
import type { ResolvedExplainOptions } from "../options/resolve-options.js";
import { type ExplainPlan, planExplain } from "./explain-plan.js";
import { type ForwardPlan, joinPlans, planTaps } from "./tap-plan.js";

/** The plans of one model. Each is made once. */
export class DetectorPlans {
  readonly #loaded: LoadedModel;
  readonly #plans = new Map<string, ExplainPlan>();
  /** The forward pass of a detection without an explanation after it. */
  readonly detection: () => ForwardPlan;

  constructor(loaded: LoadedModel) {
    this.#loaded = loaded;
    const none = { layers: [], activations: false, gradients: false, manySeeds: false, tails: false };
    this.detection = once(() => joinPlans(loaded, [planTaps(loaded, none)]));
  }

  /** The plan of an explanation. @throws usage for an unknown layer; no-gradient if an op between a layer and the predictions has no rule. */
  explanation({ method, eigenSmooth, per, scores, layer }: ResolvedExplainOptions): ExplainPlan {
    const layers = layer === "auto" ? undefined : selectLayers(this.#loaded, layer);
    const manySeeds = per !== "image";
    const masks = scores.some((score) => score.readsMask);
    const key = JSON.stringify([method.id, eigenSmooth, manySeeds, masks, layers?.map(({ value }) => value)]);
    const plan = this.#plans.get(key) ?? planExplain(this.#loaded, { method, eigenSmooth, layers, manySeeds, masks });
    this.#plans.set(key, plan);
    return plan;
  }
}

function selectLayers(loaded: LoadedModel, layer: ResolvedExplainOptions["layer"]): Layer[] {
  const selectors = Array.isArray(layer) ? layer : [layer as string | number];
  const found = selectors.map((selector) => resolveLayer(selector, loaded.layers, loaded.model.graph, loaded.head));
  return found.filter((one, i) => found.findIndex((other) => other.value === one.value) === i);
}
