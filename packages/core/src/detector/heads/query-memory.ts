import { intAttribute } from "../../onnx/attributes.js";
import type { Value } from "../../onnx/builder.js";
import type { GraphIndex } from "../../onnx/graph.js";
import type { Node } from "../../onnx/model.js";
import { walkToConvs } from "./head-walk.js";

/** Maximum number of maps that queries read. Models have one to six. */
const MAX_MAPS = 16;

/**
 * The convolutions of the maps that queries read: a Concat of flattened maps with one convolution each. Without such a Concat, they are the
 * convolutions without a further convolution after them. Undefined when there are none, or too many.
 */
export function memoryConvs(index: GraphIndex, values: readonly Value[]): readonly Node[] | undefined {
  const upstream = index.ancestors(values);
  const candidates = index.graph.nodes.filter(
    (node) => node.opType === "Concat" && node.inputs.length > 1 && upstream.has(node.outputs[0]!),
  );
  for (const concat of candidates.reverse()) {
    const axis = intAttribute(concat, "axis", 0);
    if ((axis !== 1 && axis !== -2) || concat.inputs.length > MAX_MAPS) continue;
    const convs = concat.inputs.map((input) => {
      const walk = walkToConvs(index, input);
      return walk.convs.length === 1 && isFlattened(index, input) ? walk.convs[0] : undefined;
    });
    const found = convs.filter((conv) => conv !== undefined);
    if (found.length === convs.length) return found;
  }
  const all = index.graph.nodes.filter((node) => node.opType === "Conv" && upstream.has(node.outputs[0]!));
  const inner = index.ancestors(all.map((conv) => conv.inputs[0]!));
  const last = all.filter((conv) => !inner.has(conv.outputs[0]!));
  return last.length >= 1 && last.length <= MAX_MAPS ? last : undefined;
}

function isFlattened(index: GraphIndex, value: Value): boolean {
  let name = value;
  for (let step = 0; step < 6; step++) {
    const node = index.producer(name);
    if (node?.opType === "Reshape" || node?.opType === "Flatten") return true;
    if (node === undefined || node.opType === "Conv") return false;
    name = node.inputs[0]!;
  }
  return false;
}
