import type { Graph, Node, TensorProto } from "./model.js";
import { mapSubgraphs } from "./subgraphs.js";

/**
 * Renames values wherever they are defined or read, also in subgraphs. If a subgraph defines the same name itself, that is a different value
 * and stays unchanged. Graph inputs and outputs keep their names. Tensors that are computed on every read are computed here, and stored.
 */
export function renameValues(graph: Graph, names: ReadonlyMap<string, string>): Graph {
  if (names.size === 0) return graph;
  const to = (name: string): string => names.get(name) ?? name;
  return {
    ...graph,
    nodes: graph.nodes.map((node) => renameNode({ ...node, outputs: node.outputs.map(to) }, names)),
    initializers: new Map([...graph.initializers].map(([key, tensor]) => [to(key), stored(tensor, to(key))])),
    valueInfo: graph.valueInfo.map((value) => ({ ...value, name: to(value.name) })),
  };
}

function stored({ byteLength: _, ...tensor }: TensorProto, name: string): TensorProto {
  return { ...tensor, name };
}

function renameNode(node: Node, names: ReadonlyMap<string, string>): Node {
  const inputs = node.inputs.map((input) => names.get(input) ?? input);
  return mapSubgraphs({ ...node, inputs }, (graph) => renameReads(graph, withoutOwn(graph, names)));
}

function renameReads(graph: Graph, names: ReadonlyMap<string, string>): Graph {
  if (names.size === 0) return graph;
  return {
    ...graph,
    nodes: graph.nodes.map((node) => renameNode(node, names)),
    outputs: graph.outputs.map((output) => ({ ...output, name: names.get(output.name) ?? output.name })),
  };
}

function withoutOwn(graph: Graph, names: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  const left = new Map(names);
  for (const { name } of graph.inputs) left.delete(name);
  for (const name of graph.initializers.keys()) left.delete(name);
  for (const node of graph.nodes) for (const output of node.outputs) left.delete(output);
  return left;
}
