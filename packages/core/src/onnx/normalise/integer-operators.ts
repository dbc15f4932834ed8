import { WhyboxError } from "../../errors.js";
import { intAttribute } from "../attributes.js";
import type { Value } from "../builder.js";
import { DataType, type Node } from "../model.js";
import type { QuantisedRewriter } from "./quantised-rewriter.js";

/** DynamicQuantizeLinear: its scale and zero point stay. A separate QuantizeLinear quantises x, and gradients pass through it. */
export function dynamicQuantisation(rewriter: QuantisedRewriter, node: Node): void {
  const [q = "", scale = "", zero = ""] = node.outputs;
  const { build } = rewriter;
  rewriter.push({ ...node, outputs: [build.fresh("unused"), scale, zero] });
  if (q === "") return;
  const attributes = { output_dtype: DataType.UINT8 };
  const name = rewriter.nodeName(`${node.name}_QuantizeLinear`);
  build.node("QuantizeLinear", [node.inputs[0]!, scale, zero], [q], attributes, name);
  rewriter.learn(q, scale, zero, node.name);
}

/**
 * ConvInteger and MatMulInteger. The quantiser casts their int32 result to float and multiplies it by the scales of input and weight. This
 * replaces both steps by the float operator on the dequantised values.
 * @throws unsupported-model when the result is used in another way.
 */
export function integerProduct(rewriter: QuantisedRewriter, node: Node): void {
  const [q = "", w = "", zeroQ = "", zeroW = ""] = node.inputs;
  const cast = only(rewriter, node.outputs[0]!, "Cast");
  const scaled = cast && only(rewriter, cast.outputs[0]!, "Mul");
  const factors = scaled?.inputs.find((input) => input !== cast?.outputs[0]);
  const product = factors === undefined ? undefined : rewriter.index.producer(factors);
  const own = rewriter.scaleOf(q)?.scale;
  const weightScale = product?.opType === "Mul" ? product.inputs.find((input) => input !== own) : undefined;
  const isFloat = cast !== undefined && intAttribute(cast, "to", 0) === DataType.FLOAT;
  if (!isFloat || own === undefined || weightScale === undefined || !product?.inputs.includes(own))
    throw unknownUse(node);
  const isConv = node.opType === "ConvInteger";
  const inputs: Value[] = [
    rewriter.dequantise(q, own, zeroQ),
    rewriter.dequantise(w, flattened(rewriter, weightScale), zeroW, isConv ? 0 : -1),
  ];
  const after = isConv ? biasOf(rewriter, scaled!) : undefined;
  const output = after === undefined ? scaled!.outputs[0]! : after.add.outputs[0]!;
  if (after !== undefined) inputs.push(after.bias);
  rewriter.push({ ...node, opType: isConv ? "Conv" : "MatMul", inputs, outputs: [output] });
  for (const gone of [cast, scaled!, ...(after === undefined ? [] : [after.add])]) rewriter.drop(gone);
  for (const { outputs } of [node, cast]) rewriter.retype(outputs[0]!);
}

/** The only node that reads a value, if it has the given op type. */
function only(rewriter: QuantisedRewriter, value: Value, opType: string): Node | undefined {
  const [reader, ...others] = rewriter.index.consumers(value);
  return reader?.opType === opType && reader.domain === "" && others.length === 0 ? reader : undefined;
}

/** The bias [M] that is added, reshaped to [1, M, 1, 1], to a convolution's result. */
function biasOf(rewriter: QuantisedRewriter, scaled: Node): { readonly add: Node; readonly bias: Value } | undefined {
  const add = only(rewriter, scaled.outputs[0]!, "Add");
  const shaped = add?.inputs.find((input) => input !== scaled.outputs[0]);
  const reshape = shaped === undefined ? undefined : rewriter.index.producer(shaped);
  const bias = reshape?.opType === "Reshape" ? reshape.inputs[0]! : "";
  return add !== undefined && rewriter.constant(bias)?.dims.length === 1 ? { add, bias } : undefined;
}

/** A scale by channel may be written [M, 1, 1, 1] or [1, M, 1, 1], as it broadcasts in the product. */
function flattened(rewriter: QuantisedRewriter, scale: Value): Value {
  const tensor = rewriter.constant(scale);
  const length = tensor?.dims.reduce((size, dim) => size * dim, 1) ?? 0;
  if (tensor === undefined || tensor.dims.length <= 1) return scale;
  const name = rewriter.build.fresh("scale");
  rewriter.build.initializers.set(name, { ...tensor, name, dims: length === 1 ? [] : [length] });
  return name;
}

function unknownUse(node: Node): WhyboxError {
  return new WhyboxError(
    "unsupported-model",
    `Node "${node.name}" (${node.opType}): its result is not cast to float and scaled by what its inputs were quantised with, as dynamic quantisation ` +
      "does. Explain the model as it was exported, or quantise it with quant_format=QDQ.",
    { details: { node: node.name, op: node.opType } },
  );
}
