import { type BackwardModel, buildBackwardModel } from "../../autodiff/backward-model.js";
import { type GradientReduction, reduceGradients } from "../../autodiff/reduce-gradients.js";
import type { GradRule } from "../../autodiff/rule.js";
import type { PixelSize } from "../../autodiff/windows/map-facts.js";
import { buildWindowedModel, type WindowedModel } from "../../autodiff/windows/windowed-model.js";
import type { DetectorHead } from "../../detector/head.js";
import type { LazyHead } from "../../detector/heads/lazy-head.js";
import type { Layer } from "../../detector/layer.js";
import { WhyboxError } from "../../errors.js";
import type { Size } from "../../image/frame.js";
import { buildPrefix, buildTail, type TailModel } from "../../onnx/cut.js";
import { dataTypeName } from "../../onnx/data-types.js";
import { elementType } from "../../onnx/element-type.js";
import { indexOf } from "../../onnx/graph.js";
import { DataType, type Model, type Node } from "../../onnx/model.js";
import type { LoadedModel } from "../model/loaded-model.js";
import { dependentLevels, feedsPrototypes } from "../model/reach.js";
import { type CellTail, planCellTail, rowsAreLocal } from "./cell-tail.js";
import { floatTap, prototypesTap, scatterTap } from "./forward-taps.js";

/** The parts of a loaded model that the planner reads. */
export interface PlanContext extends Pick<LoadedModel, "model" | "head" | "rules" | "forwardValues" | "reach"> {
  /** The form of the head that computes classes when they are read. Default: the head has no such form. */
  readonly lazy?: LazyHead | undefined;
}

/** The values that an explanation needs from the graph. */
export interface PlanRequest {
  readonly layers: readonly Layer[];
  /** Whether the forward session outputs the layers' activations. */
  readonly activations: boolean;
  /** Whether the forward session outputs the scatter matrices of the layers' channels. Default false. */
  readonly scatters?: boolean;
  /** Whether there are backward passes. A reduction: they output only its values and the largest absolute value, `[K + 1]`, for each gradient. */
  readonly gradients: boolean | GradientReduction;
  /** Whether a backward run may have several seeds, if the graph supports it. */
  readonly manySeeds: boolean;
  /** Whether the part after a layer runs again. The forward session then also outputs the values that bypass the layer. */
  readonly tails: boolean;
  /** Whether a score reads mask prototypes. They then also get seeds, and tails output them. Default false. */
  readonly masks?: boolean;
  /** Whether the classes may be computed when they are read, if the head supports it. Default false. */
  readonly lazy?: boolean;
  /** Gradient rules. Default: the context's. */
  readonly rules?: readonly GradRule[];
}

