import { GraphBuilder } from "../../src/onnx/builder.js";
import { GraphIndex } from "../../src/onnx/graph.js";
import type { Graph, Node } from "../../src/onnx/model.js";

const QUANTISED: ReadonlySet<string> = new Set("Conv Sigmoid Mul Add Concat Resize MaxPool".split(" "));

/**
 * The graph with QuantizeLinear and DequantizeLinear (scale 1/16, zero point 0) behind every map of modules before `head`, named as ONNX
 * Runtime's quantiser names them.
 */
export function quantise(graph: Graph, head: number): Graph {
  const b = new GraphBuilder("quantise");
  const scale = [b.floats([], [1 / 16]), "quantise/zero"];
  b.initializers.set(scale[1]!, { name: scale[1]!, dims: [], dataType: 3, bytes: Uint8Array.of(0) });
  const index = new GraphIndex(graph);
  const names = new Map<string, string>();
  const nodes = graph.nodes.flatMap((node): Node[] => {
    const own = { ...node, inputs: node.inputs.map((input) => names.get(input) ?? input) };
    const value = node.outputs[0]!;
    const module = Number(/\/model\.(\d+)/.exec(value)?.[1] ?? head);
    if (!QUANTISED.has(node.opType) || module >= head || index.consumers(value).length === 0) return [own];
    const pair = new GraphBuilder();
    const [q, y] = [`${value}_QuantizeLinear_Output`, `${value}_DequantizeLinear_Output`];
    pair.node("QuantizeLinear", [value, ...scale], [q], {}, `${value}_QuantizeLinear`);
    pair.node("DequantizeLinear", [q, ...scale], [y], {}, `${value}_DequantizeLinear`);
    names.set(value, y);
    return [own, ...pair.nodes];
  });
  return { ...graph, nodes, initializers: new Map([...graph.initializers, ...b.initializers]) };
}
