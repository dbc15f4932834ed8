import type { Graph, Node } from "./model.js";

/** Maximum depth of nested graphs (If, Loop). Every walk over subgraphs stops there. */
export const MAX_GRAPH_DEPTH = 16;

/** The graphs among a node's attributes. */
export function subgraphsOf(node: Node): Graph[] {
  const graphs: Graph[] = [];
  for (const attribute of node.attributes.values()) if (attribute.type === "graph") graphs.push(attribute.value);
  return graphs;
}

/** Yields the graphs, and all graphs inside them. */
export function* withSubgraphs(...graphs: Graph[]): Generator<Graph> {
  for (let graph = graphs.pop(); graph !== undefined; graph = graphs.pop()) {
    yield graph;
    for (const node of graph.nodes) graphs.push(...subgraphsOf(node));
  }
}

/** Returns the node with each of its subgraphs replaced. Returns the same object when it has none. */
export function mapSubgraphs(node: Node, replace: (graph: Graph) => Graph): Node {
  if (subgraphsOf(node).length === 0) return node;
  const attributes = new Map(node.attributes);
  for (const [name, attribute] of node.attributes) {
    if (attribute.type === "graph") attributes.set(name, { ...attribute, value: replace(attribute.value) });
  }
  return { ...node, attributes };
}
