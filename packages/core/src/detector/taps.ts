import { nodesBetween } from "../onnx/cut.js";
import { GraphIndex } from "../onnx/graph.js";
import type { Graph } from "../onnx/model.js";
import type { DetectorHead } from "./head.js";
import type { Layer } from "./layer.js";
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
  const listed = layers.filter((layer) => layer.index !== undefined && strides.has(layer.value));
  const opOf = (layer: Layer): string => index.producer(layer.value)?.opType ?? "";
  const upsampling = listed.findIndex((layer) => opOf(layer) === "Resize");
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
      const at = listed.findIndex((layer) => layer.value === input);
      const before = at > 0 ? listed[at - 1] : undefined;
      return before !== undefined && opOf(before) === "Concat" && behind(before.value, input) ? before : undefined;
    }),
  };
}

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
  const up = layers[upsampling]!;
  if (!index.producer(up.value)?.inputs.includes(layer.value)) return false;
  const before = layers[layers.findIndex((one) => one.value === layer.value) - 1];
  if (before === undefined) return false;
  // Only one convolution lies between it and the layer before: no block.
  const behind = index.descendants([before.value]);
  const between = nodesBetween(index.graph, new Set([before.value]), [layer.value]);
  return between.filter((node) => node.opType === "Conv" && behind.has(node.outputs[0]!)).length === 1;
}
