import { invariant, WhyboxError } from "../errors.js";
import { GraphBuilder, type Value } from "../onnx/builder.js";
import type { Graph, Node } from "../onnx/model.js";
import { declaredDims, type KnownDims } from "../onnx/shapes/shape-facts.js";
import { type BackwardState, NodeContext } from "./context.js";
import { type BlockedOp, type DifferentiationPlan, planDifferentiation, ruleFor } from "./reachability.js";
import type { GradRule } from "./rule.js";
import { defaultRules, type RuleTable, ruleTable } from "./rules/index.js";
import { unbroadcast } from "./unbroadcast.js";

export interface BackwardRequest {
  /** Values to differentiate with respect to: any value of the graph (an input, a layer, an output). */
  readonly taps: readonly string[];
  /** The float values that get a seed. */
  readonly outputs: readonly string[];
  /** Values that are treated as constants: for branches that carry no seed. */
  readonly stops?: readonly string[];
  /** Default: every rule of Whybox. */
  readonly rules?: readonly GradRule[];
  /** Dims of values that replace those of the graph. Default: those of the graph. */
  readonly dims?: KnownDims;
  /** Propagate N cotangents at once: seeds have N along axis 0 where the outputs have 1. */
  readonly manySeeds: boolean;
}

/** The vector-Jacobian product of a graph, as a graph. It is linear in the seeds. */
export interface BackwardGraph {
  /** Nodes (in topological order) and initializers of the backward pass. The caller declares its inputs and outputs. */
  readonly builder: GraphBuilder;
  /** Output of the model → name of its seed: a float input of the output's shape (N along axis 0 with many seeds). */
  readonly seeds: ReadonlyMap<string, Value>;
  /** Tap → its gradient, at the tap's shape (N along axis 0 with many seeds). Null: no path, the gradient is exactly zero. Each name occurs once. */
  readonly gradients: ReadonlyMap<string, Value | null>;
  /** The forward values that the nodes read, including initializers of the model. The caller saves them or computes them again. */
  readonly forward: ReadonlySet<string>;
  /** Whether the graph takes N seeds at once. False when not requested, or for the reasons in `refusals`; the graph must not be used then. */
  readonly manySeeds: boolean;
  readonly refusals: readonly string[];
}

/**
 * Builds the graph that computes Σ seedᵢ · ∂outputᵢ/∂tap for every tap. Derivatives are total: a tap before
 * another tap also gets the gradient that flows through the later one (as hooks in PyTorch do).
 * @throws no-gradient when ops in between cannot be differentiated; all of them are named.
 * @throws usage when a tap or output is not in the graph; internal when a rule breaks its contract.
 */
export function buildBackward(graph: Graph, request: BackwardRequest): BackwardGraph {
  const rules = ruleTable(request.rules ?? defaultRules);
  const taps = [...new Set(request.taps)];
  const outputs = [...new Set(request.outputs)];
  const plan = planDifferentiation(graph, taps, outputs, rules, {
    stops: new Set(request.stops),
    dims: request.manySeeds ? ofOneImage(graph, request.dims) : request.dims,
  });
  if (plan.blocked.length > 0) throw noGradient(plan.blocked);
  const build = new GraphBuilder(freePrefix(graph));
  const seeds = new Map(outputs.map((output) => [output, build.fresh("seed")]));
  const state: BackwardState = {
    ...{ build, facts: plan.facts, manySeeds: request.manySeeds },
    anySeed: seeds.get(outputs.find((output) => plan.reached.has(output)) ?? "") ?? "",
    ...{ shapes: new Map(), seededShapes: new Map(), refusals: [] },
  };
  if (request.manySeeds) refuseOtherBatches(state, plan);
  const cotangents = pullBack(state, plan, rules, seeds);
  const gradients = nameGradients(build, taps, cotangents, seeds);
  const forward = prune(build, gradients, seeds);
  const manySeeds = request.manySeeds && state.refusals.length === 0;
  return { builder: build, seeds, gradients, forward, manySeeds, refusals: state.refusals };
}

/** Runs the rules from the outputs to the taps. Every cotangent is complete when its producer is reached. */
function pullBack(
  state: BackwardState,
  plan: DifferentiationPlan,
  rules: RuleTable,
  seeds: ReadonlyMap<string, Value>,
): Cotangents {
  const cotangents = new Cotangents(state.build);
  for (const [output, seed] of seeds) if (plan.reached.has(output)) cotangents.add(output, seed);
  for (let i = plan.path.length - 1; i >= 0; i--) {
    const node = plan.path[i]!;
    const incoming = node.outputs.map((output) => (plan.reached.has(output) ? cotangents.total(output) : null));
    if (incoming.every((g) => g === null)) continue; // Rules found that nothing flows after all.
    const rule = ruleFor(node, rules)!;
    const wanted = wantedInputs(node, rule, plan.reached);
    const cx = new NodeContext(state, node, incoming, wanted);
    const results = rule.vjp(cx);
    checkResults(node, results);
    results.forEach((g, index) => {
      if (g === null || !wanted[index]) return;
      const input = node.inputs[index]!;
      cotangents.add(input, rule.broadcasts ? unbroadcast(cx, g, input, node.outputs[0]!) : g);
    });
  }
  return cotangents;
}

/** The cotangents found so far. Several may meet at one value; they are summed when the value is processed. */
class Cotangents {
  readonly #build: GraphBuilder;
  readonly #parts = new Map<string, Value[]>();

