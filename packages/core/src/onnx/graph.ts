import { WhyboxError } from "../errors.js";
import type { Graph, Node } from "./model.js";

/** Queries on a graph, answered from indexes that are built on first use. Covers the top level only, not the outer values that subgraphs capture. */
export class GraphIndex {
  readonly graph: Graph;
  #producers: ReadonlyMap<string, Node> | undefined;
  #consumers: ReadonlyMap<string, readonly Node[]> | undefined;
  #declaredTypes: ReadonlyMap<string, number> | undefined;
  #order: readonly Node[] | undefined;

  constructor(graph: Graph) {
    this.graph = graph;
  }

  /** The nodes in topological order. @throws as `topologicalOrder`. */
  get order(): readonly Node[] {
    this.#order ??= topologicalOrder(this.graph.nodes);
    return this.#order;
  }

  /** The node that computes `value`; undefined for graph inputs and initializers. */
  producer(value: string): Node | undefined {
    this.#producers ??= producersOf(this.graph);
    return this.#producers.get(value);
  }

  /** The element type that the file declares for `value`. Undefined or 0: none. */
  declaredType(value: string): number | undefined {
    const { initializers, inputs, valueInfo, outputs } = this.graph;
    this.#declaredTypes ??= new Map(
      [...inputs, ...valueInfo, ...outputs].map(({ name, elemType }) => [name, elemType]),
    );
    return initializers.get(value)?.dataType ?? this.#declaredTypes.get(value);
  }

  /** The nodes that read `value`, in graph order. */
  consumers(value: string): readonly Node[] {
    this.#consumers ??= consumersOf(this.graph);
    return this.#consumers.get(value) ?? [];
  }

  /** Every value that `values` depend on, including themselves, initializers and graph inputs. */
  ancestors(values: Iterable<string>): Set<string> {
    const seen = new Set<string>();
    const stack = [...values];
    while (stack.length > 0) {
      const value = stack.pop()!;
      if (value === "" || seen.has(value)) continue;
      seen.add(value);
      const node = this.producer(value);
      if (node) for (const input of node.inputs) stack.push(input);
    }
    return seen;
  }

  /** Every value that depends on one of `values`, including themselves. */
  descendants(values: Iterable<string>): Set<string> {
    const seen = new Set<string>(values);
    const stack = [...seen];
    while (stack.length > 0) {
      for (const node of this.consumers(stack.pop()!)) {
        for (const output of node.outputs) {
          if (output === "" || seen.has(output)) continue;
          seen.add(output);
          stack.push(output);
        }
      }
    }
    return seen;
  }
}

function producersOf({ nodes }: Graph): ReadonlyMap<string, Node> {
  const producers = new Map<string, Node>();
  for (const node of nodes) for (const output of node.outputs) if (output !== "") producers.set(output, node);
  return producers;
}

function consumersOf({ nodes }: Graph): ReadonlyMap<string, readonly Node[]> {
  const consumers = new Map<string, Node[]>();
  for (const node of nodes) {
    for (const input of new Set(node.inputs)) {
      if (input === "") continue;
      const list = consumers.get(input);
      if (list) list.push(node);
      else consumers.set(input, [node]);
    }
  }
  return consumers;
}

const indexes = new WeakMap<Graph, GraphIndex>();

/** The index of a graph. Graphs do not change, so each has one. */
export function indexOf(graph: Graph): GraphIndex {
  const index = indexes.get(graph) ?? new GraphIndex(graph);
  indexes.set(graph, index);
  return index;
}

/**
 * Returns the nodes in an order in which every value is computed before it is read.
 * @throws bad-input when the graph has a cycle, naming one node on it.
 */
export function topologicalOrder(nodes: readonly Node[]): Node[] {
  const producer = new Map<string, number>();
  nodes.forEach((node, index) => {
    for (const output of node.outputs) if (output !== "") producer.set(output, index);
  });
  const missing = new Int32Array(nodes.length);
  const waiting: number[][] = nodes.map(() => []);
  nodes.forEach((node, index) => {
    for (const input of new Set(node.inputs)) {
      const from = producer.get(input);
      if (from === undefined) continue;
      missing[index]!++;
      waiting[from]!.push(index);
    }
  });
  // Keeping the ready list in file order would need a heap. Valid files are already in topological order.
  const ready: number[] = [];
  for (let i = nodes.length - 1; i >= 0; i--) if (missing[i] === 0) ready.push(i);
  const order: Node[] = [];
  while (ready.length > 0) {
    const index = ready.pop()!;
    order.push(nodes[index]!);
    const next = waiting[index]!;
    for (let i = next.length - 1; i >= 0; i--) if (--missing[next[i]!]! === 0) ready.push(next[i]!);
  }
  if (order.length < nodes.length) {
    const stuck = nodes.find((_, index) => missing[index]! > 0)!;
    throw new WhyboxError(
      "bad-input",
      `The graph has a cycle through node "${stuck.name}" (${stuck.opType}). The file is damaged, or its exporter is faulty: export it again.`,
      { details: { node: stuck.name } },
    );
  }
  return order;
}
