import { type AttributeLiteral, attribute, intAttribute } from "../onnx/attributes.js";
import { elementType } from "../onnx/element-type.js";
import { WIDENED, widened } from "../onnx/half.js";
import { type Attribute, DataType, type Graph, type Node, type TensorProto } from "../onnx/model.js";
import { dequantised } from "../onnx/quantised-values.js";

/**
 * The graph that is differentiated instead of the deployed one: the same names and the same operations on the same (rounded)
 * weights, all in float32. The forward pass is that of the deployed model, in float16 or 8 bits. The values that it passes on are converted to
 * float32. So nothing underflows, and rules see one type.
 *
 * Weights and biases that a DequantizeLinear computes from constants become constants, so that rules can transform them in advance.
 * A float32 graph without these is returned unchanged.
 */
export function floatTwin(graph: Graph): Graph {
  const folded = foldedConstants(graph);
  const isFolded = (node: Node): boolean => folded.has(node.outputs[0] ?? "");
  const nodes = graph.nodes.filter((node) => !isFolded(node)).map((node) => widenNode(node, graph));
  const float = [...graph.initializers.values()].every(({ dataType }) => !WIDENED.has(dataType));
  if (float && nodes.length === graph.nodes.length && nodes.every((node, i) => node === graph.nodes[i])) return graph;
  const widen = <T extends { readonly elemType: number }>(info: T): T =>
    WIDENED.has(info.elemType) ? { ...info, elemType: DataType.FLOAT } : info;
  const weights = [...graph.initializers].map(([name, tensor]): [string, TensorProto] => [name, widened(tensor)]);
  return {
    ...graph,
    nodes,
    initializers: new Map([...weights, ...folded]),
    inputs: graph.inputs.map(widen),
    outputs: graph.outputs.map(widen),
    valueInfo: graph.valueInfo.map(widen),
  };
}

function foldedConstants(graph: Graph): Map<string, TensorProto> {
  const folded = new Map<string, TensorProto>();
  for (const node of graph.nodes) {
    if (node.domain !== "" || node.opType !== "DequantizeLinear") continue;
    const tensor = dequantised(node, (value) => graph.initializers.get(value));
    if (tensor !== undefined) folded.set(tensor.name, tensor);
  }
  return folded;
}

/** The attributes that name the type of a node's output. */
const TYPED_BY: readonly string[] = ["to", "dtype", "output_dtype"];

function widenNode(node: Node, graph: Graph): Node {
  if (node.opType === "Cast" && node.domain === "" && meetsItself(node, graph)) {
    return { ...node, opType: "Identity", attributes: new Map() };
  }
  const changes = new Map<string, Attribute>();
  for (const [name, value] of node.attributes) {
    const change = widenAttribute(name, value);
    if (change !== undefined) changes.set(name, attribute(change));
  }
  return changes.size === 0 ? node : { ...node, attributes: new Map([...node.attributes, ...changes]) };
}

/** Whether the node is a Cast between float types that are both float32 here. It is removed, so that its gradient needs no forward value. */
function meetsItself(node: Node, graph: Graph): boolean {
  const types = [intAttribute(node, "to", DataType.FLOAT), elementType(graph, node.inputs[0] ?? "")];
  return types.every((type) => type === DataType.FLOAT || WIDENED.has(type)) && types.some((type) => WIDENED.has(type));
}

function widenAttribute(name: string, value: Attribute): AttributeLiteral | undefined {
  if (value.type === "tensor" && WIDENED.has(value.value.dataType)) return { tensor: widened(value.value) };
  if (value.type === "int" && TYPED_BY.includes(name) && WIDENED.has(value.value)) return DataType.FLOAT;
  return undefined;
}
