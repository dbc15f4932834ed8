import { WhyboxError } from "../errors.js";
import { GraphIndex } from "./graph.js";
import type { Graph, Model, Node, ValueInfo } from "./model.js";

/** A graph output whose type the runtime infers. */
function untyped(name: string): ValueInfo {
  return { name, elemType: 0, shape: undefined };
}

/** The initializers that `nodes` (or their subgraphs) read. */
export function usedInitializers(
  graph: Graph,
  nodes: Iterable<Node>,
  outputs: Iterable<string> = [],
): Graph["initializers"] {
  const used = new Map<string, Graph["initializers"] extends ReadonlyMap<string, infer T> ? T : never>();
  const take = (name: string): void => {
    const found = graph.initializers.get(name);
    if (found) used.set(name, found);
  };
  for (const node of nodes) for (const name of readsOf(node)) take(name);
  for (const name of outputs) take(name);
  return used;
}

/** Every outer value that a node reads: its inputs, and what its subgraphs capture. */
export function readsOf(node: Node): string[] {
  const reads = node.inputs.filter((input) => input !== "");
  const graphs: Graph[] = [];
  for (const attribute of node.attributes.values()) if (attribute.type === "graph") graphs.push(attribute.value);
  while (graphs.length > 0) {
    const graph = graphs.pop()!;
    for (const inner of graph.nodes) {
      reads.push(...inner.inputs);
      for (const attribute of inner.attributes.values()) if (attribute.type === "graph") graphs.push(attribute.value);
    }
    for (const output of graph.outputs) reads.push(output.name);
  }
  return reads;
}

/** The nodes of `graph` that `outputs` depend on, in graph order, not walking past `boundary` values. */
export function nodesBetween(graph: Graph, boundary: ReadonlySet<string>, outputs: Iterable<string>): Node[] {
  const index = new GraphIndex(graph);
  const needed = new Set<Node>();
  const stack = [...outputs];
  while (stack.length > 0) {
    const value = stack.pop()!;
    if (boundary.has(value)) continue;
    const node = index.producer(value);
    if (node === undefined || needed.has(node)) continue;
    needed.add(node);
    stack.push(...readsOf(node));
  }
  return graph.nodes.filter((node) => needed.has(node));
}

/**
 * The prefix: the model down to `outputs` (its own outputs or inner values: taps), with `extra` nodes appended, which may
 * read any value of the model. Outputs that are graph inputs go through an Identity.
 * @throws internal when an output is no value of the graph.
 */
export function buildPrefix(model: Model, outputs: readonly string[], extra: readonly Node[] = []): Model {
  const { graph } = model;
  const all: Graph = { ...graph, nodes: [...graph.nodes, ...extra] };
  const nodes = nodesBetween(all, new Set(), outputs);
  const known = new Set([
    ...nodes.flatMap((node) => node.outputs),
    ...graph.inputs.map((input) => input.name),
    ...graph.initializers.keys(),
  ]);
  for (const name of outputs) {
    if (!known.has(name))
      throw new WhyboxError("internal", `"${name}" is no value of the graph.`, { details: { value: name } });
  }
  const typed = new Map([...graph.outputs, ...graph.valueInfo].map((info) => [info.name, info]));
  return {
    ...model,
    graph: {
      ...graph,
      nodes,
      initializers: usedInitializers(graph, nodes, outputs),
      outputs: outputs.map((name) => typed.get(name) ?? untyped(name)),
      valueInfo: [],
    },
  };
}

/**
 * The tail: the part of the model behind `taps`, down to `outputs`. Its inputs are the taps and every other value that
 * crosses the cut (`crossing`: branches that go around the taps, and the graph's own inputs if still needed).
 */
export function buildTail(
  model: Model,
  taps: readonly string[],
  outputs: readonly string[],
): { model: Model; crossing: string[] } {
  const { graph } = model;
  const index = new GraphIndex(graph);
  const behind = index.descendants(taps);
  const fromInputs = index.descendants(graph.inputs.map((input) => input.name));
  // Constants (values that do not depend on any input) are recomputed in the tail, everything else enters at the cut.
  const boundary = new Set<string>(taps);
  for (const value of fromInputs) if (!behind.has(value)) boundary.add(value);
  const nodes = nodesBetween(graph, boundary, outputs);
  const reads = new Set(nodes.flatMap(readsOf));
  const crossing = [...boundary].filter((value) => reads.has(value) && !taps.includes(value));
  const inputs = [...taps, ...crossing].map((name) => typedInput(graph, name));
  return {
    crossing,
    model: {
      ...model,
      graph: {
        ...graph,
        nodes,
        inputs,
        initializers: usedInitializers(graph, nodes),
        outputs: outputs.map(untyped),
        valueInfo: [],
      },
    },
  };
}

/** A value as a graph input: float of unknown shape unless the file says more. */
export function typedInput(graph: Graph, name: string): ValueInfo {
  const known = [...graph.inputs, ...graph.valueInfo].find((info) => info.name === name);
  return { name, elemType: known?.elemType || 1, shape: undefined };
}
