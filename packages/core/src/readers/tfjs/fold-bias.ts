import type { Graph, Node, TensorProto } from "../../onnx/model.js";

/**
 * Merges a convolution without a bias with the addition of one value per channel that follows it, if nothing else reads the
 * convolution. Some converters leave the bias outside, but layers are found by their convolution. The result keeps the name of the
 * addition.
 */
export function foldBias(graph: Graph): Graph {
  const readers = new Map<string, number>();
  for (const name of [...graph.nodes.flatMap(({ inputs }) => inputs), ...graph.outputs.map(({ name }) => name)]) {
    readers.set(name, (readers.get(name) ?? 0) + 1);
  }
  const convolutions = new Map<string, Node>();
  for (const node of graph.nodes) {
    const [output = ""] = node.outputs;
    if (node.opType === "Conv" && node.inputs.length === 2 && readers.get(output) === 1) convolutions.set(output, node);
  }
  const initializers = new Map(graph.initializers);
  const gone = new Set<Node>();
  const joined = new Map<Node, Node>();
  for (const node of graph.nodes) {
    const found = biasedConvolution(node, convolutions, initializers);
    if (found === undefined) continue;
    const { conv, bias } = found;
    const name = `${conv.inputs[1]}/bias`;
    initializers.set(name, { ...bias, name, dims: [bias.bytes.length / 4] });
    gone.add(conv);
    joined.set(node, { ...conv, name: node.name, inputs: [...conv.inputs, name], outputs: node.outputs });
  }
  const nodes = graph.nodes.filter((node) => !gone.has(node)).map((node) => joined.get(node) ?? node);
  return { ...graph, nodes, initializers };
}

function biasedConvolution(
  node: Node,
  convolutions: ReadonlyMap<string, Node>,
  initializers: ReadonlyMap<string, TensorProto>,
): { readonly conv: Node; readonly bias: TensorProto } | undefined {
  if (node.opType !== "Add") return undefined;
  for (const [value = "", constant = ""] of [node.inputs, node.inputs.toReversed()]) {
    const conv = convolutions.get(value);
    const bias = initializers.get(constant);
    if (conv === undefined || bias === undefined) continue;
    const channels = initializers.get(conv.inputs[1]!)?.dims[0];
    const [C = 0, ...plane] = bias.dims.slice(bias.dims.length === 4 ? 1 : 0);
    const perChannel = bias.dims.length >= 3 && C === channels && plane.every((size) => size === 1);
    if (perChannel && bias.bytes.length === 4 * C) return { conv, bias };
  }
  return undefined;
}
