import type { GraphIndex } from "../../onnx/graph.js";
import type { Node } from "../../onnx/model.js";
import { downsampling } from "../stride.js";
import { outChannels, walkToConvs } from "./head-walk.js";

/** Maximum number of prediction convolutions of a level (boxes, classes, objectness, masks, keypoints). */
const MAX_CONVS = 12;
const MAX_LEVELS = 8;

/** One level with its prediction convolutions, in execution order. */
export interface ConvLevel {
  readonly stride: number;
  readonly convs: readonly { readonly value: string; readonly channels: number }[];
  /** The last value that all of these convolutions depend on. */
  readonly input: string;
}

/**
 * Finds the levels of a decoded value, finest first: its prediction convolutions grouped by stride. All levels must have the same channels.
 * Returns the reason as a string if there are no levels.
 */
export function convLevels(
  index: GraphIndex,
  value: string,
  strides = downsampling(index.graph),
): ConvLevel[] | string {
  const { convs, unexpected } = walkToConvs(index, value);
  if (unexpected !== undefined) return `unexpected in the decoding of boxes: ${unexpected}`;
  return levelsOf(index, convs, strides);
}

/** Groups prediction convolutions by stride, as `convLevels` does. */
export function levelsOf(
  index: GraphIndex,
  convs: readonly Node[],
  strides: ReadonlyMap<string, number>,
): ConvLevel[] | string {
  const groups = new Map<number, Node[]>();
  const order = new Map(index.graph.nodes.map((node, i) => [node, i]));
  for (const conv of [...convs].sort((a, b) => order.get(a)! - order.get(b)!)) {
    const stride = strides.get(conv.outputs[0]!);
    if (stride === undefined || stride < 2) return `the stride of convolution "${conv.name}" is unknown`;
    groups.set(stride, [...(groups.get(stride) ?? []), conv]);
  }
  if (groups.size > MAX_LEVELS)
    return `it is decoded from convolutions of ${groups.size} strides, the maximum is ${MAX_LEVELS}`;
  const levels: ConvLevel[] = [];
  for (const [stride, group] of [...groups].sort(([a], [b]) => a - b)) {
    if (group.length > MAX_CONVS) {
      return `it is decoded from ${group.length} convolutions of stride ${stride}, the maximum is ${MAX_CONVS}`;
    }
    const channels = group.map((conv) => outChannels(index, conv));
    const unknown = channels.indexOf(undefined);
    if (unknown >= 0) return `the weights of convolution "${group[unknown]!.name}" are not constant`;
    const input = commonOrigin(index, group);
    if (input === undefined) return `the convolutions of stride ${stride} have no common input`;
    levels.push({
      stride,
      input,
      convs: group.map((conv, i) => ({ value: conv.outputs[0]!, channels: channels[i]! })),
    });
  }
  const kind = (level: ConvLevel): string =>
    level.convs
      .map(({ channels }) => channels)
      .sort()
      .join();
  if (levels.length === 0) return "it is not computed from a convolution";
  const odd = levels.find((level) => kind(level) !== kind(levels[0]!));
  return odd === undefined
    ? levels
    : `its levels differ: convolutions of ${kind(levels[0]!)} and ${kind(odd)} channels`;
}

/** The last value in execution order that all these convolutions depend on. Their branches split there. */
export function commonOrigin(index: GraphIndex, convs: readonly Node[]): string | undefined {
  if (convs.length === 1) return convs[0]!.inputs[0];
  const fromImage = index.descendants(index.graph.inputs.map(({ name }) => name));
  const [first, ...others] = convs.map((conv) => index.ancestors([conv.inputs[0]!]));
  const common = new Set([...first!].filter((value) => fromImage.has(value) && others.every((one) => one.has(value))));
  const { order } = index;
  for (let i = order.length - 1; i >= 0; i--) {
    const found = order[i]!.outputs.find((output) => common.has(output));
    if (found !== undefined) return found;
  }
  return index.graph.inputs.find(({ name }) => common.has(name))?.name;
}
