import { intAttribute, tensorAttribute } from "./attributes.js";
import { indexOf } from "./graph.js";
import { DataType, type Graph, type Node } from "./model.js";
import { subgraphsOf } from "./subgraphs.js";

const bools = new Set([
  "Equal",
  "Less",
  "LessOrEqual",
  "Greater",
  "GreaterOrEqual",
  "And",
  "Or",
  "Not",
  "Xor",
  "IsNaN",
  "IsInf",
]);
const indices = new Set(["Shape", "Size", "ArgMax", "ArgMin", "NonZero", "NonMaxSuppression"]);
/** Ops whose outputs have the type of an input other than the first. */
const typedBy: ReadonlyMap<string, number> = new Map([
  ["Where", 1],
  ["OneHot", 2],
  ["DequantizeLinear", 1],
  ["QuantizeLinear", 2],
  ["QLinearConv", 7],
  ["QLinearMatMul", 7],
]);

/**
 * The element type (TensorProto.DataType) of a value, from the file's type information, or by walking back to the op that
 * determines it. FLOAT when the walk ends at an op without a known rule.
 */
export function elementType(graph: Graph, value: string): number {
  const index = indexOf(graph);
  let current = value;
  for (let step = 0; step <= graph.nodes.length; step++) {
    const declared = index.declaredType(current);
    if (declared) return declared;
    const node = index.producer(current);
    if (node === undefined) return DataType.FLOAT;
    const made = ownOutputType(node, current);
    if (made !== undefined) return made;
    current = typeSource(node) ?? "";
  }
  return DataType.FLOAT;
}

/** The input whose element type the outputs of a node have, if `ownOutputType` does not determine it. */
export function typeSource(node: Node): string | undefined {
  return node.inputs[typedBy.get(node.opType) ?? 0];
}

/** The declared type of an output of a Loop, If or Scan. A Loop's graph gives its condition before the outputs. FLOAT if it is not declared. */
function inSubgraph(node: Node, output: string): number {
  const at = node.outputs.indexOf(output) + (node.opType === "Loop" ? 1 : 0);
  return subgraphsOf(node)[0]?.outputs[at]?.elemType || DataType.FLOAT;
}

/** The type of a Constant: that of its tensor, or of its numbers. */
function constantType({ attributes }: Node): number {
  const value = [...attributes].find(([name]) => name.startsWith("value"))?.[1];
  if (value?.type === "tensor") return value.value.dataType;
  return value?.type === "int" || value?.type === "ints" ? DataType.INT64 : DataType.FLOAT;
}

/** The element type of an output that does not depend on the inputs. Undefined when it is the type of an input. */
export function ownOutputType(node: Node, output: string): number | undefined {
  const { opType } = node;
  if (bools.has(opType)) return DataType.BOOL;
  if (indices.has(opType)) return DataType.INT64;
  if ((opType === "TopK" || opType === "MaxPool") && node.outputs.indexOf(output) === 1) return DataType.INT64;
  if (opType === "Cast") return intAttribute(node, "to", DataType.FLOAT);
  if (opType === "Constant") return constantType(node);
  if (opType === "ConstantOfShape") return tensorAttribute(node, "value")?.dataType ?? DataType.FLOAT;
  if (opType === "EyeLike" || opType.startsWith("Random")) return intAttribute(node, "dtype", DataType.FLOAT);
  if (opType === "QuantizeLinear" && !node.inputs[2]) return intAttribute(node, "output_dtype", 0) || DataType.UINT8;
  if (opType === "DynamicQuantizeLinear") return node.outputs[1] === output ? DataType.FLOAT : DataType.UINT8;
  if (opType === "Loop" || opType === "If" || opType === "Scan") return inSubgraph(node, output);
  if (opType === "ConvInteger" || opType === "MatMulInteger") return DataType.INT32;
  return undefined;
}
