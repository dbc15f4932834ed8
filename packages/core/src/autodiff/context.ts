import { invariant } from "../errors.js";
import type { AttributeLiteral } from "../onnx/attributes.js";
import type { GraphBuilder, Value } from "../onnx/builder.js";
import type { Node, TensorProto } from "../onnx/model.js";
import type { ShapeFacts } from "../onnx/shapes/shape-facts.js";
import type { StaticDim } from "../onnx/shapes/static-dims.js";
import type { VjpContext } from "./rule.js";
import { join, part } from "./rules/axes.js";

/** State that all nodes of one backward pass share. */
export interface BackwardState {
  readonly build: GraphBuilder;
  readonly facts: ShapeFacts;
  readonly manySeeds: boolean;
  /** A seed that flows to a tap. Its axis 0 has size N. */
  readonly anySeed: Value;
  /** Forward value → its shape in the backward graph. */
  readonly shapes: Map<Value, Value>;
  /** Forward value → the shape of its cotangent, where that differs (many seeds). */
  readonly seededShapes: Map<Value, Value>;
  /** Reasons why several seeds cannot go through at once. */
  readonly refusals: string[];
}

/** The context of one node. `cotangents` holds one entry per output, `wanted` one per input. */
export class NodeContext implements VjpContext {
  readonly node: Node;
  readonly #state: BackwardState;
  readonly #cotangents: readonly (Value | null)[];
  readonly #wanted: readonly boolean[];

  constructor(state: BackwardState, node: Node, cotangents: readonly (Value | null)[], wanted: readonly boolean[]) {
    this.node = node;
    this.#state = state;
    this.#cotangents = cotangents;
    this.#wanted = wanted;
  }

  get build(): GraphBuilder {
    return this.#state.build;
  }

  get manySeeds(): boolean {
    return this.#state.manySeeds;
  }

  op(opType: string, inputs: readonly Value[], attributes: Readonly<Record<string, AttributeLiteral>> = {}): Value {
    return this.build.op(opType, inputs, attributes);
  }

  input(i: number): Value {
    return this.node.inputs[i] ?? "";
  }

  output(i: number): Value {
    const name = this.node.outputs[i] ?? "";
    invariant(name !== "", `The gradient rule of ${this.node.opType} reads output ${i}, which the node does not have.`);
    return name;
  }

  cotangent(i: number): Value | null {
    return this.#cotangents[i] ?? null;
  }

  wants(i: number): boolean {
    return this.#wanted[i] ?? false;
  }

  constant(i: number): TensorProto | undefined {
    return this.#state.facts.constant(this.input(i));
  }

  shape(value: Value): Value {
    const known = this.#state.shapes.get(value);
    if (known !== undefined) return known;
    const dims = this.staticDims(value);
    const shape = dims && allNumbers(dims) ? this.build.ints(dims) : this.op("Shape", [value]);
    this.#state.shapes.set(value, shape);
    return shape;
  }

  seededShape(value: Value): Value {
    if (!this.manySeeds) return this.shape(value);
    const known = this.#state.seededShapes.get(value);
    if (known !== undefined) return known;
    const seeds = this.op("Shape", [this.#state.anySeed], { start: 0, end: 1 });
    const shape = join(this, seeds, part(this, this.shape(value), 1));
    this.#state.seededShapes.set(value, shape);
    return shape;
  }

  staticDims(value: Value): readonly StaticDim[] | undefined {
    return this.#state.facts.dims(value);
  }

  reshapeLike(g: Value, like: Value): Value {
    return this.op("Reshape", [g, this.seededShape(like)], { allowzero: 1 });
  }

  zerosLike(like: Value): Value {
    return this.op("ConstantOfShape", [this.seededShape(like)]);
  }

  refuseManySeeds(reason: string): void {
    if (this.manySeeds)
      this.#state.refusals.push(`${this.node.opType} "${this.node.name || this.output(0)}": ${reason}`);
  }
}

function allNumbers(dims: readonly StaticDim[]): dims is readonly number[] {
  return dims.every((dim) => typeof dim === "number");
}
