import { type BackwardModel, buildBackwardModel } from "../../autodiff/backward-model.js";
import { type GradientReduction, reduceGradients } from "../../autodiff/reduce-gradients.js";
import type { GradRule } from "../../autodiff/rule.js";
import type { DetectorHead } from "../../detector/head.js";
import type { LazyHead } from "../../detector/heads/lazy-head.js";
import type { Layer } from "../../detector/layer.js";
import type { LoadedModel } from "../model/loaded-model.js";

/** The parts of a loaded model that the planner reads. */
export interface PlanContext extends Pick<LoadedModel, "model" | "head" | "rules" | "forwardValues" | "reach"> {
  /** The form of the head that computes classes when they are read. Default: the head has no such form. */
  readonly lazy?: LazyHead | undefined;
}

/** Where a backward pass starts and ends. */
export interface BackwardRequest {
  readonly layers: readonly Layer[];
  /** Levels whose rows carry a seed. */
  readonly levels: readonly number[];
  /** Whether the mask prototypes also carry a seed. Default false. */
  readonly masks?: boolean;
}

export interface Backward {
  readonly key: string;
  readonly model: BackwardModel;
}

/** The data that a backward pass is planned from. */
export interface BackwardParts extends Required<BackwardRequest> {
  readonly key: string;
  /** The form of the head that computes classes when they are read, if the plan uses it. */
  readonly lazy: LazyHead | undefined;
  /** Whether a run may have several seeds, if the graph supports it. */
  readonly manySeeds: boolean;
  /** Gradient rules. Undefined: the context's. */
  readonly rules: readonly GradRule[] | undefined;
  /** The reduction of the gradients. Undefined: they are output whole. */
  readonly reduction: GradientReduction | undefined;
  /** Layer value → output of the forward session with its activations, float32. */
  readonly activations: ReadonlyMap<string, string>;
}

/** Plans a backward pass on whole maps. Null if no layer has a path to the rows or the mask prototypes. */
export function planBackward(context: PlanContext, request: BackwardParts): Backward | null {
  const { layers, levels, masks, key, lazy, reduction, activations } = request;
  const rows = levels.length === 0 && masks ? [] : scoredValues(context.head, levels, lazy);
  const outputs = masks ? [...rows, context.head.prototypes!] : rows;
  const backward = buildBackwardModel(context.model, {
    taps: [...new Set(layers.map((layer) => layer.value))],
    outputs,
    stops: outputs[0] === context.head.output ? withoutSeed(context.head, levels) : [],
    rules: request.rules ?? context.rules,
    // Targets that are explained together are summed into one seed, because MaxPool is faster with a single seed.
    manySeeds: request.manySeeds,
    forwardValues: context.forwardValues ?? "saved",
  });
  const connected = [...backward.gradients.values()].some((value) => value !== null);
  if (!connected) return null;
  return { key, model: reduction === undefined ? backward : reduceGradients(backward, reduction, activations) };
}

/** Prediction convolutions of the levels without a seed. Needed if the seed covers all predictions. */
export function withoutSeed({ levels }: DetectorHead, used: readonly number[]): string[] {
  return levels.flatMap((level, index) => (used.includes(index) ? [] : level.convOutputs));
}

/**
 * The values that get the seeds of these levels: the rows of each level, or all predictions if the model does not compute the levels separately.
 * Of a lazy head: the head inputs.
 */
export function scoredValues({ levels, output }: DetectorHead, used: readonly number[], lazy?: LazyHead): string[] {
  if (lazy !== undefined) return used.map((level) => lazy.levels[level]!.input);
  const rows = used.flatMap((level) => levels[level]!.rows ?? []);
  return rows.length === used.length ? rows : [output];
}
