import type { GraphIndex } from "../../onnx/graph.js";
import type { Node } from "../../onnx/model.js";
import { outChannels } from "./head-walk.js";

/** The mask prototypes of a segmentation model. */
export interface Prototypes {
  /** Graph output `[1, E, h, w]`. */
  readonly value: string;
  /** E: the number of mask coefficients per box. */
  readonly channels: number;
}

/**
 * Finds the output `[1, E, h, w]` of mask prototypes. Returns undefined when no map or more than one map qualifies. Some exports also output the
 * raw maps of the levels. These depend on the prediction convolutions and are ignored.
 * @param levels outputs of the prediction convolutions.
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

/** Number of channels of a map that comes from a convolution, with or without an activation. */
function channelsOf(index: GraphIndex, value: string): number | undefined {
  let node: Node | undefined = index.producer(value);
  for (let step = 0; step < 8 && node !== undefined; step++) {
    if (node.opType === "Conv") return outChannels(index, node);
    node = index.producer(node.inputs[0] ?? "");
  }
  return undefined;
}
