import type { Graph, Node, TensorProto } from "./model.js";
import { dequantised } from "./quantised-values.js";

/**
 * The graph as it was before it was quantised, for those who look for its structure (the head, the layers): what a QuantizeLinear or
 * DequantizeLinear gives is what goes in, quantised weights are float32 constants. All names that are left name the same
 * values as in the graph itself, so what is found here is good there. For looking only: a float32 graph comes back as it is.
 */
export function withoutQuantisation(graph: Graph): Graph {
  const folded = new Map<string, TensorProto>();
  const source = new Map<string, string>();
  for (const node of graph.nodes) {
    if (!isPassage(node)) continue;
    const tensor = node.opType === "DequantizeLinear" ? dequantised(node, (v) => graph.initializers.get(v)) : undefined;
    if (tensor !== undefined) folded.set(tensor.name, tensor);
    else source.set(node.outputs[0]!, source.get(node.inputs[0]!) ?? node.inputs[0]!);
  }
  if (folded.size + source.size === 0) return graph;
  const outputs = new Set(graph.outputs.map(({ name }) => name));
  const nodes = graph.nodes.flatMap((node): Node[] => {
    const inputs = node.inputs.map((name) => source.get(name) ?? name);
    if (!isPassage(node)) return [{ ...node, inputs }];
    const [output = ""] = node.outputs;
    const isRead = source.has(output) && outputs.has(output);
    return isRead ? [{ ...node, opType: "Identity", inputs: inputs.slice(0, 1), attributes: new Map() }] : [];
  });
  return { ...graph, nodes, initializers: new Map([...graph.initializers, ...folded]) };
}

function isPassage(node: Node): boolean {
  return node.domain === "" && (node.opType === "QuantizeLinear" || node.opType === "DequantizeLinear");
}
