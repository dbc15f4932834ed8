import { type BackwardModel, buildBackwardModel } from "../../autodiff/backward-model.js";
import { meansOf } from "../../autodiff/gradient-means.js";
import type { GradRule } from "../../autodiff/rule.js";
import type { DetectorHead } from "../../detector/head.js";
import type { Layer } from "../../detector/layer.js";
import { WhyboxError } from "../../errors.js";
import { attribute } from "../../onnx/attributes.js";
import { buildPrefix, buildTail, type TailModel } from "../../onnx/cut.js";
import { dataTypeName } from "../../onnx/data-types.js";
import { elementType } from "../../onnx/element-type.js";
import { GraphIndex } from "../../onnx/graph.js";
import { DataType, type Model, type Node } from "../../onnx/model.js";
import type { LoadedModel } from "../model/loaded-model.js";
import { feedsPrototypes, levelsBehind } from "../model/reach.js";

/** What the planner reads of a loaded model. */
export type PlanContext = Pick<LoadedModel, "model" | "head" | "rules" | "forwardValues" | "reach">;

/** What an explanation asks of the graph. */
export interface PlanRequest {
  readonly layers: readonly Layer[];
  /** Whether the layers' activations come out of the forward session. */
  readonly activations: boolean;
  /** "means": of each gradient the means of its channels and its largest absolute value, `[C + 1]`. */
  readonly gradients: boolean | "means";
  /** Several seeds in one backward run, where the graph allows it. */
  readonly manySeeds: boolean;
  /** Whether the part behind a layer is run again: the values that go around the layer then come out too. */
  readonly tails: boolean;
  /** Whether a score reads mask prototypes: seeds go into them too, and tails give them. Default false. */
  readonly masks?: boolean;
  /** Gradient rules. Default: the context's. */
  readonly rules?: readonly GradRule[];
}

/** What one forward session must give for a set of layers, and the sessions that go with it. */
export interface TapPlan {
  /** Names the sessions of this plan. */
  readonly key: string;
  /** Layer value → the forward output with its activations, float32. */
  readonly activations: ReadonlyMap<string, string>;
  /** Everything that the forward session gives: predictions, activations, saved values. */
  readonly outputs: readonly string[];
  /** Nodes that the forward session needs beyond the model's. */
  readonly forwardNodes: readonly Node[];
  /**
   * The backward pass from the rows of `levels` to `layers`, or null when no path leads there (the gradient is exactly
   * zero). Restricting the levels to those that carry a seed changes no number and leaves most of the work out. With `masks` seeds go into the mask
   * prototypes too, which needs a plan with `masks`.
   */
  backward(request: BackwardRequest): Backward | null;
  /** The part of the network behind one layer. Only with `tails`. */
  tail(layer: Layer): TailPlan;
}

/** Where a backward pass starts and ends. */
export interface BackwardRequest {
  readonly layers: readonly Layer[];
  /** Levels whose rows carry a seed. */
  readonly levels: readonly number[];
  /** Whether the mask prototypes carry one too. Default false. */
  readonly masks?: boolean;
}

export interface Backward {
  readonly key: string;
  readonly model: BackwardModel;
}

/** The network behind a layer, to be run on changed activations. */
export interface TailPlan {
  readonly key: string;
  readonly layer: Layer;
  /** Levels whose rows change with the layer. */
  readonly levels: readonly number[];
  /** Outputs of the tail: each level's rows, or the whole predictions where they cannot be had alone. */
  readonly outputs: readonly string[];
  /** Output with the mask prototypes, where they change with the layer and the plan is for `masks`. */
  readonly prototypes: string | undefined;
  /** With gradients: forward values behind the layer that its backward pass reads; outputs of the tail too. */
  readonly saved: readonly string[];
  /** Values of the forward session that go around the layer. */
  readonly crossing: readonly string[];
  readonly model: TailModel;
}

