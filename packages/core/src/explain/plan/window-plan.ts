import type { PixelSize } from "../../autodiff/windows/map-facts.js";
import { buildWindowedModel, type WindowedModel } from "../../autodiff/windows/windowed-model.js";
import type { Model } from "../../onnx/model.js";
import { type Backward, type BackwardParts, type PlanContext, scoredValues, withoutSeed } from "./backward-plan.js";
import { rowsAreLocal } from "./cell-tail.js";

/** A backward pass that runs on windows around its seeds. */
export interface Windowed {
  readonly backward: Backward;
  /** Levels whose rows carry a seed. */
  readonly levels: readonly number[];
  readonly windows: WindowedModel;
}

/** Possible limits of the area around a cell, in blocks of the largest stride. */
const MAX_BLOCKS = 12;

/**
 * A windowed pass needs a head whose rows depend on their own cells only, a separate seed for each detection, and only forward values that the
 * forward session outputs.
 */
export function planWindows(context: PlanContext, request: BackwardParts, saved: readonly string[]): Windowed | null {
  const { model, head, forwardValues = "saved" } = context;
  const { layers, levels, masks, key, lazy, reduction, activations } = request;
  const isLocal = !masks && request.rules === undefined && forwardValues === "saved";
  if (!isLocal || !request.manySeeds || levels.length === 0) return null;
  const outputs = scoredValues(head, levels, lazy);
  if (lazy === undefined && !rowsAreLocal(context, outputs)) return null;
  const rootsOf = (level: number) =>
    lazy === undefined ? head.levels[level]!.convOutputs : [lazy.levels[level]!.input];
  const block = Math.max(...head.levels.map(({ stride }) => stride));
  const windows = buildWindowedModel(model, {
    taps: [...new Set(layers.map((layer) => layer.value))],
    outputs,
    stops: lazy !== undefined ? outputs : outputs[0] === head.output ? withoutSeed(head, levels) : [],
    roots: levels.flatMap((level) => rootsOf(level).map((value) => ({ value, level }))),
    rules: context.rules,
    size: someSize(model, block),
    block,
    limits: Array.from({ length: MAX_BLOCKS }, (_, i) => (i + 1) * block),
    reduced: reduction && { reduction, activations },
  });
  if (windows === undefined || !windows.backward.saved.every((name) => saved.includes(name))) return null;
  return { backward: { key, model: windows.backward }, levels, windows };
}

/** The input size of the model, or one of several blocks if the model does not fix it. */
function someSize({ graph }: Model, block: number): PixelSize {
  const shape = graph.inputs.find((input) => input.shape?.length === 4)?.shape ?? [];
  const [height = 0, width = 0] = shape.slice(2);
  return typeof height === "number" && typeof width === "number" ? [height, width] : [12 * block, 16 * block];
}
