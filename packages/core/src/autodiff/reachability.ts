import { WhyboxError } from "../errors.js";
import { indexOf } from "../onnx/graph.js";
import type { Graph, Node } from "../onnx/model.js";
import { type KnownDims, type ShapeFacts, shapeFacts } from "../onnx/shapes/shape-facts.js";
import type { RuleTable } from "./rules/index.js";
import { stopsGradient } from "./stops.js";

/** An op between the taps and the outputs that cannot be differentiated. */
export interface BlockedOp {
  readonly op: string;
  readonly count: number;
  /** Names of the nodes (the first output's name for nodes without one). */
  readonly nodes: readonly string[];
  readonly reason: string;
}

/** The part of the graph that a backward pass must go through. Nothing is built yet. */
export interface DifferentiationPlan {
  /** The nodes between taps and outputs through differentiable edges, in topological order. */
  readonly path: readonly Node[];
  /** The values that carry a gradient: they depend on a tap, and an output depends on them. */
  readonly reached: ReadonlySet<string>;
  /** Ops on the path without a rule, or with attributes that their rule does not support. */
  readonly blocked: readonly BlockedOp[];
  /** Tap → whether any output depends on it differentiably. A tap that is not connected has a gradient of exactly zero. */
  readonly connected: ReadonlyMap<string, boolean>;
  /** The statically known shapes of the graph. */
  readonly facts: ShapeFacts;
}

/**
 * Finds the nodes between `taps` and `outputs` that gradient flows through, treating `stops` as constants. A stop that is also a tap gets its
 * gradient, and nothing flows past it. `dims` are known dims, see `ShapeFacts`.
 * @throws usage when a tap or an output is not a value of the graph.
 */
export function planDifferentiation(
  graph: Graph,
  taps: readonly string[],
  outputs: readonly string[],
  rules: RuleTable,
  { stops = new Set(), dims }: { readonly stops?: ReadonlySet<string>; readonly dims?: KnownDims | undefined } = {},
): DifferentiationPlan {
  const { order } = indexOf(graph);
  expectValues(graph, [...taps, ...outputs]);
  const touched = touchedBy(order, taps, rules, stops);
  const reached = new Set(outputs.filter((output) => touched.has(output)));
  const path: Node[] = [];
  for (let i = order.length - 1; i >= 0; i--) {
    const node = order[i]!;
    const carries = (output: string, at: number): boolean =>
      reached.has(output) && !stops.has(output) && !stopsGradient(node, at);
    if (!node.outputs.some(carries)) continue;
    const inputs = differentiableInputs(node, rules).filter((input) => touched.has(input));
    if (inputs.length === 0) continue; // A tap's own producer: it depends on no tap itself.
    path.push(node);
    for (const input of inputs) reached.add(input);
  }
  path.reverse();
  const connected = new Map(taps.map((tap) => [tap, reached.has(tap)]));
  const facts = shapeFacts(graph, dims);
  return { path, reached, blocked: blockedOps(path, rules, facts), connected, facts };
}

/** The values that depend on a tap through differentiable edges, including the taps. */
function touchedBy(
  order: readonly Node[],
  taps: readonly string[],
  rules: RuleTable,
  stops: ReadonlySet<string>,
): Set<string> {
  const touched = new Set(taps);
  for (const node of order) {
    if (!differentiableInputs(node, rules).some((input) => touched.has(input))) continue;
    node.outputs.forEach((output, index) => {
      if (output !== "" && !stopsGradient(node, index) && !stops.has(output)) touched.add(output);
    });
  }
  return touched;
}

/** The inputs of a node that its outputs depend on differentiably: those that its rule names, else all (including values that subgraphs capture). */
function differentiableInputs(node: Node, rules: RuleTable): readonly string[] {
  const rule = ruleFor(node, rules);
  if (rule?.differentiable) return rule.differentiable(node).map((index) => node.inputs[index] ?? "");
  if (rule) return node.inputs;
  return [...node.inputs, ...capturedValues(node)];
}

/** The rule of a node: rules are for the ONNX domain only. */
export function ruleFor(node: Node, rules: RuleTable) {
  return node.domain === "" ? rules.get(node.opType) : undefined;
}

/** Every name that subgraphs of the node read (bodies of If, Loop, Scan). Includes their own values, which is harmless. */
function capturedValues(node: Node): string[] {
  const names: string[] = [];
  const stack: Node[] = [node];
  while (stack.length > 0) {
    for (const attribute of stack.pop()!.attributes.values()) {
      if (attribute.type !== "graph") continue;
      for (const output of attribute.value.outputs) names.push(output.name);
      for (const inner of attribute.value.nodes) {
        for (const input of inner.inputs) names.push(input);
        stack.push(inner);
      }
    }
  }
  return names;
}

function blockedOps(path: readonly Node[], rules: RuleTable, facts: ShapeFacts): BlockedOp[] {
  const groups = new Map<string, { op: string; reason: string; nodes: string[] }>();
  for (const node of path) {
    const rule = ruleFor(node, rules);
    const reason = rule ? rule.unsupported?.(node, facts) : withoutRule(node);
    if (reason === undefined) continue;
    const op = node.domain === "" ? node.opType : `${node.domain}.${node.opType}`;
    const key = `${op}\n${reason}`;
    const group = groups.get(key) ?? { op, reason, nodes: [] };
    group.nodes.push(node.name || node.outputs[0]!);
    groups.set(key, group);
  }
  return [...groups.values()].map((group) => ({ ...group, count: group.nodes.length }));
}

function withoutRule(node: Node): string {
  const flow = node.domain === "" && ["If", "Loop", "Scan"].includes(node.opType);
  return flow
    ? "control flow, whose subgraphs no gradient passes through; export the model without it"
    : "no gradient rule";
}

function expectValues(graph: Graph, names: readonly string[]): void {
  const known = new Set(graph.initializers.keys());
  for (const input of graph.inputs) known.add(input.name);
  for (const node of graph.nodes) for (const output of node.outputs) known.add(output);
  for (const name of names) {
    if (name !== "" && known.has(name)) continue;
    throw new WhyboxError("usage", `"${name}" is not a value of graph "${graph.name}": nothing to differentiate.`, {
      details: { value: name },
    });
  }
}
