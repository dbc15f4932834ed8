import { type GraphIndex, topologicalOrder } from "../../onnx/graph.js";
import type { Node } from "../../onnx/model.js";
import { downsampling } from "../stride.js";
import { outChannels, walkToConvs } from "./head-walk.js";

/** Prediction convolutions of one level: boxes, classes, objectness, masks or keypoints, and then some. */
const MOST_CONVS = 12;
const MOST_LEVELS = 8;

/** The prediction convolutions of one level, in the order of computation. */
export interface ConvLevel {
  readonly stride: number;
  readonly convs: readonly { readonly value: string; readonly channels: number }[];
  /** The last value that all of them come from. */
  readonly input: string;
}

/**
 * The levels behind a decoded value, finest first: its prediction convolutions by their stride, each level with the same channels.
 * A string says why there are none.
 */
export function convLevels(
  index: GraphIndex,
  value: string,
  strides = downsampling(index.graph),
): ConvLevel[] | string {
  const { convs, stranger } = walkToConvs(index, value);
  if (stranger !== undefined) return `the decoding of boxes does not pass ${stranger}`;
  const groups = new Map<number, Node[]>();
  const order = new Map(index.graph.nodes.map((node, i) => [node, i]));
  for (const conv of [...convs].sort((a, b) => order.get(a)! - order.get(b)!)) {
    const stride = strides.get(conv.outputs[0]!);
    if (stride === undefined || stride < 2) return `the stride of convolution "${conv.name}" could not be told`;
    groups.set(stride, [...(groups.get(stride) ?? []), conv]);
  }
  if (groups.size > MOST_LEVELS) return `it is decoded from convolutions of ${groups.size} strides`;
  const levels: ConvLevel[] = [];
  for (const [stride, group] of [...groups].sort(([a], [b]) => a - b)) {
    if (group.length > MOST_CONVS) return `it is decoded from ${group.length} convolutions of stride ${stride}`;
    const channels = group.map((conv) => outChannels(index, conv));
    const unknown = channels.indexOf(undefined);
    if (unknown >= 0) return `the weights of convolution "${group[unknown]!.name}" are not constant`;
    const input = commonOrigin(index, group);
    if (input === undefined) return `the convolutions of stride ${stride} have no input in common`;
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
  if (levels.length === 0) return "no convolution stands behind it";
  const odd = levels.find((level) => kind(level) !== kind(levels[0]!));
  return odd === undefined
    ? levels
    : `its levels differ: convolutions of ${kind(levels[0]!)} and ${kind(odd)} channels`;
}

/** The last value, in the order of computation, that all these convolutions depend on: where their branches part. */
export function commonOrigin(index: GraphIndex, convs: readonly Node[]): string | undefined {
  if (convs.length === 1) return convs[0]!.inputs[0];
  const fromImage = index.descendants(index.graph.inputs.map(({ name }) => name));
  const [first, ...others] = convs.map((conv) => index.ancestors([conv.inputs[0]!]));
  const common = new Set([...first!].filter((value) => fromImage.has(value) && others.every((one) => one.has(value))));
  const order = topologicalOrder(index.graph.nodes);
  for (let i = order.length - 1; i >= 0; i--) {
    const found = order[i]!.outputs.find((output) => common.has(output));
    if (found !== undefined) return found;
  }
  return index.graph.inputs.find(({ name }) => common.has(name))?.name;
}