  constructor(build: GraphBuilder) {
    this.#build = build;
  }

  add(value: string, g: Value): void {
    const parts = this.#parts.get(value);
    if (parts) parts.push(g);
    else this.#parts.set(value, [g]);
  }

  /** The sum of the added cotangents, or null. Sums are binary, so that products with a common cotangent can be merged later. */
  total(value: string): Value | null {
    const parts = this.#parts.get(value);
    if (!parts) return null;
    const sum = parts.reduce((left, right) => this.#build.op("Add", [left, right]));
    this.#parts.set(value, [sum]);
    return sum;
  }
}

function wantedInputs(node: Node, rule: GradRule, reached: ReadonlySet<string>): boolean[] {
  const differentiable = rule.differentiable?.(node);
  return node.inputs.map((input, index) => reached.has(input) && (differentiable?.includes(index) ?? true));
}

function checkResults(node: Node, results: readonly (Value | null)[]): void {
  invariant(
    results.length === node.inputs.length,
    `The gradient rule of ${node.opType} returned ${results.length} gradients for the ${node.inputs.length} inputs of ` +
      `node "${node.name}": expected one per input (null where no gradient flows).`,
  );
  invariant(
    !results.includes(""),
    `The gradient rule of ${node.opType} returned an empty name for node "${node.name}": use null where no gradient flows.`,
  );
}

/** Gives each tap's gradient a name of its own: a graph output must not be a graph input, and may be listed only once. */
function nameGradients(
  build: GraphBuilder,
  taps: readonly string[],
  cotangents: Cotangents,
  seeds: ReadonlyMap<string, Value>,
): Map<string, Value | null> {
  const used = new Set<Value>(seeds.values());
  const gradients = new Map<string, Value | null>();
  for (const tap of taps) {
    const total = cotangents.total(tap);
    const gradient = total !== null && used.has(total) ? build.op("Identity", [total]) : total;
    if (gradient !== null) used.add(gradient);
    gradients.set(tap, gradient);
  }
  return gradients;
}

/** Removes, in place, what no gradient needs. Returns the forward values that the rest reads. */
function prune(
  build: GraphBuilder,
  gradients: ReadonlyMap<string, Value | null>,
  seeds: ReadonlyMap<string, Value>,
): Set<string> {
  const needed = new Set<Value>();
  for (const gradient of gradients.values()) if (gradient !== null) needed.add(gradient);
  const live: Node[] = [];
  const computed = new Set<Value>(seeds.values());
  for (let i = build.nodes.length - 1; i >= 0; i--) {
    const node = build.nodes[i]!;
    if (!node.outputs.some((output) => needed.has(output))) continue;
    live.push(node);
    for (const output of node.outputs) computed.add(output);
    for (const input of node.inputs) if (input !== "") needed.add(input);
  }
  build.nodes.length = 0;
  while (live.length > 0) build.nodes.push(live.pop()!);
  for (const name of [...build.initializers.keys()]) if (!needed.has(name)) build.initializers.delete(name);
  return new Set([...needed].filter((name) => !computed.has(name) && !build.initializers.has(name)));
}

/**
 * The dims of a single image, for a graph that leaves the size of its batch open: with many seeds, axis 0 of every forward value has size 1. Sizes
 * that are computed from the batch are then known, and show where other axes are folded into axis 0.
 */
function ofOneImage(graph: Graph, dims: KnownDims | undefined): KnownDims | undefined {
  const open = graph.inputs.flatMap(({ name, shape = [] }) =>
    shape.length === 0 || typeof shape[0] === "number"
      ? []
      : [[name, declaredDims(name, [1, ...shape.slice(1)])] as const],
  );
  if (open.length === 0) return dims;
  const inputs = new Map(open);
  return (value) => dims?.(value) ?? inputs.get(value);
}

/** With many seeds, axis 0 of every value on the path is the seed axis. A value with another size on axis 0 does not allow that. */
function refuseOtherBatches(state: BackwardState, plan: DifferentiationPlan): void {
  for (const value of plan.reached) {
    const batch = state.facts.dims(value)?.[0];
    if (state.facts.dims(value)?.length !== 0 && (typeof batch !== "number" || batch === 1)) continue;
    state.refusals.push(
      `"${value}" has no axis 0 of size 1 for the seeds (${batch === undefined ? "it is a scalar" : `size ${batch}`})`,
    );
  }
}

function noGradient(blocked: readonly BlockedOp[]): WhyboxError {
  const list = blocked.map(({ op, count, nodes, reason }) => `${op} × ${count} (for example "${nodes[0]}"): ${reason}`);
  return new WhyboxError(
    "no-gradient",
    `No gradient can be computed, since these ops lie between the layer and the output: ${list.join("; ")}. ` +
      "Choose a layer nearer to the output, or a method that needs no gradients, such as D-RISE.",
    { details: { blocked } },
  );
}

/** Returns a prefix for fresh names that no value of the graph starts with. */
function freePrefix(graph: Graph): string {
  let prefix = "grad";
  const names = [...graph.initializers.keys(), ...graph.inputs.map((input) => input.name)];
  for (const node of graph.nodes) for (const output of node.outputs) names.push(output);
  while (names.some((name) => name.startsWith(`${prefix}/`))) prefix += "_";
  return prefix;
}
