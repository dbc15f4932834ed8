import { WhyboxError } from "../../errors.js";
import { type AttributeLiteral, attribute } from "../attributes.js";
import type { GraphBuilder, Value } from "../builder.js";
import type { Node, TensorProto } from "../model.js";

/** What a rewrite sees of the graph around a node, and what it emits into. */
export interface RewriteContext {
  /** The opset that the model was written in. */
  readonly opset: number;
  /** Takes the nodes that go before, in order, and makes constants and fresh names. */
  readonly build: GraphBuilder;
  /** The constant behind a value, in this graph or one around it. */
  constant(value: Value): TensorProto | undefined;
  /** Element type of a value (a DataType number), as far as the graph tells; FLOAT when it does not. */
  elemType(value: Value): number;
  /** Number of dimensions of a value, where the file says it. */
  rank(value: Value): number | undefined;
  /** True when a node, a subgraph or a graph output reads the value. */
  isRead(value: Value): boolean;
}

/**
 * Writes one node in the spelling of the target opset. Returns the node that takes its place, with its name and outputs;
 * nodes that must run before it are pushed to `cx.build`, with fresh names.
 */
export type Rewrite = (node: Node, cx: RewriteContext) => Node;

export interface Change {
  readonly opType?: string;
  readonly inputs?: readonly Value[];
  readonly outputs?: readonly Value[];
  /** Attributes to take away. */
  readonly without?: readonly string[];
  /** Attributes to set. */
  readonly set?: Readonly<Record<string, AttributeLiteral>>;
}

/** A copy of the node with changes; everything else (name, unknown fields) stays. */
export function change(node: Node, { opType, inputs, outputs, without = [], set = {} }: Change): Node {
  const attributes = new Map(node.attributes);
  for (const name of without) attributes.delete(name);
  for (const [name, literal] of Object.entries(set)) attributes.set(name, attribute(literal));
  return {
    ...node,
    opType: opType ?? node.opType,
    inputs: inputs ?? node.inputs,
    outputs: outputs ?? node.outputs,
    attributes,
  };
}

/** The first input of a node. @throws bad-input when the file leaves it out. */
export function firstInput(node: Node): Value {
  return firstOf(node, "input");
}

/** The first output of a node. @throws bad-input when the file leaves it out. */
export function firstOutput(node: Node): Value {
  return firstOf(node, "output");
}

function firstOf(node: Node, what: "input" | "output"): Value {
  const first = node[`${what}s`][0];
  if (first !== undefined && first !== "") return first;
  throw new WhyboxError(
    "bad-input",
    `Node "${node.name}" (${node.opType}) has no ${what}. The model file is broken; export it again.`,
    { details: { node: node.name, op: node.opType } },
  );
}

/** The error for what an old op can say and the new one cannot. */
export function unsupportedNode(node: Node, found: string, cx: RewriteContext): WhyboxError {
  return new WhyboxError(
    "unsupported-model",
    `Node "${node.name}" (${node.opType}, opset ${cx.opset}): ${found}. Export the model with opset 13 or newer, for inference.`,
    { details: { node: node.name, op: node.opType, opset: cx.opset } },
  );
}