/**
 * Plans forward and backward passes for `layers`. With `gradients` false nothing is differentiated.
 * @throws no-gradient when an op between a layer and the predictions has no rule, all such ops at once.
 */
export function planTaps(context: PlanContext, request: PlanRequest): TapPlan {
  const { model, head } = context;
  const { layers, gradients } = request;
  const values = [...new Set(layers.map((layer) => layer.value))];
  const taps = request.activations ? values.map((value) => floatTap(model, value)) : [];
  const means = gradients === "means" ? " means" : "";
  const kind = `${request.manySeeds ? "many" : "one"}${request.rules === undefined ? "" : " own rules"}${means}`;
  const masks = request.masks === true && head.prototypes !== undefined;
  const backward = remembered((wanted: BackwardRequest) => {
    const taps = wanted.layers.map((layer) => layer.value).join("\n");
    const key = `${kind}\n${taps}\n#${wanted.levels.join(",")}${wanted.masks ? " masks" : ""}`;
    return [key, () => makeBackward(context, { ...request, ...wanted, masks: wanted.masks === true, key })];
  });
  const tail = remembered((layer: Layer) => {
    const levels = [...levelsBehind(context, layer)].sort((a, b) => a - b);
    const pass = gradients ? backward({ layers: [layer], levels, masks }) : null;
    return [layer.value, () => planTail(context, { layer, masks, backward: pass })];
  });
  if (gradients) refuseOtherPrecision(context, values);
  // The pass from all levels reads whatever the pass from some of them reads.
  const pass = gradients ? backward({ layers, levels: [...head.levels.keys()], masks }) : null;
  const crossing = request.tails ? layers.flatMap((layer) => tail(layer).crossing) : [];
  const prototypes = prototypesTap(context);
  const read = prototypes === undefined ? taps : [prototypes, ...taps];
  const extra = [...read.flatMap((tap) => tap.nodes), ...(pass?.model.forwardNodes ?? [])];
  const saved = pass?.model.saved ?? [];
  const outputs = [...new Set([head.output, ...read.map((tap) => tap.output), ...saved, ...crossing])];
  return {
    key: [kind, request.activations, gradients, request.tails, masks, ...values].join("\n"),
    activations: new Map(taps.map((tap) => [tap.value, tap.output])),
    outputs,
    forwardNodes: extra,
    backward,
    tail,
  };
}

/** One forward session for several plans. */
export interface ForwardPlan {
  readonly key: string;
  readonly outputs: readonly string[];
  buildForward(): Model;
}

/** The forward session that serves all of these plans. */
export function joinPlans({ model }: PlanContext, plans: readonly TapPlan[]): ForwardPlan {
  const outputs = [...new Set(plans.flatMap((plan) => plan.outputs))];
  const extra = new Map(plans.flatMap((plan) => plan.forwardNodes.map((node) => [node.outputs[0]!, node] as const)));
  return {
    key: plans.map((plan) => plan.key).join("\n+"),
    outputs,
    buildForward: () => buildPrefix(model, outputs, [...extra.values()]),
  };
}

/** Makes each thing once, by its key. */
function remembered<A extends readonly unknown[], T>(
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
  /** The pass from the predictions to the layer, where the tail is differentiated. */
  readonly backward: Backward | null;
}

function planTail(context: PlanContext, { layer, masks, backward }: TailParts): TailPlan {
  const levels = [...levelsBehind(context, layer)].sort((a, b) => a - b);
  const prototypes = masks && feedsPrototypes(context, layer) ? prototypesTap(context) : undefined;
  const outputs = levels.length === 0 && prototypes !== undefined ? [] : scoredValues(context.head, levels);
  const given = [...outputs, ...(prototypes === undefined ? [] : [prototypes.output])];
  const { graph } = context.model;
  const nodes = [...graph.nodes, ...(prototypes?.nodes ?? []), ...(backward?.model.forwardNodes ?? [])];
  const model: Model = { ...context.model, graph: { ...graph, nodes } };
  const behind = new GraphIndex(model.graph).descendants([layer.value]);
  const saved = (backward?.model.saved ?? []).filter((name) => behind.has(name) && name !== layer.value);
  const tail = buildTail(model, [layer.value], [...new Set([...given, ...saved])]);
  // What is saved depends on the backward pass.
  const key = `tail\n${given.join("\n")}\n${layer.value}${backward === null ? "" : `\n${backward.key}`}`;
  return { key, layer, levels, outputs, prototypes: prototypes?.output, saved, crossing: tail.crossing, model: tail };
}

