import { intAttribute, intsAttribute } from "../attributes.js";
import { change, type Rewrite } from "./rewrite.js";

/** Squeeze (opset < 13), Unsqueeze (< 13), ReduceSum (< 13), other Reduce* (< 18): attribute `axes` becomes an input. */
export function axesToInput(before: number): Rewrite {
  return (node, cx) => {
    const axes = intsAttribute(node, "axes");
    if (cx.opset >= before) return node;
    const inputs = [node.inputs[0]!];
    // No axes, or an empty list, means all axes in both forms.
    if (axes !== undefined && axes.length > 0) inputs.push(cx.build.ints(axes));
    return change(node, { inputs, without: ["axes"] });
  };
}

/** Slice-1 (opset < 10): `starts`, `ends`, `axes` become inputs. */
export const slice: Rewrite = (node, cx) => {
  if (cx.opset >= 10) return node;
  const [starts, ends] = [intsAttribute(node, "starts")!, intsAttribute(node, "ends")!];
  const axes = intsAttribute(node, "axes");
  const inputs = [node.inputs[0]!, cx.build.ints(starts), cx.build.ints(ends)];
  if (axes !== undefined) inputs.push(cx.build.ints(axes));
  return change(node, { inputs, without: ["starts", "ends", "axes"] });
};

/** Split: sizes become an input (opset < 13). Equal parts are declared with `num_outputs` (opset < 18). */
export const split: Rewrite = (node, cx) => {
  if (cx.opset >= 18) return node;
  const sizes = cx.opset < 13 ? intsAttribute(node, "split") : undefined;
  const input = node.inputs[0]!;
  if (sizes !== undefined) return change(node, { inputs: [input, cx.build.ints(sizes)], without: ["split"] });
  if (cx.opset >= 13 && (node.inputs[1] ?? "") !== "") return node;
  return change(node, { inputs: [input], set: { num_outputs: node.outputs.length } });
};

/** TopK-1 (opset < 10): `k` becomes an input. */
export const topK: Rewrite = (node, cx) => {
  if (cx.opset >= 10) return node;
  return change(node, { inputs: [node.inputs[0]!, cx.build.ints([intAttribute(node, "k", 0)])], without: ["k"] });
};

/** DFT-17 (opset < 20): `axis` (default 1) becomes an input. */
export const dft: Rewrite = (node, cx) => {
  if (cx.opset >= 20) return node;
  const axis = cx.build.int(intAttribute(node, "axis", 1));
  return change(node, { inputs: [node.inputs[0]!, node.inputs[1] ?? "", axis], without: ["axis"] });
};
