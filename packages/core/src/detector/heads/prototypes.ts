import type { GraphIndex } from "../../onnx/graph.js";
import type { Node } from "../../onnx/model.js";
import { outChannels } from "./head-walk.js";

/** The mask prototypes of a segmentation model. */
export interface Prototypes {
  /** Graph output `[1, E, h, w]`. */
  readonly value: string;
  /** E: as many mask coefficients has a box. */
  readonly channels: number;
}

/**
 * The output `[1, E, h, w]` of mask prototypes, in a model whose prediction convolutions are `levels`; undefined when there is none, or
 * more than one map may be meant. Raw maps of the levels, as some exports give them beside the decoded boxes, come from those convolutions.
 */
export function prototypesOf(index: GraphIndex, levels: ReadonlySet<string>): Prototypes | undefined {
  const predicted = index.descendants(levels);
  const [only, ...others] = index.graph.outputs.filter(
    ({ name, shape }) => shape?.length === 4 && !predicted.has(name),
  );
  if (only === undefined || others.length > 0) return undefined;
  const declared = only.shape![1];
  const channels = typeof declared === "number" ? declared : channelsOf(index, only.name);
  return channels === undefined ? undefined : { value: only.name, channels };
}

/** Channels of a map that ends in a convolution and its activation. */
function channelsOf(index: GraphIndex, value: string): number | undefined {
  let node: Node | undefined = index.producer(value);
  for (let step = 0; step < 8 && node !== undefined; step++) {
    if (node.opType === "Conv") return outChannels(index, node);
    node = index.producer(node.inputs[0] ?? "");
  }
  return undefined;
}
