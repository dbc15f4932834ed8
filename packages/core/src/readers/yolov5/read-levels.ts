import { intAttribute, intsAttribute } from "../../onnx/attributes.js";
import type { GraphIndex } from "../../onnx/graph.js";
import type { Graph, Node } from "../../onnx/model.js";
import { intsOf } from "../../onnx/tensors.js";
import type { Tensor } from "../../tensor/tensor.js";
import type { DetectLevel } from "./detect-head.js";
import { padded, probeArithmetic } from "./probe.js";

/** A detection level as found in a graph of fixed input size. */
export interface FoundLevel {
  readonly conv: Node;
  readonly level: DetectLevel;
  /** 5 + K. */
  readonly columns: number;
}

/**
 * Reads stride and anchors of one detection level from the constants after its prediction convolution. Checks that
 * every cell decodes as in YOLOv5. Boxes may be in pixels or, as in TF exports, relative to the input size.
 * @param concat the node that concatenates xy, wh and the probabilities of this level.
 * @param inputSize `[h, w]` of the fixed input.
 * @returns undefined for any other structure.
 */
export function readLevel(
  index: GraphIndex,
  concat: Node,
  inputSize: readonly [number, number],
): FoundLevel | undefined {
  const [xy, wh, rest] = concat.inputs;
  if (concat.inputs.length !== 3) return undefined;
  const slices = { xy: sliceBefore(index, xy!), wh: sliceBefore(index, wh!), rest: sliceBefore(index, rest!) };
  const { xy: first, wh: second, rest: third } = slices;
  if (first?.start !== 0 || first.end !== 2 || second?.start !== 2 || second.end !== 4) return undefined;
  if (third?.start !== 4 || third.end < 1e6 || new Set([first.source, second.source, third.source]).size > 1)
    return undefined;
  const conv = convBefore(index, first.source);
  const weight = conv && index.graph.initializers.get(conv.inputs[1] ?? "");
  const bias = conv && index.graph.initializers.get(conv.inputs[2] ?? "");
  if (conv === undefined || weight === undefined || bias === undefined) return undefined;
  const found = decodeConstants(
    [0, 0.5, 1].map((probe) => probeArithmetic(index, first.output, xy!, probe)),
    [0, 0.5, 1].map((probe) => probeArithmetic(index, second.output, wh!, probe)),
    inputSize,
  );
  if (found === undefined || weight.dims[0]! % found.anchors.length !== 0) return undefined;
  const level = { feature: conv.inputs[0]!, weight, bias, ...found };
  return { conv, level, columns: weight.dims[0]! / found.anchors.length };
}

/** Every node that concatenates the three parts of a level: candidates for `readLevel`, in order of the output's rows. */
export function levelConcats(index: GraphIndex, output: string): Node[] {
  let node = index.producer(output);
  while (node?.opType === "Identity") node = index.producer(node.inputs[0]!);
  if (node?.opType !== "Concat") return [];
  return node.inputs.flatMap((input) => {
    let part = index.producer(input);
    while (part?.opType === "Reshape") part = index.producer(part.inputs[0]!);
    return part?.opType === "Concat" ? [part] : [];
  });
}

interface FoundSlice {
  readonly source: string;
  readonly output: string;
  readonly start: number;
  readonly end: number;
}

/** The Slice along the last axis that `value` is computed from by arithmetic. */
function sliceBefore(index: GraphIndex, value: string): FoundSlice | undefined {
  let node = index.producer(value);
  for (let hops = 0; hops < 16 && node !== undefined; hops++) {
    if (node.opType === "Slice") return sliceOf(index.graph, node);
    node = node.inputs.map((input) => index.producer(input)).find((producer) => producer !== undefined);
  }
  return undefined;
}

