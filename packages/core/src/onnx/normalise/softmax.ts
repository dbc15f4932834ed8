import { intAttribute } from "../attributes.js";
import { newNode } from "../builder.js";
import type { Node } from "../model.js";
import { change, type RewriteContext } from "./rewrite.js";

/**
 * Softmax, LogSoftmax, Hardmax (opset < 13) work on the input flattened to 2-D at `axis` (default 1). At the last axis
 * that equals the new meaning. Otherwise the axes from `axis` on are merged into one. The axes before it stay, so that axis 0 can carry several
 * seeds. Exporters often omit the rank and write the last axis as a number. Empty inputs are not supported there: the
 * runtime cannot infer the size of the last axis.
 */
export function flattenedSoftmax(node: Node, cx: Pick<RewriteContext, "opset" | "build" | "rank">): Node {
  const input = node.inputs[0]!;
  if (cx.opset >= 13) return node;
  const axis = intAttribute(node, "axis", 1);
  const rank = cx.rank(input);
  if (axis === -1 || (rank !== undefined && axis === rank - 1)) return change(node, { set: { axis: -1 } });
  const { build } = cx;
  const front = axis < 0 && rank !== undefined ? axis + rank : axis;
  // Flatten merges the axes before `axis`. With at most one of them, or an unknown number, nothing changes.
  const flat =
    front > 1
      ? build.op("Reshape", [input, build.ints([...Array<number>(front).fill(0), -1])])
      : build.op("Flatten", [input], { axis });
  const inner = build.fresh(node.opType);
  // The last node computes the old output, so it keeps the name. The node between is new.
  build.nodes.push({ ...change(node, { inputs: [flat], outputs: [inner], set: { axis: -1 } }), name: inner });
  const shape = build.op("Shape", [input]);
  return newNode("Reshape", [inner, shape], [node.outputs[0]!], { allowzero: 1 }, node.name);
}
