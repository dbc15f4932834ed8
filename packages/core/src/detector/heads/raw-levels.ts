import type { Value } from "../../onnx/builder.js";
import type { GraphIndex } from "../../onnx/graph.js";
import type { Dim, Node } from "../../onnx/model.js";
import { constantFloats } from "../constants.js";
import { downsampling } from "../stride.js";
import { type ConvLevel, levelsOf } from "./grid-levels.js";
import { isScaling, isUndecoded, walkToConvs } from "./head-walk.js";

/** What the file computes from the map of a prediction convolution: nothing, a sigmoid, a softmax, or a sigmoid of some channels only. */
export type Activation = "none" | "sigmoid" | "softmax" | "mixed";

/** A prediction convolution whose map the file does not decode. */
export interface RawConv {
  readonly value: Value;
  readonly channels: number;
  readonly activation: Activation;
  /** The constant factor of the map, if the file multiplies it by one. */
  readonly scale: number | undefined;
  /** Boxes per cell, if the shape of an output tells it: `[1, A, h, w, columns]`, `[1, h, w, A, columns]` or rows `[1, A·h·w, columns]`. */
  readonly perCell: number | undefined;
}

/** A level of undecoded maps, in the order of the outputs. */
export interface RawLevel extends ConvLevel {
  readonly convs: readonly RawConv[];
}

/** The undecoded levels of a model, finest first. */
export interface RawLevels {
  readonly levels: readonly RawLevel[];
  /** Names of the outputs. */
  readonly outputs: readonly string[];
  /** True when one output has the rows of all levels. */
  readonly isJoined: boolean;
}

/**
 * Finds the outputs that are maps of prediction convolutions, moved and with activations, but not decoded. Returns the reason if there are none.
 * @param isWanted whether outputs of a shape are read. Default: all.
 */
export function rawLevels(
  index: GraphIndex,
  isWanted: (shape: readonly Dim[] | undefined) => boolean = () => true,
): RawLevels | string {
  const outputs = index.graph.outputs.filter(
    ({ name, shape }) => isWanted(shape) && isUndecoded(walkToConvs(index, name)),
  );
  const strides = downsampling(index.graph);
  const found = new Map<Node, Omit<RawConv, "channels" | "activation">>();
  const bare = new Set<Node>();
  const ops = new Set<string>();
  for (const { name, shape } of outputs) {
    const walk = walkToConvs(index, name);
    const perCell = boxesPerCell(shape, channelsPerLevel(index, walk.convs, strides));
    for (const op of walk.ops) ops.add(op);
    for (const conv of walkToConvs(index, name, { stopAtSigmoid: true }).convs) bare.add(conv);
    for (const conv of walk.convs) if (!found.has(conv)) found.set(conv, { ...scaledMap(index, conv), perCell });
  }
  const groups = levelsOf(index, [...found.keys()], strides);
  if (typeof groups === "string") return groups;
  const order = new Map(
    [...found].map(([conv, facts], i) => {
      const activation = activationOf(index, conv, bare.has(conv), ops);
      return [conv.outputs[0]!, { ...facts, activation, order: i }];
    }),
  );
  const levels = groups.map((level) => {
    const convs = level.convs.map(({ value, channels }) => ({ channels, ...order.get(value)! }));
    return { ...level, convs: convs.sort((a, b) => a.order - b.order) };
  });
  return { levels, outputs: outputs.map(({ name }) => name), isJoined: outputs.length < levels.length };
}

/** Boxes per cell in an output of a shape, whose convolutions have so many channels on each level. */
function boxesPerCell(shape: readonly Dim[] | undefined, channels: number | undefined): number | undefined {
  const columns = shape?.at(-1);
  if (typeof columns !== "number") return undefined;
  if (shape?.length === 5) {
    const sides = [shape[1], shape[3]].filter((side): side is number => typeof side === "number");
    return sides.find((side) => side * columns === channels) ?? sides[0];
  }
  if (shape?.length !== 3 || channels === undefined || shape.includes(channels)) return undefined;
  return channels % columns === 0 ? channels / columns : undefined;
}

/** Number of channels of these convolutions on the finest level. */
function channelsPerLevel(
  index: GraphIndex,
  convs: readonly Node[],
  strides: ReadonlyMap<string, number>,
): number | undefined {
  const levels = levelsOf(index, convs, strides);
  return typeof levels === "string" ? undefined : levels[0]!.convs.reduce((sum, { channels }) => sum + channels, 0);
}

/** The map of a convolution, after the factor of its level if it has one. */
function scaledMap(index: GraphIndex, conv: Node): Pick<RawConv, "value" | "scale"> {
  const map = conv.outputs[0]!;
  const [only, ...others] = index.consumers(map);
  if (only === undefined || others.length > 0 || !isScaling(index, only)) return { value: map, scale: undefined };
  const factor = constantFloats(index, only.inputs.find((input) => input !== map) ?? "");
  return { value: only.outputs[0]!, scale: factor?.[0] };
}

/** What follows a convolution. `isBare`: an output depends on it without a sigmoid. */
function activationOf(index: GraphIndex, conv: Node, isBare: boolean, ops: ReadonlySet<string>): Activation {
  if (!isBare) return "sigmoid";
  if (!ops.has("Sigmoid") && !ops.has("Softmax")) return "none";
  const next = new Set([conv.outputs[0]!]);
  const seen = new Set<string>();
  for (const value of next) {
    for (const node of index.consumers(value)) {
      seen.add(node.opType);
      const isEnd = node.opType === "Sigmoid" || node.opType === "Softmax" || node.opType === "Concat";
      if (!isEnd && next.size < MAX_STEPS) for (const output of node.outputs) next.add(output);
    }
  }
  if (seen.has("Softmax")) return "softmax";
  return seen.has("Sigmoid") ? "mixed" : "none";
}

/** Maximum number of values between a convolution and its activation. */
const MAX_STEPS = 24;
