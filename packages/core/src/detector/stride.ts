import { intAttribute, intsAttribute } from "../onnx/attributes.js";
import { type GraphIndex, indexOf } from "../onnx/graph.js";
import type { Graph, Node } from "../onnx/model.js";
import { constantFloats, constantInts } from "./constants.js";

/**
 * Computes the stride (input pixels per cell, along the height) of every value where it is known. It is the product of the strides of
 * convolutions, poolings, resizes and strided slices between the image and the value. With `from: "network"`, the strides of a network that resizes
 * its image by itself are counted from what its first convolution reads.
 */
export function downsampling(
  graph: Graph,
  { from = "image" }: { readonly from?: "image" | "network" } = {},
): ReadonlyMap<string, number> {
  const index = indexOf(graph);
  const factors = new Map<string, number>();
  /** Maps inside a shuffle of channels, or without their batch axis: value → stride. They have other axes than maps. */
  const shuffled = new Map<string, number>();
  for (const input of graph.inputs) {
    if (input.shape?.length === 4 && !graph.initializers.has(input.name)) factors.set(input.name, 1);
  }
  let isBefore = true;
  for (const node of index.order) {
    const isFirst = isBefore && node.opType === "Conv";
    if (isFirst) isBefore = false;
    const inside = shuffled.get(node.inputs[0] ?? "");
    if (inside !== undefined) {
      const next = afterShuffle(index, node);
      if (next !== "other") (next === "map" ? factors : shuffled).set(node.outputs[0]!, inside);
      continue;
    }
    const known =
      node.inputs.map((input) => factors.get(input)).find((factor) => factor !== undefined) ??
      (isFirst && from === "network" ? 1 : undefined);
    if (known === undefined) continue;
    if (node.opType === "Reshape" && startsShuffle(index, node)) shuffled.set(node.outputs[0]!, known);
    if (node.opType === "Squeeze" && dropsBatch(index, node)) shuffled.set(node.outputs[0]!, known);
    const step = stepOf(index, node);
    if (step === undefined) continue;
    for (const output of node.outputs) factors.set(output, known * step);
  }
  return factors;
}

/** The factor by which a node reduces a map; undefined when the output is not a map or the factor is not constant. */
function stepOf(index: GraphIndex, node: Node): number | undefined {
  switch (node.opType) {
    case "Conv":
    case "MaxPool":
    case "AveragePool":
      return intsAttribute(node, "strides")?.[0] ?? 1;
    case "ConvTranspose":
      return 1 / (intsAttribute(node, "strides")?.[0] ?? 1);
    case "SpaceToDepth":
      return intAttribute(node, "blocksize", 1);
    case "DepthToSpace":
      return 1 / intAttribute(node, "blocksize", 1);
    case "Resize":
    case "Upsample":
      return resizeStep(index, node);
    case "Slice":
      return sliceStep(index, node);
    case "Gather":
      // Reordered channels (BGR to RGB) do not change the size of the map.
      return intAttribute(node, "axis", 0) === 1 && constantInts(index, node.inputs[1] ?? "") !== undefined
        ? 1
        : undefined;
    case "Transpose":
      // Between NHWC and NCHW, as in models from TensorFlow.
      return MAP_LAYOUTS.has(intsAttribute(node, "perm")?.join() ?? "") ? 1 : undefined;
    default:
      return NOT_A_MAP.has(node.opType) ? undefined : 1;
  }
}

/**
 * Whether a Reshape starts a shuffle of channels: it splits the channels into groups, and a Transpose swaps these. Zhang et al., "ShuffleNet",
 * CVPR 2018. The groups may also be on the first axis, with the cells on one axis.
 */
function startsShuffle(index: GraphIndex, node: Node): boolean {
  const readers = index.consumers(node.outputs[0]!);
  return readers.length > 0 && readers.every(swapsGroups);
}

/** Whether all that read a map without its batch axis give it one again. */
function dropsBatch(index: GraphIndex, node: Node): boolean {
  const readers = index.consumers(node.outputs[0]!);
  return readers.length > 0 && readers.every(({ opType }) => opType === "Unsqueeze" || opType === "Transpose");
}

function swapsGroups(node: Node): boolean {
  return node.opType === "Transpose" && SHUFFLES.has(intsAttribute(node, "perm")?.join() ?? "");
}

const SHUFFLES: ReadonlySet<string> = new Set(["0,2,1,3,4", "1,0,2"]);

/** What a node inside a shuffle gives: a map again, a map with other axes still, or something else. */
function afterShuffle(index: GraphIndex, node: Node): "map" | "inside" | "other" {
  if (swapsGroups(node)) return "inside";
  if (node.opType === "Unsqueeze") return "map";
  if (UNBATCHED_LAYOUTS.has(intsAttribute(node, "perm")?.join() ?? "")) return "inside";
  // The two halves of the channels are picked one after the other.
  if (node.opType === "Gather") return intAttribute(node, "axis", 0) === 0 ? "map" : "other";
  if (node.opType !== "Reshape") return "other";
  const readers = index.consumers(node.outputs[0]!);
  return readers.every((reader) => reader.opType === "Gather" && intAttribute(reader, "axis", 0) === 0)
    ? "inside"
    : "map";
}

/** Between HWC and CHW. */
const UNBATCHED_LAYOUTS: ReadonlySet<string> = new Set(["2,0,1", "1,2,0"]);
const MAP_LAYOUTS: ReadonlySet<string> = new Set(["0,3,1,2", "0,2,3,1"]);

/** Ops after which axes 2 and 3 are no longer the axes of the image. */
const NOT_A_MAP: ReadonlySet<string> = new Set(["Reshape", "Flatten", "Squeeze", "Shape", "Gemm"]);

function resizeStep(index: GraphIndex, node: Node): number | undefined {
  const scales = constantFloats(index, node.inputs[node.opType === "Resize" ? 2 : 1] ?? "");
  const scale = scales?.length === 4 ? scales[2]! : undefined;
  return scale !== undefined && scale > 0 ? 1 / scale : undefined;
}

function sliceStep(index: GraphIndex, node: Node): number | undefined {
  if (node.inputs.length < 5 || node.inputs[4] === "") return 1;
  const axes = constantInts(index, node.inputs[3] ?? "");
  const steps = constantInts(index, node.inputs[4]!);
  if (axes === undefined || steps === undefined) return undefined;
  const at = axes.findIndex((axis) => axis === 2 || axis === -2);
  return at < 0 ? 1 : Math.abs(steps[at] ?? 1);
}