function sliceOf(graph: Graph, node: Node): FoundSlice | undefined {
  const [start, end, axis, step] = node.inputs.slice(1).map((name) => {
    const tensor = graph.initializers.get(name);
    return tensor === undefined ? undefined : intsOf(tensor);
  });
  if (start?.length !== 1 || end?.length !== 1 || axis?.[0] !== 3 || (step?.[0] ?? 1) !== 1) return undefined;
  return { source: node.inputs[0]!, output: node.outputs[0]!, start: start[0]!, end: end[0]! };
}

/** The 1×1 convolution from which `value` is computed by one Sigmoid and nodes that only rearrange values. */
function convBefore(index: GraphIndex, value: string): Node | undefined {
  let node = index.producer(value);
  let sigmoids = 0;
  while (node !== undefined && ["Sigmoid", "Reshape", "Transpose"].includes(node.opType)) {
    if (node.opType === "Sigmoid") sigmoids++;
    node = index.producer(node.inputs[0]!);
  }
  if (node?.opType !== "Conv" || sigmoids !== 1) return undefined;
  const plain = intAttribute(node, "group", 1) === 1 && (intsAttribute(node, "strides") ?? []).every((s) => s === 1);
  const kernel = intsAttribute(node, "kernel_shape") ?? [];
  return plain && kernel.every((size) => size === 1) ? node : undefined;
}

/** Stride and anchors from the decoding at s = 0, ½, 1: xy = (2s − ½ + cell)·stride·unit, wh = 4s²·anchor·unit. */
function decodeConstants(
  xy: readonly (Tensor | undefined)[],
  wh: readonly (Tensor | undefined)[],
  [height, width]: readonly [number, number],
): Pick<DetectLevel, "stride" | "anchors"> | undefined {
  const [xy0, xyHalf, xy1] = xy;
  const [wh0, whHalf, wh1] = wh;
  if (!xy0 || !xyHalf || !xy1 || !wh0 || !whHalf || !wh1) return undefined;
  const [N, , cells, two] = padded(xy0.dims, 4);
  const [, A, one] = padded(whHalf.dims, 4);
  if (N !== 1 || two !== 2 || one !== 1 || A === undefined || cells === undefined || whHalf.data.length !== 2 * A)
    return undefined;
  const stride = Math.sqrt((height * width) / cells);
  const columns = width / stride;
  if (!Number.isInteger(stride) || !Number.isInteger(columns) || xy0.data.length !== 2 * cells) return undefined;
  // Half of the step from s = 0 to s = 1 is stride·unit. The unit is a pixel, or the input size for relative boxes.
  const units = [0, 1].map((axis) => (xy1.data[axis]! - xy0.data[axis]!) / 2 / stride);
  const parts = [1 / width, 1 / height];
  if (!units.every((unit) => close(unit, 1)) && !units.every((unit, i) => close(unit, parts[i]!))) return undefined;
  const scale = units.map((unit, i) => stride * (close(unit, 1) ? 1 : parts[i]!));
  for (let i = 0; i < xy0.data.length; i++) {
    const axis = i % 2;
    const cell = axis === 0 ? (i >> 1) % columns : Math.floor((i >> 1) / columns);
    if (!close(xyHalf.data[i]! / scale[axis]!, cell + 0.5)) return undefined;
    if (!close(xy0.data[i]! / scale[axis]!, cell - 0.5) || !close(xy1.data[i]! / scale[axis]!, cell + 1.5))
      return undefined;
  }
  if (!wh0.data.every((value) => value === 0)) return undefined;
  if (!wh1.data.every((value, i) => close(value, 4 * whHalf.data[i]!))) return undefined;
  const sizes = Array.from(whHalf.data, (value, i) => Math.fround((value / scale[i % 2]!) * stride));
  return { stride, anchors: Array.from({ length: A }, (_, a) => [sizes[2 * a]!, sizes[2 * a + 1]!] as const) };
}

function close(found: number, expected: number): boolean {
  return Math.abs(found - expected) <= 1e-4 * Math.max(Math.abs(expected), 1e-3);
}
