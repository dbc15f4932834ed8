import type { GradientReduction } from "../../autodiff/reduce-gradients.js";
import type { GradRule } from "../../autodiff/rule.js";
import type { LazyHead } from "../../detector/heads/lazy-head.js";
import type { Layer } from "../../detector/layer.js";
import { WhyboxError } from "../../errors.js";
import type { Size } from "../../image/frame.js";
import { buildPrefix, buildTail, type TailModel } from "../../onnx/cut.js";
import { dataTypeName } from "../../onnx/data-types.js";
import { elementType } from "../../onnx/element-type.js";
import { indexOf } from "../../onnx/graph.js";
import { DataType, type Model, type Node } from "../../onnx/model.js";
import { dependentLevels, feedsPrototypes } from "../model/reach.js";
import { type Backward, type BackwardRequest, type PlanContext, planBackward, scoredValues } from "./backward-plan.js";
import { type CellTail, planCellTail } from "./cell-tail.js";
import { floatTap, prototypesTap, scatterTap } from "./forward-taps.js";
import { planWindows, type Windowed } from "./window-plan.js";

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
  const parts = { manySeeds: request.manySeeds, rules: request.rules, lazy, reduction, activations };
  const keyOf = (wanted: BackwardRequest): string => {
    const taps = wanted.layers.map((layer) => layer.value).join("\n");
    return `${kind}\n${taps}\n#${wanted.levels.join(",")}${wanted.masks ? " masks" : ""}`;
  };
  const backward = memoized((wanted: BackwardRequest) => {
    const key = keyOf(wanted);
    return [key, () => planBackward(context, { ...parts, ...wanted, masks: wanted.masks === true, key })];
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
export interface ForwardPlan extends ForwardNeeds {
  buildForward(): Model;
}

/** What a forward session must output. */
export type ForwardNeeds = Pick<TapPlan, "key" | "outputs" | "forwardNodes" | "lazy">;

/** The forward session that serves all of these plans. They read the predictions in the same way. */
export function joinPlans({ model }: Pick<PlanContext, "model">, plans: readonly ForwardNeeds[]): ForwardPlan {
  const { lazy } = plans[0]!;
  const outputs = [...new Set(plans.flatMap((plan) => plan.outputs))];
  const extra = new Map(plans.flatMap((plan) => plan.forwardNodes.map((node) => [node.outputs[0]!, node] as const)));
  const forwardNodes = [...extra.values()];
  return {
    key: plans.map((plan) => plan.key).join("\n+"),
    outputs,
    lazy,
    forwardNodes,
    buildForward: () => buildPrefix(lazy?.model ?? model, outputs, forwardNodes),
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

/** The whole network from its input to the predictions, with the mask prototypes if it has them. */
export function wholeNetwork(context: PlanContext): Model {
  const none = { layers: [], activations: false, gradients: false, manySeeds: false, tails: false } as const;
  return joinPlans(context, [planTaps(context, none)]).buildForward();
}
