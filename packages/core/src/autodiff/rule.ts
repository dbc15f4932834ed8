import type { AttributeLiteral } from "../onnx/attributes.js";
import type { GraphBuilder, Value } from "../onnx/builder.js";
import type { Node, TensorProto } from "../onnx/model.js";
import type { FactSource, StaticDim } from "./shape-facts.js";

/**
 * What a rule sees of the node it differentiates, and what it emits into.
 *
 * **Shapes are dynamic.** A rule must work for any input size: it asks for shapes in the graph (`shape`), never in
 * TypeScript. `staticDims` tells what is known beforehand: good for a shortcut, never for correctness.
 *
 * **The seed axis.** With `manySeeds`, N cotangents are pulled back at once: the forward values have 1 along axis 0
 * and every cotangent has N there. Elementwise rules need nothing for that (broadcasting does it). A rule that reshapes
 * a cotangent uses `reshapeLike`. A rule that moves, reduces or slices axis 0 calls `refuseManySeeds()`;
 * the planner then runs the seeds one by one.
 */
export interface VjpContext {
  readonly node: Node;
  /** Where backward nodes are emitted. */
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
  /** True when a gradient is wanted for input `i`: a rule may return null for the others, and should not emit work for them. */
  wants(i: number): boolean;
  /** The constant behind input `i` (an initializer), if it is one. */
  constant(i: number): TensorProto | undefined;
  /** Shape of a forward value (int64 vector, in the graph). */
  shape(value: Value): Value;
  /** Shape of a cotangent of a forward value: the value's own; with `manySeeds` axis 0 is N. */
  seededShape(value: Value): Value;
  /** What is known of a forward value's dims before anything runs: a size, or a symbol (equal symbols are equal sizes). Undefined: not even the rank. */
  staticDims(value: Value): readonly StaticDim[] | undefined;
  /** `g` reshaped to the shape of forward value `like`; with `manySeeds` axis 0 stays the seed axis. */
  reshapeLike(g: Value, like: Value): Value;
  /** Zeros of the shape of forward value `like`; with `manySeeds` axis 0 is N, so that they can stand for a cotangent. */
  zerosLike(like: Value): Value;
  /** Says that this node cannot carry several seeds at once. No effect without `manySeeds`. */
  refuseManySeeds(reason: string): void;
}

/**
 * Gradient of one ONNX op as graph values: one entry per input of the node, `null` where nothing flows (constants,
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
   * Why this particular node cannot be differentiated (attribute values the rule does not cover, an input that would have to
   * be constant, a rank that would have to be known), or undefined. Asked before anything is built.
   */
  readonly unsupported?: (node: Node, facts: FactSource) => string | undefined;
  /**
   * True for an op whose inputs are broadcast against each other (Add, Where, …): the rule returns every gradient at
   * the shape of output 0, and the engine sums it over the broadcast axes down to the input's shape.
   */
  readonly broadcasts?: boolean;
  vjp(cx: VjpContext): readonly (Value | null)[];
}