/** Float types that the backward pass, float32 itself, can start from. */
const GRADIENT_TYPES: ReadonlySet<number> = new Set([DataType.FLOAT, DataType.FLOAT16, DataType.DOUBLE]);

/** Layers in bfloat16, or of integers, cannot be differentiated. */
function refuseOtherPrecision({ model, head }: PlanContext, layers: readonly string[]): void {
  const index = new GraphIndex(model.graph);
  for (const value of [...layers, ...head.levels.flatMap((level) => level.convOutputs)]) {
    const type = elementType(model.graph, value, index);
    if (GRADIENT_TYPES.has(type)) continue;
    throw new WhyboxError(
      "unsupported-model",
      `The model computes in ${dataTypeName(type)} ("${value}"); gradients need float32, float16 or double there. Export it in float32 or float16.`,
      { details: { value, type: dataTypeName(type) } },
    );
  }
}

interface BackwardParts extends PlanRequest {
  readonly levels: readonly number[];
  readonly key: string;
}

function makeBackward(context: PlanContext, request: BackwardParts): Backward | null {
  const { layers, levels, masks = false, key } = request;
  const rows = levels.length === 0 && masks ? [] : scoredValues(context.head, levels);
  const outputs = masks ? [...rows, context.head.prototypes!] : rows;
  const backward = buildBackwardModel(context.model, {
    taps: [...new Set(layers.map((layer) => layer.value))],
    outputs,
    stops: outputs[0] === context.head.output ? withoutSeed(context.head, levels) : [],
    rules: request.rules ?? context.rules,
    // What is explained together is added up before and goes as one seed: MaxPool is faster so.
    manySeeds: request.manySeeds,
    forwardValues: context.forwardValues ?? "saved",
  });
  const connected = [...backward.gradients.values()].some((value) => value !== null);
  if (!connected) return null;
  return { key, model: request.gradients === "means" ? meansOf(backward) : backward };
}

/** Prediction convolutions of the other levels, where the whole output takes the seed. */
function withoutSeed({ levels }: DetectorHead, used: readonly number[]): string[] {
  return levels.flatMap((level, index) => (used.includes(index) ? [] : level.convOutputs));
}

/** Where the seeds of these levels go in: each level's own rows, or the whole output where they cannot be had alone. */
function scoredValues({ levels, output }: DetectorHead, used: readonly number[]): string[] {
  const rows = used.flatMap((level) => levels[level]!.rows ?? []);
  return rows.length === used.length ? rows : [output];
}

/** A value of the graph, and the float32 output of the forward session with it. */
export interface FloatTap {
  readonly value: string;
  readonly output: string;
  /** What the forward session needs for it. */
  readonly nodes: readonly Node[];
}

/** Where the forward session gives the mask prototypes; undefined for a model without masks. */
export function prototypesTap({ model, head }: PlanContext): FloatTap | undefined {
  return head.prototypes === undefined ? undefined : floatTap(model, head.prototypes);
}

function floatTap(model: Model, value: string): FloatTap {
  if (elementType(model.graph, value) === DataType.FLOAT) return { value, output: value, nodes: [] };
  const output = `whybox/tap/${value}`;
  const attributes = new Map([["to", attribute(DataType.FLOAT)]]);
  return {
    value,
    output,
    nodes: [{ opType: "Cast", domain: "", name: output, inputs: [value], outputs: [output], attributes }],
  };
}
