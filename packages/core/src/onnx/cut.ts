import { WhyboxError } from "../errors.js";
import { GraphBuilder } from "./builder.js";
import { elementType } from "./element-type.js";
import { freshPrefix } from "./fresh-prefix.js";
import { indexOf } from "./graph.js";
import type { Graph, Model, Node, TensorProto, ValueInfo } from "./model.js";
import { subgraphsOf, withSubgraphs } from "./subgraphs.js";

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
  const used = new Map<string, TensorProto>();
  const take = (name: string): void => {
    const found = graph.initializers.get(name);
    if (found) used.set(name, found);
  };
  for (const node of nodes) for (const name of readsOf(node)) take(name);
  for (const name of outputs) take(name);
  return used;
}

/** Every value that a node and its subgraphs read, including the values that the subgraphs define themselves. */
export function readsOf(node: Node): string[] {
  const reads = node.inputs.filter((input) => input !== "");
  for (const { nodes, outputs } of withSubgraphs(...subgraphsOf(node))) {
    for (const { inputs } of nodes) reads.push(...inputs);
    for (const { name } of outputs) reads.push(name);
  }
  return reads;
}

/** The nodes of `graph` that `outputs` depend on, in graph order, not walking past `boundary` values. */
export function nodesBetween(graph: Graph, boundary: ReadonlySet<string>, outputs: Iterable<string>): Node[] {
  const index = indexOf(graph);
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
 * The prefix: the part of the model that computes `outputs` (outputs of the model, or inner values: taps). `extra` nodes are appended; they may
 * read any value of the model. Graph inputs and initializers among the outputs are passed through unchanged.
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

/** The part of a model after some values. */
export interface TailModel {
  readonly model: Model;
  /** The values, other than the taps, that cross the cut. */
  readonly crossing: readonly string[];
}

/**
 * The tail: the part of the model from `taps` to `outputs`. Its inputs are the taps and every other value that
 * crosses the cut (`crossing`: branches that bypass the taps, and the graph's own inputs if they are still needed).
 * @throws internal when an output does not depend on a tap.
 */
export function buildTail(model: Model, taps: readonly string[], outputs: readonly string[]): TailModel {
  const { graph } = model;
  const index = indexOf(graph);
  const behind = index.descendants(taps);
  const alone = outputs.find((name) => !behind.has(name));
  if (alone !== undefined)
    throw new WhyboxError("internal", `"${alone}" does not depend on ${taps.join(", ")}.`, {
      details: { value: alone },
    });
  const fromInputs = index.descendants(graph.inputs.map((input) => input.name));
  // The tail recomputes constants (values that do not depend on any input). Everything else enters at the cut.
  const boundary = new Set<string>(taps);
  for (const value of fromInputs) if (!behind.has(value)) boundary.add(value);
  const nodes = nodesBetween(graph, boundary, outputs);
  const reads = new Set(nodes.flatMap(readsOf));
  const crossing = [...boundary].filter((value) => reads.has(value) && !taps.includes(value));
  const inputs = [...taps, ...crossing].map((name) => ({
    name,
    elemType: elementType(graph, name),
    shape: undefined,
  }));
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

/**
 * A tail that takes a batch of activations of `tap`, along axis 0. The maps that bypass it, `[1, C, H, W]`, are repeated along axis 0.
 * `maps` names the crossing values that are such maps.
 */
export function repeatAlongBatch({ model, crossing }: TailModel, tap: string, maps: ReadonlySet<string>): TailModel {
  const { graph } = model;
  const build = new GraphBuilder(freshPrefix(model, "whybox/repeat/"));
  const batch = build.op("Shape", [tap], { start: 0, end: 1 });
  const shape = build.op("Concat", [batch, build.ints([1, 1, 1])], { axis: 0 });
  const once = new Map([...maps].map((name) => [name, build.op("Expand", [name, shape])]));
  const renamed = (name: string): string => once.get(name) ?? name;
  const nodes = graph.nodes.map((node) => ({ ...node, inputs: node.inputs.map(renamed) }));
  const initializers = new Map([...graph.initializers, ...build.initializers]);
  return { crossing, model: { ...model, graph: { ...graph, nodes: [...build.nodes, ...nodes], initializers } } };
}
