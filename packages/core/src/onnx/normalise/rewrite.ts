import { WhyboxError } from "../../errors.js";
import { type AttributeLiteral, attribute } from "../attributes.js";
import type { GraphBuilder, Value } from "../builder.js";
import type { Node, TensorProto } from "../model.js";

/** What a rewrite knows about the graph around a node, and the builder that it emits nodes into. */
export interface RewriteContext {
  /** The opset of the file. */
  readonly opset: number;
  /** Collects the nodes that run before this node, and makes constants and fresh names. */
  readonly build: GraphBuilder;
  /** The constant with this name, in this graph or an enclosing one. */
  constant(value: Value): TensorProto | undefined;
  /** Element type of a value (a DataType number). FLOAT if the graph does not declare it. */
  elemType(value: Value): number;
  /** Number of dimensions of a value, if the file declares it. */
  rank(value: Value): number | undefined;
  /** True when a node, a subgraph or a graph output reads the value. */
  isRead(value: Value): boolean;
}

/**
 * Converts one node to the target opset. Returns the node that replaces it, with its name and outputs.
 * Nodes that must run before it are added to `cx.build`, with fresh names.
 */
export type Rewrite = (node: Node, cx: RewriteContext) => Node;

export interface Change {
  readonly opType?: string;
  readonly inputs?: readonly Value[];
  readonly outputs?: readonly Value[];
  /** Attributes to remove. */
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

/** The error for a feature that the old op has and the new one does not. */
export function unsupportedNode(node: Node, found: string, cx: RewriteContext): WhyboxError {
  return new WhyboxError(
    "unsupported-model",
    `Node "${node.name}" (${node.opType}, opset ${cx.opset}): ${found}. Export the model with opset 13 or newer, for inference.`,
    { details: { node: node.name, op: node.opType, opset: cx.opset } },
  );
}
