import { nodesBetween } from "../onnx/cut.js";
import { GraphIndex } from "../onnx/graph.js";
import type { Graph } from "../onnx/model.js";
import type { DetectorHead } from "./head.js";
import type { Layer } from "./layer.js";
import { beforeQuantisation } from "./quantisation.js";
import { downsampling } from "./stride.js";

/** Layers that stand for the depths of the network, found from the graph. */
export interface Taps {
  /** The backbone's last map of each stride, finest first: stages 2 to 4 and on (stride 4, 8, 16, 32 …). */
  readonly stages: readonly (Layer & { readonly stride: number })[];
  /** The first map behind the neck's first concatenation (P4 of the top-down path), when there is one. */
  readonly neck: Layer | undefined;
  /** Per level of the head: the input of the last block before the head input, when there is one. */
  readonly lastBlocks: readonly (Layer | undefined)[];
}

/**
 * Finds the taps among the listed layers. The backbone ends where the first upsampling begins; a network without listed
 * layers has none, and the head inputs must do.
 */
export function findTaps(graph: Graph, head: DetectorHead, layers: readonly Layer[]): Taps {
  const index = new GraphIndex(graph);
  const strides = downsampling(graph);
  const listed = layers.filter((layer) => strides.has(layer.value));
  const opOf = (layer: Layer): string => operationOf(index, layer.value);
  const upsampling = listed.findIndex((layer) => GOES_UP.has(opOf(layer)));
  const behind = (from: string, to: string): boolean => index.descendants([from]).has(to);
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
      return before !== undefined && behind(before.value, input) ? before : undefined;
    }),
  };
}

/** The op that computes `value`. */
function operationOf(index: GraphIndex, value: string): string {
  return index.producer(beforeQuantisation(index, value))?.opType ?? "";
}

const GOES_UP: ReadonlySet<string> = new Set(["Resize", "ConvTranspose"]);

/**
 * The concatenation right before layer number `at`. Among layers without numbers it is the last of its stride: a head may have a convolution of
 * its own behind the block, and what is listed in between may be of other levels.
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
  // What a join gives to the head as it is has no block behind the join.
  const isOwn = own !== undefined && (own.index !== undefined || !JOINS.has(opOf(own)));
  const isPassed = (layer: Layer): boolean =>
    layer.index === undefined && (strides.get(layer.value) !== stride || !JOINS.has(opOf(layer)));
  const found = isOwn ? before.findLast((layer) => !isPassed(layer)) : undefined;
  return found !== undefined && opOf(found) === "Concat" ? found : undefined;
}

const JOINS: ReadonlySet<string> = new Set(["Concat", "Add", "Sum"]);

/** Of each stride the last layer that the neck, or the next stage, still reads as a map of the backbone. */
function backboneOf(
  layers: readonly Layer[],
  strides: ReadonlyMap<string, number>,
  feeds: (layer: Layer) => boolean,
): (Layer & { stride: number })[] {
  const last = new Map<number, Layer>();
  for (const layer of layers) last.set(strides.get(layer.value)!, layer);
  const stages = [...last].map(([stride, layer]) => ({ ...layer, stride })).sort((a, b) => a.stride - b.stride);
  const deepest = stages.at(-1);
  if (deepest === undefined) return stages;
  // YOLOv5 squeezes the deepest map by a 1×1 layer before it goes up: the stage itself ends one layer earlier.
  const at = layers.findIndex((layer) => layer.value === deepest.value);
  const previous = layers[at - 1];
  if (feeds(deepest) && previous !== undefined && strides.get(previous.value) === deepest.stride) {
    stages[stages.length - 1] = { ...previous, stride: deepest.stride };
  }
  return stages;
}

/** True for the layer that the upsampling reads and that is itself a mere convolution of the neck (YOLOv5's layer 10). */
function feedsNeck(index: GraphIndex, layers: readonly Layer[], upsampling: number, layer: Layer): boolean {
  const up = index.producer(beforeQuantisation(index, layers[upsampling]!.value));
  const read = up?.inputs.map((input) => beforeQuantisation(index, input));
  if (!read?.includes(beforeQuantisation(index, layer.value))) return false;
  const before = layers[layers.findIndex((one) => one.value === layer.value) - 1];
  if (before === undefined) return false;
  // Only one convolution lies between it and the layer before: no block.
  const behind = index.descendants([before.value]);
  const between = nodesBetween(index.graph, new Set([before.value]), [layer.value]);
  return between.filter((node) => node.opType === "Conv" && behind.has(node.outputs[0]!)).length === 1;
}
