import type { Graph, Node, TensorProto } from "../model.js";
import { renameValues } from "../rename.js";

/**
 * Merges QuantizeLinear (and DequantizeLinear) nodes that have the same input, scale and zero point. Quantisers can give
 * each reader its own pair (ONNX Runtime's `DedicatedQDQPair`). A layer would then have as many values as readers, and the gradient at
 * each value would be only a part of the whole. The runtime splits and joins pairs as it needs; the numbers stay the same.
 */
export function sharePairs(graph: Graph): Graph {
  const outputs = new Set(graph.outputs.map(({ name }) => name));
  const kept = new Map<string, string>();
  const names = new Map<string, string>();
  const nodes = graph.nodes.filter((node) => {
    const [output = ""] = node.outputs;
    // The DequantizeLinear of a weight belongs to the one convolution that reads it.
    if (!PAIR.has(node.opType) || outputs.has(output) || graph.initializers.has(node.inputs[0] ?? "")) return true;
    const key = keyOf(node, graph, names);
    const same = kept.get(key);
    if (same === undefined) kept.set(key, output);
    else names.set(output, same);
    return same === undefined;
  });
  if (names.size === 0) return graph;
  const valueInfo = graph.valueInfo.filter(({ name }) => !names.has(name));
  return renameValues({ ...graph, nodes, valueInfo }, names);
}

const PAIR: ReadonlySet<string> = new Set(["QuantizeLinear", "DequantizeLinear"]);

/** Equal for nodes that compute the same. Scales and zero points are compared by value. */
function keyOf({ domain, opType, inputs, attributes }: Node, graph: Graph, names: ReadonlyMap<string, string>): string {
  const operands = inputs.map((input) => contents(graph.initializers.get(input)) ?? names.get(input) ?? input);
  return JSON.stringify([domain, opType, operands, [...attributes].sort()]);
}

function contents(tensor: TensorProto | undefined): string | undefined {
  if (tensor === undefined || tensor.bytes.length === 0) return undefined;
  return `${tensor.dataType} [${tensor.dims}] ${tensor.bytes}`;
}
