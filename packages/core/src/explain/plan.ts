import { type BackwardModel, buildBackwardModel, type ForwardValues } from "../autodiff/backward-model.js";
import type { GradRule } from "../autodiff/rule.js";
import type { DetectorHead } from "../detector/head.js";
import type { Layer } from "../detector/layer.js";
import { WhyboxError } from "../errors.js";
import { attribute } from "../onnx/attributes.js";
import { buildPrefix } from "../onnx/cut.js";
import { dataTypeName } from "../onnx/data-types.js";
import { elementType } from "../onnx/element-type.js";
import { GraphIndex } from "../onnx/graph.js";
import { DataType, type Model, type Node } from "../onnx/model.js";

/** What the planner knows of a loaded detector. */
export interface PlanContext {
  readonly model: Model;
  readonly head: DetectorHead;
  readonly rules: readonly GradRule[];
  readonly forwardValues: ForwardValues | undefined;
}

/** What one forward session must give for a set of layers, and the backward sessions that go with it. */
export interface TapPlan {
  /** Names the sessions of this plan. */
  readonly key: string;
  /** Layer value → the forward output with its activations, float32. */
  readonly activations: ReadonlyMap<string, string>;
  /** Everything that the forward session gives: predictions, activations, saved values. */
  readonly outputs: readonly string[];
  buildForward(): Model;
  /**
   * The backward pass from the rows of `levels` to `layers`, or null when no path leads there (the gradient is exactly
   * zero). Restricting the levels to those that carry a seed changes no number and leaves most of the work out.
   */
  backward(layers: readonly Layer[], levels: readonly number[]): Backward | null;
}

export interface Backward {
  readonly key: string;
  readonly model: BackwardModel;
}

/** Which detection levels a layer feeds: the gradient of a row of any other level is exactly zero there. */
export function levelsBehind(context: PlanContext, layer: Layer): Set<number> {
  const behind = new GraphIndex(context.model.graph).descendants([layer.value]);
  const levels = context.head.levels.flatMap((level, index) => (behind.has(level.convOutput) ? [index] : []));
  return new Set(levels);
}

/**
 * Plans forward and backward passes for `layers`. With `gradients` false nothing is differentiated.
 * @throws no-gradient when an op between a layer and the predictions has no rule, all such ops at once.
 */
export function planTaps(context: PlanContext, layers: readonly Layer[], gradients: boolean): TapPlan {
  const { model, head } = context;
  const values = [...new Set(layers.map((layer) => layer.value))];
  const taps = values.map((value) => floatTap(model, value));
  const all = head.levels.map((_, index) => index);
  const made = new Map<string, Backward | null>();
  const key = values.join("\n");
  const backward = (wanted: readonly Layer[], levels: readonly number[]): Backward | null => {
    const name = `${wanted.map((layer) => layer.value).join("\n")}\n#${levels.join(",")}`;
    if (!made.has(name)) made.set(name, makeBackward(context, wanted, levels, name));
    return made.get(name)!;
  };
  if (gradients) refuseOtherPrecision(context, values);
  const full = gradients ? backward(layers, all) : null;
  const extra = [...taps.flatMap((tap) => tap.nodes), ...(full?.model.forwardNodes ?? [])];
  const outputs = [...new Set([head.output, ...taps.map((tap) => tap.output), ...(full?.model.saved ?? [])])];
  return {
    key: `${key}\n${gradients ? "gradients" : "activations"}`,
    activations: new Map(taps.map((tap) => [tap.value, tap.output])),
    outputs,
    buildForward: () => buildPrefix(model, outputs, extra),
    backward,
  };
}

/** The backward pass is float32 arithmetic: a model that is float16 or double inside would be mixed with it. */
function refuseOtherPrecision({ model, head }: PlanContext, layers: readonly string[]): void {
  const index = new GraphIndex(model.graph);
  for (const value of [...layers, ...head.levels.map((level) => level.convOutput)]) {
    const type = elementType(model.graph, value, index);
    if (type === DataType.FLOAT) continue;
    throw new WhyboxError(
      "unsupported-model",
      `The model computes in ${dataTypeName(type)} ("${value}"); gradients need a float32 model. Export it without --half.`,
      { details: { value, type: dataTypeName(type) } },
    );
  }
}

function makeBackward(
  context: PlanContext,
  layers: readonly Layer[],
  levels: readonly number[],
  key: string,
): Backward | null {
  const backward = buildBackwardModel(context.model, {
    taps: [...new Set(layers.map((layer) => layer.value))],
    outputs: scoredValues(context.head, levels),
    rules: context.rules,
    // One seed a run: what is explained together is added up before, and MaxPool is faster so.
    manySeeds: false,
    forwardValues: context.forwardValues ?? "saved",
  });
  const connected = [...backward.gradients.values()].some((value) => value !== null);
  return connected ? { key, model: backward } : null;
}

/** Where the seeds of these levels go in: each level's own rows, or the whole output where they cannot be had alone. */
function scoredValues({ levels, output }: DetectorHead, used: readonly number[]): string[] {
  const rows = used.flatMap((level) => levels[level]!.rows ?? []);
  return rows.length === used.length ? rows : [output];
}

/** A layer's value as a float32 output of the forward session. */
function floatTap(model: Model, value: string): { value: string; output: string; nodes: Node[] } {
  if (elementType(model.graph, value) === DataType.FLOAT) return { value, output: value, nodes: [] };
  const output = `whybox/tap/${value}`;
  const attributes = new Map([["to", attribute(DataType.FLOAT)]]);
  return {
    value,
    output,
    nodes: [{ opType: "Cast", domain: "", name: output, inputs: [value], outputs: [output], attributes }],
  };
}
