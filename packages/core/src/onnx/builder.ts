import { type AttributeLiteral, attribute } from "./attributes.js";
import { DataType, type Dim, type Graph, type Node, type TensorProto, type ValueInfo } from "./model.js";
import { computedFloats, floatTensor, intTensor } from "./tensors.js";

/** The name of a value in a graph. */
export type Value = string;

/** Returns a node of the standard operators; `name` is the node's own name (default: its first output). */
export function newNode(
  opType: string,
  inputs: readonly Value[],
  outputs: readonly Value[],
  attributes: Readonly<Record<string, AttributeLiteral>> = {},
  name: string = outputs[0] ?? "",
): Node {
  const entries = Object.entries(attributes).map(([key, literal]) => [key, attribute(literal)] as const);
  return { opType, domain: "", name, inputs, outputs, attributes: new Map(entries) };
}

/** Builds graphs node by node with fresh value names. */
export class GraphBuilder {
  readonly nodes: Node[] = [];
  readonly initializers = new Map<string, TensorProto>();
  readonly inputs: ValueInfo[] = [];
  readonly outputs: ValueInfo[] = [];
  readonly #prefix: string;
  readonly #constants = new Map<string, Value>();
  #count = 0;

  /** @param prefix every fresh name starts with it, so that graphs can be joined without name clashes. */
  constructor(prefix = "v") {
    this.#prefix = prefix;
  }

  /** Returns a name that no other value of this builder has. */
  fresh(hint = ""): Value {
    return `${this.#prefix}/${hint}${this.#count++}`;
  }

  /** Emits a node with one output and returns that output. */
  op(opType: string, inputs: readonly Value[], attributes: Readonly<Record<string, AttributeLiteral>> = {}): Value {
    return this.ops(opType, inputs, 1, attributes)[0]!;
  }

  /** Emits a node with `count` outputs. */
  ops(
    opType: string,
    inputs: readonly Value[],
    count: number,
    attributes: Readonly<Record<string, AttributeLiteral>> = {},
  ): Value[] {
    const outputs = Array.from({ length: count }, () => this.fresh(opType));
    this.node(opType, inputs, outputs, attributes);
    return outputs;
  }

  /** Emits a node whose outputs are named by the caller. */
  node(
    opType: string,
    inputs: readonly Value[],
    outputs: readonly Value[],
    attributes?: Readonly<Record<string, AttributeLiteral>>,
    name?: string,
  ): void {
    this.nodes.push(newNode(opType, inputs, outputs, attributes, name));
  }

  /** An int64 vector constant; equal constants share one initializer. */
  ints(values: readonly number[]): Value {
    return this.#shared(`i:${values.join(",")}`, (name) => intTensor(name, values));
  }

  /** An int64 scalar constant (rank 0). */
  int(value: number): Value {
    return this.#shared(`i0:${value}`, (name) => intTensor(name, [value], []));
  }

  /** A float32 scalar constant (rank 0). */
  float(value: number): Value {
    return this.#shared(`f0:${Object.is(value, -0) ? "-0" : value}`, (name) => floatTensor(name, [], [value]));
  }

  /** A float32 constant of any shape. Not shared. */
  floats(dims: readonly number[], data: Float32Array | readonly number[], name: string = this.fresh("const")): Value {
    this.initializers.set(name, floatTensor(name, dims, data));
    return name;
  }

  /** A float32 constant whose values are computed when the graph is encoded, so that it takes no memory. Not shared. */
  weights(dims: readonly number[], compute: () => Float32Array): Value {
    const name = this.fresh("const");
    this.initializers.set(name, computedFloats(name, dims, compute));
    return name;
  }

  input(name: string, shape: readonly Dim[] | undefined, elemType: number = DataType.FLOAT): Value {
    this.inputs.push({ name, elemType, shape });
    return name;
  }

  output(name: Value, shape: readonly Dim[] | undefined = undefined, elemType: number = DataType.FLOAT): void {
    this.outputs.push({ name, elemType, shape });
  }

  graph(name: string): Graph {
    return {
      name,
      nodes: [...this.nodes],
      initializers: new Map(this.initializers),
      inputs: [...this.inputs],
      outputs: [...this.outputs],
      valueInfo: [],
    };
  }

  #shared(key: string, make: (name: Value) => TensorProto): Value {
    const known = this.#constants.get(key);
    if (known !== undefined) return known;
    const name = this.fresh("const");
    this.#constants.set(key, name);
    this.initializers.set(name, make(name));
    return name;
  }
}
