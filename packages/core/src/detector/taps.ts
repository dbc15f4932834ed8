import { nodesBetween } from "../onnx/cut.js";
import { type GraphIndex, indexOf } from "../onnx/graph.js";
import type { Graph } from "../onnx/model.js";
import type { DetectorHead } from "./head.js";
import type { Layer } from "./layer.js";
import { beforeQuantisation } from "./quantisation.js";
import { downsampling } from "./stride.js";

/** Layers at different depths of the network, found in the graph. */
export interface Taps {
  /** The last map of the backbone for each stride, finest first: stages 2, 3, 4 … (stride 4, 8, 16, 32 …). */
  readonly stages: readonly (Layer & { readonly stride: number })[];
  /** The first map after the first concatenation of the neck (P4 of the top-down path), if any. */
  readonly neck: Layer | undefined;
  /** For each level of the head: the input of the last block before the head input, if any. */
  readonly lastBlocks: readonly (Layer | undefined)[];
}

/**
 * Finds the taps among the listed layers. The backbone ends at the first upsampling; that of a classifier ends at the maps that are pooled. A network without listed layers has no taps; callers
 * then use the head inputs.
 */
export function findTaps(graph: Graph, head: DetectorHead, layers: readonly Layer[]): Taps {
  const index = indexOf(graph);
  const strides = downsampling(graph, { from: "network" });
  const listed = layers.filter((layer) => strides.has(layer.value));
  const opOf = (layer: Layer): string => operationOf(index, layer.value);
  const upsampling = listed.findIndex((layer) => UPSAMPLING.has(opOf(layer)));
  if (head.kind === "classifier") {
    const own = head.levels.flatMap(({ inputs }) =>
      inputs.map((value) => listed.find((layer) => layer.value === value) ?? { index: undefined, name: value, value }),
    );
    return { stages: lastOfEachStride([...listed, ...own], strides), neck: undefined, lastBlocks: [] };
  }
  const leadsTo = (from: string, to: string): boolean => index.descendants([from]).has(to);
  const firstUp = listed[upsampling];
  const backbone =
    firstUp === undefined
      ? []
      : backboneOf(listed.slice(0, upsampling), strides, (layer) => feedsNeck(index, listed, upsampling, layer));
  const join = listed.findIndex((layer, i) => i > upsampling && opOf(layer) === "Concat");
  return {
    stages: backbone,
    neck: join < 0 ? undefined : listed[join + 1],
    lastBlocks: head.levels.map(({ inputs: [input = ""] }) => {
      const own = beforeQuantisation(index, input);
      const at = listed.findIndex((layer) => beforeQuantisation(index, layer.value) === own);
      const before = joinBefore(listed, at, strides, opOf);
      return before !== undefined && leadsTo(before.value, input) ? before : undefined;
    }),
  };
}

function operationOf(index: GraphIndex, value: string): string {
  return index.producer(beforeQuantisation(index, value))?.opType ?? "";
}

const UPSAMPLING: ReadonlySet<string> = new Set(["Resize", "ConvTranspose"]);

/**
 * The concatenation directly before layer number `at`. Among layers without numbers it is the last concatenation of the same stride: the head may
 * have another convolution after the block, and layers in between may belong to other levels.
 */
function joinBefore(
  layers: readonly Layer[],
  at: number,
  strides: ReadonlyMap<string, number>,
  opOf: (layer: Layer) => string,
): Layer | undefined {
  const before = layers.slice(0, Math.max(at, 0));
  const stride = strides.get(layers[at]?.value ?? "");
  const own = layers[at];
  // If the head reads a join directly, there is no block after the join.
  const isOwn = own !== undefined && (own.index !== undefined || !JOINS.has(opOf(own)));
  const isPassed = (layer: Layer): boolean =>
    layer.index === undefined && (strides.get(layer.value) !== stride || !JOINS.has(opOf(layer)));
  const found = isOwn ? before.findLast((layer) => !isPassed(layer)) : undefined;
  return found !== undefined && opOf(found) === "Concat" ? found : undefined;
}

const JOINS: ReadonlySet<string> = new Set(["Concat", "Add", "Sum"]);

/** For each stride, the last layer of the backbone. `feeds` is true for a layer of the neck that only feeds the upsampling. */
function backboneOf(
  layers: readonly Layer[],
  strides: ReadonlyMap<string, number>,
  feeds: (layer: Layer) => boolean,
): (Layer & { stride: number })[] {
  const stages = lastOfEachStride(layers, strides);
  const deepest = stages.at(-1);
  if (deepest === undefined) return stages;
  // YOLOv5 reduces the channels of the deepest map by a 1×1 layer before the upsampling. The stage ends one layer earlier.
  const at = layers.findIndex((layer) => layer.value === deepest.value);
  const previous = layers[at - 1];
  if (feeds(deepest) && previous !== undefined && strides.get(previous.value) === deepest.stride) {
    stages[stages.length - 1] = { ...previous, stride: deepest.stride };
  }
  return stages;
}

/** For each stride, the last of the layers, finest first. */
function lastOfEachStride(
  layers: readonly Layer[],
  strides: ReadonlyMap<string, number>,
): (Layer & { stride: number })[] {
  const last = new Map<number, Layer>();
  for (const layer of layers) last.set(strides.get(layer.value)!, layer);
  return [...last].map(([stride, layer]) => ({ ...layer, stride })).sort((a, b) => a.stride - b.stride);
}

/** True if the upsampling reads the layer, and the layer is a single convolution of the neck (YOLOv5's layer 10). */
function feedsNeck(index: GraphIndex, layers: readonly Layer[], upsampling: number, layer: Layer): boolean {
  const up = index.producer(beforeQuantisation(index, layers[upsampling]!.value));
  const read = up?.inputs.map((input) => beforeQuantisation(index, input));
  if (!read?.includes(beforeQuantisation(index, layer.value))) return false;
  const before = layers[layers.findIndex((one) => one.value === layer.value) - 1];
  if (before === undefined) return false;
  // A block has more than one convolution between the previous layer and this one.
  const downstream = index.descendants([before.value]);
  const between = nodesBetween(index.graph, new Set([before.value]), [layer.value]);
  return between.filter((node) => node.opType === "Conv" && downstream.has(node.outputs[0]!)).length === 1;
}
