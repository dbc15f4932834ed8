import { WhyboxError } from "../../errors.js";
import { floatAttribute, intAttribute } from "../attributes.js";
import type { Value } from "../builder.js";
import type { Model, Node } from "../model.js";
import { withSubgraphs } from "../subgraphs.js";
import { dynamicQuantisation, integerProduct } from "./integer-operators.js";
import { QuantisedRewriter } from "./quantised-rewriter.js";
import { change } from "./rewrite.js";
import { flattenedSoftmax } from "./softmax.js";

/** How an operator on quantised tensors is written with floats. */
interface QuantisedOperator {
  readonly opType: string;
  /** Number of quantised operands, each with its scale and zero point. "rest": all remaining inputs. */
  readonly operands: number | "rest";
  /** Number of inputs before them, which stay unchanged. Default 0. */
  readonly first?: number;
  /** Index of the output's scale. Its zero point follows. */
  readonly output: number;
  /** Attributes that the float operator does not have. */
  readonly without?: readonly string[];
}

const one = (opType: string, ...without: string[]): QuantisedOperator => ({ opType, operands: 1, output: 3, without });
const two = (opType: string): QuantisedOperator => ({ opType, operands: 2, output: 6 });

/** Operators whose inputs are (quantised, scale, zero point) … and the scale and zero point of the output. "" is ONNX's own domain. */
const OPERATORS: ReadonlyMap<string, QuantisedOperator> = new Map([
  ["QLinearConv", two("Conv")],
  ["QLinearMatMul", two("MatMul")],
  ["com.microsoft.QLinearConv", two("Conv")],
  ["com.microsoft.QLinearAdd", two("Add")],
  ["com.microsoft.QLinearMul", two("Mul")],
  ["com.microsoft.QLinearSigmoid", one("Sigmoid")],
  ["com.microsoft.QLinearLeakyRelu", one("LeakyRelu")],
  ["com.microsoft.QLinearAveragePool", one("AveragePool", "channels_last")],
  ["com.microsoft.QLinearGlobalAveragePool", one("GlobalAveragePool", "channels_last")],
  ["com.microsoft.QLinearSoftmax", one("Softmax", "opset")],
  ["com.microsoft.QLinearWhere", { opType: "Where", operands: 2, first: 1, output: 7 }],
  ["com.microsoft.QLinearConcat", { opType: "Concat", operands: "rest", output: 0 }],
  ["com.microsoft.QGemm", { opType: "Gemm", operands: 2, output: 7 }],
]);

/** Operators that only move quantised data: input and output have the same scale. */
const MOVING: ReadonlySet<string> = new Set(
  "MaxPool Resize Reshape Transpose Split Slice Squeeze Unsqueeze Flatten Gather Identity DepthToSpace SpaceToDepth Expand".split(
    " ",
  ),
);
/** Those that a layer may end with, or whose gradient needs the values. They are computed with floats; the runtime fuses them again. */
const IN_FLOATS: ReadonlySet<string> = new Set(["MaxPool", "Resize"]);

/**
 * The model with its quantised operators written as DequantizeLinear → the float operator → QuantizeLinear: ONNX's QLinearConv and QLinearMatMul,
 * ConvInteger and MatMulInteger of dynamic quantisation, and those of com.microsoft that ONNX Runtime's quantiser makes. The runtime
 * fuses the pairs again. Names of values stay. Expects normalised nodes; subgraphs are not rewritten.
 * @throws unsupported-model naming every unknown quantised or com.microsoft operator.
 */
export function expandQuantisedOperators(model: Model): Model {
  const { graph } = model;
  const rewriter = new QuantisedRewriter(model);
  const isWanted = (node: Node): boolean =>
    isQuantised(nameOf(node)) || isDequantisingContrib(node) || isDynamic(node, rewriter);
  if (!graph.nodes.some(isWanted)) {
    refuseUnknown(model);
    return model;
  }
  for (const node of graph.nodes) {
    const operator = OPERATORS.get(nameOf(node));
    if (operator !== undefined) expand(rewriter, node, operator);
    else if (isDynamic(node, rewriter)) dynamicQuantisation(rewriter, node);
    else if (isInteger(node)) integerProduct(rewriter, node);
    else if (isDequantisingContrib(node)) rewriter.push({ ...node, domain: "" });
    else if (MOVING.has(nameOf(node)) && rewriter.scaleOf(node.inputs[0]!) !== undefined) move(rewriter, node);
    else rewriter.push(node);
    if (node.opType === "QuantizeLinear")
      rewriter.learn(node.outputs[0]!, node.inputs[1]!, node.inputs[2] ?? "", node.name);
  }
  const expanded = { ...model, graph: rewriter.finish() };
  refuseUnknown(expanded);
  return expanded;
}

function nameOf({ domain, opType }: Node): string {
  return domain === "" ? opType : `${domain}.${opType}`;
}

function isInteger(node: Node): boolean {
  return node.domain === "" && (node.opType === "ConvInteger" || node.opType === "MatMulInteger");
}

