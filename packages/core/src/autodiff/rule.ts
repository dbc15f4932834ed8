import type { AttributeLiteral } from "../onnx/attributes.js";
import type { GraphBuilder, Value } from "../onnx/builder.js";
import type { Node, TensorProto } from "../onnx/model.js";
import type { FactSource, StaticDim } from "../onnx/shapes/static-dims.js";

/**
 * The node that a rule differentiates, and the builder that it emits nodes into.
 *
 * **Shapes are dynamic.** A rule must work for any input size: it reads shapes in the graph (`shape`), never in
 * TypeScript. `staticDims` returns what is known in advance. Use it for shortcuts; correctness must not depend on it.
 *
 * **The seed axis.** With `manySeeds`, N cotangents are propagated at once: forward values have size 1 along axis 0
 * and every cotangent has size N. Elementwise rules need no special handling, because of broadcasting. A rule that reshapes
 * a cotangent uses `reshapeLike`. A rule that moves, reduces or slices axis 0 calls `refuseManySeeds()`;
 * the planner then runs the seeds one by one.
 */
export interface VjpContext {
  readonly node: Node;
  /** The builder for backward nodes. */
  readonly build: GraphBuilder;
  readonly manySeeds: boolean;
  /** Shorthand for `build.op`. */
  op(opType: string, inputs: readonly Value[], attributes?: Readonly<Record<string, AttributeLiteral>>): Value;
  /** Forward input `i` of the node, as a value that may be read in the backward graph ("" when omitted). */
  input(i: number): Value;
  /** Forward output `i` of the node. */
  output(i: number): Value;
  /** Cotangent of output `i`, or null when nothing flows into it. At least one output's cotangent is not null. */
  cotangent(i: number): Value | null;
  /** True when the gradient of input `i` is needed. For the others a rule should return null and emit no nodes. */
  wants(i: number): boolean;
  /** The initializer that is input `i`, if it is one. */
  constant(i: number): TensorProto | undefined;
  /** Shape of a forward value (int64 vector, in the graph). */
  shape(value: Value): Value;
  /** Shape of a cotangent of a forward value: the value's own; with `manySeeds` axis 0 is N. */
  seededShape(value: Value): Value;
  /** The statically known dims of a forward value: sizes, or symbols (equal symbols are equal sizes). Undefined when the rank is unknown. */
  staticDims(value: Value): readonly StaticDim[] | undefined;
  /** `g` reshaped to the shape of forward value `like`; with `manySeeds` axis 0 stays the seed axis. */
  reshapeLike(g: Value, like: Value): Value;
  /** Zeros of the shape of forward value `like`; with `manySeeds` axis 0 is N, so that they can stand for a cotangent. */
  zerosLike(like: Value): Value;
  /** Declares that this node cannot carry several seeds at once. No effect without `manySeeds`. */
  refuseManySeeds(reason: string): void;
}

/**
 * Gradient of one ONNX op as graph values: one entry per input of the node, `null` where no gradient flows (constants,
 * integers, omitted inputs). The engine, not the rule, orders, prunes, sums meeting cotangents and un-broadcasts.
 *
 * Attributes follow the engine's one opset (see `normalise`): axes are inputs of Squeeze, Unsqueeze, Reduce*; Split has
 * its sizes as input or `num_outputs`; Slice, Pad, Clip have inputs.
 */
export interface GradRule {
  readonly op: string;
  /**
   * Indices of the inputs that the output depends on differentiably; default: all. Others never carry gradient
   * (the shape of a Reshape, the condition of a Where).
   */
  readonly differentiable?: (node: Node) => readonly number[];
  /**
   * Why this particular node cannot be differentiated (attribute values that the rule does not support, an input that must
   * be constant, a rank that must be known), or undefined. Called before anything is built.
   */
  readonly unsupported?: (node: Node, facts: FactSource) => string | undefined;
  /**
   * True for an op whose inputs are broadcast against each other (Add, Where, …). The rule returns every gradient in
   * the shape of output 0, and the engine sums it over the broadcast axes to the input's shape.
   */
  readonly broadcasts?: boolean;
  vjp(cx: VjpContext): readonly (Value | null)[];
}