/** The outputs of a forward session for a set of layers, and the backward passes and tails that use them. */
export interface TapPlan {
  /** Identifies the sessions of this plan. */
  readonly key: string;
  /** The form of the head that computes classes when they are read, if the plan uses it. */
  readonly lazy: LazyHead | undefined;
  /** The reduction of the gradients, if they are not output whole. */
  readonly reduction: GradientReduction | undefined;
  /** Layer value → output of the forward session with its activations, float32. */
  readonly activations: ReadonlyMap<string, string>;
  /** Layer value → output of the forward session with the scatter matrix of its channels and their means, `[C, C + 1]`. */
  readonly scatters: ReadonlyMap<string, string>;
  /** All outputs of the forward session: predictions, activations, saved values. */
  readonly outputs: readonly string[];
  /** Nodes that the forward session needs in addition to the model's. */
  readonly forwardNodes: readonly Node[];
  /**
   * The backward pass from the rows of `levels` to `layers`. Null if there is no path between them: the gradient is exactly zero. Give only
   * the levels that carry a seed. The result is the same, and most of the work is skipped. `masks` also puts seeds on the mask prototypes. It
   * needs a plan with `masks`.
   */
  backward(request: BackwardRequest): Backward | null;
  /** The same backward pass on windows around the seeds. Null if the head or the network does not support it. */
  windowed(request: BackwardRequest): Windowed | null;
  /** The part of the network after a layer. Only in a plan with `tails`. */
  tail(layer: Layer): TailPlan;
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

/** A backward pass that runs on windows around its seeds. */
export interface Windowed {
  readonly backward: Backward;
  /** Levels whose rows carry a seed. */
  readonly levels: readonly number[];
  readonly windows: WindowedModel;
}

/** The part of the network after a layer. It runs on changed activations. */
export interface TailPlan {
  readonly key: string;
  readonly layer: Layer;
  /** Levels whose rows depend on the layer. */
  readonly levels: readonly number[];
  /** Outputs of the tail: the rows of each level, or all predictions if the model does not compute the levels separately. */
  readonly outputs: readonly string[];
  /** Output with the mask prototypes, if they depend on the layer and the plan has `masks`. */
  readonly prototypes: string | undefined;
  /** With gradients: forward values after the layer that its backward pass reads. They are also outputs of the tail. */
  readonly saved: readonly string[];
  /** Values of the forward session that bypass the layer. */
  readonly crossing: readonly string[];
  readonly model: TailModel;
  /** The part between the layer and the rows of a level, on crops. Null if the head or the network does not support it. */
  cells(level: number, inputSize: Size): CellTail | null;
}

/**
 * Plans the forward and backward passes for `layers`. If `gradients` is false, there are no backward passes.
 * @throws no-gradient if ops between a layer and the predictions have no rule. The error names all of them.
 * @throws unsupported-model if a layer or the head computes in a type that cannot be differentiated.
 */
export function planTaps(context: PlanContext, request: PlanRequest): TapPlan {
  const { model, head } = context;
  const { layers, gradients } = request;
  const values = [...new Set(layers.map((layer) => layer.value))];
  const reduction = typeof gradients === "object" ? gradients : undefined;
  const isTapped = request.activations || reduction?.readsActivations === true;
  const taps = isTapped ? values.map((value) => floatTap(model, value)) : [];
  const activations = new Map(taps.map((tap) => [tap.value, tap.output]));
  const lazy = request.lazy === true ? lazyFor(context, values) : undefined;
  const own = `${request.rules === undefined ? "" : " own rules"}${lazy === undefined ? "" : " lazy"} ${reduction?.id ?? gradients}`;
  const kind = `${request.manySeeds ? "many" : "one"}${own}`;
  const masks = request.masks === true && head.prototypes !== undefined;
  const parts = { ...request, lazy, reduction, activations };
  const keyOf = (wanted: BackwardRequest): string => {
    const taps = wanted.layers.map((layer) => layer.value).join("\n");
    return `${kind}\n${taps}\n#${wanted.levels.join(",")}${wanted.masks ? " masks" : ""}`;
  };
  const backward = memoized((wanted: BackwardRequest) => {
    const key = keyOf(wanted);
    return [key, () => makeBackward(context, { ...parts, ...wanted, masks: wanted.masks === true, key })];
  });
  const windowed = memoized((wanted: BackwardRequest) => {
    const key = `windows ${keyOf(wanted)}`;
    return [key, () => planWindows(context, { ...parts, ...wanted, masks: wanted.masks === true, key }, outputs)];
  });
  const tail = memoized((layer: Layer) => {
    const levels = [...dependentLevels(context, layer)].sort((a, b) => a - b);
    const pass = gradients ? backward({ layers: [layer], levels, masks }) : null;
    return [layer.value, () => planTail(context, { layer, masks, backward: pass })];
  });
  if (gradients) refuseOtherPrecision(context, values);
  // The pass from all levels reads every value that a pass from some levels reads.
  const pass = gradients ? backward({ layers, levels: [...head.levels.keys()], masks }) : null;
  const crossing = request.tails ? layers.flatMap((layer) => tail(layer).crossing) : [];
  const prototypes = prototypesTap(context);
  const scatters = request.scatters ? values.map((value) => scatterTap(model, value)) : [];
  const read = [...(prototypes === undefined ? [] : [prototypes]), ...taps, ...scatters];
  const extra = [...read.flatMap((tap) => tap.nodes), ...(pass?.model.forwardNodes ?? [])];
  const saved = pass?.model.saved ?? [];
  const predictions = lazy === undefined ? [head.output] : lazy.levels.flatMap(({ shares, input }) => [shares, input]);
  const outputs = [...new Set([...predictions, ...read.map((tap) => tap.output), ...saved, ...crossing])];
  return {
    lazy,
    key: [kind, isTapped, request.scatters ?? false, request.tails, masks, ...values].join("\n"),
    reduction,
    activations,
    scatters: new Map(scatters.map((tap) => [tap.value, tap.output])),
    outputs,
    forwardNodes: extra,
    backward,
    windowed,
    tail,
  };
}

/** One forward session for several plans. */
export interface ForwardPlan {
  readonly key: string;
  readonly outputs: readonly string[];
  readonly lazy: LazyHead | undefined;
  buildForward(): Model;
}

/** The forward session that serves all of these plans. They read the predictions in the same way. */
export function joinPlans({ model }: PlanContext, plans: readonly TapPlan[]): ForwardPlan {
  const { lazy } = plans[0]!;
  const outputs = [...new Set(plans.flatMap((plan) => plan.outputs))];
  const extra = new Map(plans.flatMap((plan) => plan.forwardNodes.map((node) => [node.outputs[0]!, node] as const)));
  return {
    key: plans.map((plan) => plan.key).join("\n+"),
    outputs,
    lazy,
    buildForward: () => buildPrefix(lazy?.model ?? model, outputs, [...extra.values()]),
  };
}

/** The lazy form of the head, unless a layer is part of its decoding. */
function lazyFor({ model, lazy, head }: PlanContext, values: readonly string[]): LazyHead | undefined {
  if (lazy === undefined) return undefined;
  const logits = head.levels.flatMap(({ convOutputs }) => convOutputs);
  const decoding = indexOf(model.graph).descendants(logits);
  return values.some((value) => decoding.has(value)) ? undefined : lazy;
}

/** Returns a function that caches its results by key. */
function memoized<A extends readonly unknown[], T>(
  describe: (...given: A) => readonly [key: string, make: () => T],
): (...given: A) => T {
  const made = new Map<string, T>();
  return (...given) => {
    const [key, make] = describe(...given);
    if (!made.has(key)) made.set(key, make());
    return made.get(key)!;
  };
}

interface TailParts {
  readonly layer: Layer;
  readonly masks: boolean;
  /** The backward pass from the predictions to the layer, if the tail is differentiated. */
  readonly backward: Backward | null;
}

function planTail(context: PlanContext, { layer, masks, backward }: TailParts): TailPlan {
  const levels = [...dependentLevels(context, layer)].sort((a, b) => a - b);
  const prototypes = masks && feedsPrototypes(context, layer) ? prototypesTap(context) : undefined;
  const outputs = levels.length === 0 && prototypes !== undefined ? [] : scoredValues(context.head, levels);
  const given = [...outputs, ...(prototypes === undefined ? [] : [prototypes.output])];
  const { graph } = context.model;
  const nodes = [...graph.nodes, ...(prototypes?.nodes ?? []), ...(backward?.model.forwardNodes ?? [])];
  const model: Model = { ...context.model, graph: { ...graph, nodes } };
  const downstream = indexOf(model.graph).descendants([layer.value]);
  const saved = (backward?.model.saved ?? []).filter((name) => downstream.has(name) && name !== layer.value);
  const tail = buildTail(model, [layer.value], [...new Set([...given, ...saved])]);
  // The saved values depend on the backward pass.
  const key = `tail\n${given.join("\n")}\n${layer.value}${backward === null ? "" : `\n${backward.key}`}`;
  const cells = memoized((level: number, inputSize: Size) => [
    [level, ...inputSize].join(),
    () => planCellTail(context, { layer, level, inputSize }),
  ]);
  const { crossing } = tail;
  return { key, layer, levels, outputs, prototypes: prototypes?.output, saved, crossing, model: tail, cells };
}

/** Types that can be differentiated. The backward pass itself runs in float32. */
const GRADIENT_TYPES: ReadonlySet<number> = new Set([DataType.FLOAT, DataType.FLOAT16, DataType.DOUBLE]);

/** Throws for layers of other types, such as bfloat16 and integers. */
function refuseOtherPrecision({ model, head }: PlanContext, layers: readonly string[]): void {
  for (const value of [...layers, ...head.levels.flatMap((level) => level.convOutputs)]) {
    const type = elementType(model.graph, value);
    if (GRADIENT_TYPES.has(type)) continue;
    throw new WhyboxError(
      "unsupported-model",
      `The model computes in ${dataTypeName(type)} ("${value}"). Gradients need float32, float16 or double. Export the model in float32 or float16.`,
      { details: { value, type: dataTypeName(type) } },
    );
  }
}

interface BackwardParts extends Omit<PlanRequest, "activations" | "lazy"> {
  readonly lazy: LazyHead | undefined;
  readonly levels: readonly number[];
  readonly key: string;
  readonly reduction: GradientReduction | undefined;
  readonly activations: ReadonlyMap<string, string>;
}

function makeBackward(context: PlanContext, request: BackwardParts): Backward | null {
  const { layers, levels, masks = false, key, lazy } = request;
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
  return { key, model: reduced(backward, request) };
}

function reduced(backward: BackwardModel, { reduction, activations }: BackwardParts): BackwardModel {
  return reduction === undefined ? backward : reduceGradients(backward, reduction, activations);
}

/** Possible limits of the area around a cell, in blocks of the largest stride. */
const MAX_BLOCKS = 12;

/**
 * A windowed pass needs a head whose rows depend on their own cells only, a separate seed for each detection, and only forward values that the
 * forward session outputs.
 */
function planWindows(context: PlanContext, request: BackwardParts, saved: readonly string[]): Windowed | null {
  const { model, head, forwardValues = "saved" } = context;
  const { layers, levels, masks, key, lazy } = request;
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
  });
  if (windows === undefined || !windows.backward.saved.every((name) => saved.includes(name))) return null;
  return { backward: { key, model: reduced(windows.backward, request) }, levels, windows };
}

/** The input size of the model, or one of several blocks if the model does not fix it. */
function someSize({ graph }: Model, block: number): PixelSize {
  const shape = graph.inputs.find((input) => input.shape?.length === 4)?.shape ?? [];
  const [height = 0, width = 0] = shape.slice(2);
  return typeof height === "number" && typeof width === "number" ? [height, width] : [12 * block, 16 * block];
}

/** Prediction convolutions of the levels without a seed. Needed if the seed covers all predictions. */
function withoutSeed({ levels }: DetectorHead, used: readonly number[]): string[] {
  return levels.flatMap((level, index) => (used.includes(index) ? [] : level.convOutputs));
}

/**
 * The values that get the seeds of these levels: the rows of each level, or all predictions if the model does not compute the levels separately.
 * Of a lazy head: the head inputs.
 */
function scoredValues({ levels, output }: DetectorHead, used: readonly number[], lazy?: LazyHead): string[] {
  if (lazy !== undefined) return used.map((level) => lazy.levels[level]!.input);
  const rows = used.flatMap((level) => levels[level]!.rows ?? []);
  return rows.length === used.length ? rows : [output];
}