/** The runtime's own form of QuantizeLinear and DequantizeLinear, used for 16 bits before opset 21. */
function isDequantisingContrib({ domain, opType }: Node): boolean {
  return domain === "com.microsoft" && (opType === "QuantizeLinear" || opType === "DequantizeLinear");
}

function isQuantised(name: string): boolean {
  return OPERATORS.has(name) || name === "ConvInteger" || name === "MatMulInteger";
}

/** Whether the node is a DynamicQuantizeLinear that other nodes read. */
function isDynamic(node: Node, { index }: QuantisedRewriter): boolean {
  return nameOf(node) === "DynamicQuantizeLinear" && index.consumers(node.outputs[0] ?? "").length > 0;
}

function expand(rewriter: QuantisedRewriter, node: Node, operator: QuantisedOperator): void {
  if (intAttribute(node, "channels_last", 0) !== 0) {
    throw new WhyboxError(
      "unsupported-model",
      `Node "${node.name}" (${nameOf(node)}): channels_last is not supported. Quantise the model again as it was exported, with quant_format=QDQ.`,
      { details: { node: node.name, op: nameOf(node) } },
    );
  }
  const { inputs } = node;
  const start = operator.operands === "rest" ? 2 : (operator.first ?? 0);
  const count = operator.operands === "rest" ? Math.floor((inputs.length - start) / 3) : operator.operands;
  const floats = Array.from({ length: count }, (_, i): Value => {
    const [q, scale, zero] = inputs.slice(start + 3 * i, start + 3 * i + 3) as [Value, Value, Value];
    return rewriter.dequantise(q, scale, zero ?? "", i === 1 ? weightAxis(operator.opType, node) : undefined);
  });
  const bias = inputs[BIAS.get(operator.opType) ?? Number.NaN] ?? "";
  if (bias !== "") floats.push(rewriter.dequantise(bias, biasScale(rewriter, node), "", 0));
  const attributes = new Map([...node.attributes].filter(([key]) => !operator.without?.includes(key)));
  const [scale = "", zero = ""] = inputs.slice(operator.output, operator.output + 2);
  const float = {
    ...node,
    domain: "",
    opType: operator.opType,
    inputs: [...inputs.slice(0, operator.first ?? 0), ...floats],
    attributes,
  };
  // QGemm without an output scale returns floats.
  if (scale === "") rewriter.push(float);
  else rewriter.inFloats(operator.opType === "Softmax" ? oneMeaning(rewriter, float, node) : float, [[scale, zero]]);
}

/** Index of the integer bias, for the operators that have one. */
const BIAS: ReadonlyMap<string, number> = new Map([
  ["Conv", 8],
  ["Gemm", 6],
]);

/** The product of both operands' scales and QGemm's alpha. The bias is added before this scaling. */
function biasScale(rewriter: QuantisedRewriter, node: Node): Value {
  const scale = rewriter.product(node.inputs[1]!, node.inputs[4]!);
  const alpha = floatAttribute(node, "alpha", 1);
  return alpha === 1 ? scale : rewriter.product(scale, rewriter.build.float(alpha));
}

/** The axis of the output channels in a weight. */
function weightAxis(opType: string, node: Node): number | undefined {
  if (opType === "Gemm") return intAttribute(node, "transB", 0) === 1 ? 0 : 1;
  return opType === "Conv" ? 0 : opType === "MatMul" ? -1 : undefined;
}

/** QLinearSoftmax has its opset as an attribute: before 13 its axis had another meaning. */
function oneMeaning({ build }: QuantisedRewriter, softmax: Node, node: Node): Node {
  const float = change(softmax, { set: { axis: intAttribute(node, "axis", -1) } });
  return flattenedSoftmax(float, { opset: intAttribute(node, "opset", 13), build, rank: () => undefined });
}

function move(rewriter: QuantisedRewriter, node: Node): void {
  const [from, ...rest] = node.inputs as [Value, ...Value[]];
  const { scale, zero } = rewriter.scaleOf(from)!;
  if (IN_FLOATS.has(node.opType) && node.outputs.length === 1) {
    rewriter.inFloats({ ...node, inputs: [rewriter.dequantise(from, scale, zero), ...rest] }, [[scale, zero]]);
    return;
  }
  rewriter.push(node);
  for (const output of node.outputs) rewriter.learn(output, scale, zero, node.name);
}

function refuseUnknown({ graph }: Model): void {
  const unknown = new Map<string, number>();
  for (const { nodes } of withSubgraphs(graph)) {
    for (const node of nodes) {
      const name = nameOf(node);
      if (node.domain === "com.microsoft" || isQuantised(name) || /^QLinear|Integer$/.test(name)) {
        unknown.set(name, (unknown.get(name) ?? 0) + 1);
      }
    }
  }
  if (unknown.size === 0) return;
  const list = [...unknown].map(([name, count]) => `${name} × ${count}`).join(", ");
  throw new WhyboxError(
    "unsupported-model",
    `The model has unknown ONNX Runtime or quantised operators: ${list}. Explain the model as it was exported, before ` +
      "the runtime optimised it, or quantise it with quant_format=QDQ.",
    { details: { operators: [...unknown.keys()] } },
  );
}
