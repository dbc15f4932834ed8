import { indexOf } from "../onnx/graph.js";
import type { Graph, Node } from "../onnx/model.js";

/**
 * Merges factors that do not depend on the seeds, so that the work on cotangents (N seeds wide) shrinks and the rest is
 * done once: `(g·a)·b → g·(a·b)` and `g·a + g·b → g·(a + b)`. The rules emit three multiplications and a sum on cotangents for SiLU; one
 * multiplication remains. Values that keep their name keep their meaning (up to rounding).
 * @param prefix prefix of the factors' names. No value of the graph may start with it.
 */
export function simplify(graph: Graph, seeds: Iterable<string>, prefix: string): Graph {
  const index = indexOf(graph);
  const linear = index.descendants(seeds);
  const nodes: Node[] = [];
  const now = new Map<string, Node>();
  let count = 0;
  const emit = (node: Node): void => {
    nodes.push(node);
    for (const output of node.outputs) now.set(output, node);
  };
  const fresh = (opType: string, inputs: readonly string[]): string => {
    const name = `${prefix}${count++}`;
    emit({ opType, domain: "", name, inputs, outputs: [name], attributes: new Map() });
    return name;
  };
  /** The cotangent and the factor of `value = cotangent · factor`, when this product is read by one node only. */
  const product = (value: string): { g: string; factor: string } | undefined => {
    const node = now.get(value);
    if (node?.opType !== "Mul" || index.consumers(value).length > 1) return undefined;
    const [a, b] = node.inputs as [string, string];
    if (linear.has(a) === linear.has(b)) return undefined;
    return linear.has(a) ? { g: a, factor: b } : { g: b, factor: a };
  };
  for (const node of graph.nodes) {
    const [a, b] = node.inputs as [string, string];
    if (node.opType === "Mul" && linear.has(a) !== linear.has(b)) {
      const [g, factor] = linear.has(a) ? [a, b] : [b, a];
      const before = product(g);
      const inputs = before ? [before.g, fresh("Mul", [before.factor, factor])] : [g, factor];
      emit({ ...node, inputs });
    } else if (node.opType === "Add" && node.inputs.length === 2) {
      const left = product(a);
      const right = product(b);
      const same = left !== undefined && right !== undefined && left.g === right.g && a !== b;
      emit(same ? { ...node, opType: "Mul", inputs: [left.g, fresh("Add", [left.factor, right.factor])] } : node);
    } else {
      emit(node);
    }
  }
  return { ...graph, nodes };
}
