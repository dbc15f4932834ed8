import { GraphBuilder, type Value } from "../builder.js";
import { freshPrefix } from "../fresh-prefix.js";
import { GraphIndex } from "../graph.js";
import { DataType, type Graph, type Model, type Node, type TensorProto } from "../model.js";
import { floatsOf } from "../tensors.js";

/** How a quantised value is read: x = (q − zero) · scale. */
interface Scale {
  readonly scale: Value;
  readonly zero: Value;
  /** The node that made the value: what belongs to it has a name that begins with that node's. */
  readonly by: string;
}

/** A graph being rewritten from quantised operators to pairs of QuantizeLinear and DequantizeLinear. */
export class QuantisedRewriter {
  readonly index: GraphIndex;
  readonly build: GraphBuilder;
  readonly #graph: Graph;
  readonly #taken: Set<string>;
  readonly #scales = new Map<Value, Scale>();
  readonly #floats = new Map<string, Value>();
  readonly #changed = new Set<Value>();
  readonly #dropped = new Set<Node>();
  readonly #names: Set<string>;

  constructor(model: Model) {
    this.#graph = model.graph;
    this.index = new GraphIndex(model.graph);
    this.build = new GraphBuilder(freshPrefix(model, "whybox_quantised"));
    const { nodes, initializers, inputs } = model.graph;
    this.#names = new Set(nodes.map((node) => node.name));
    this.#taken = new Set([
      ...nodes.flatMap((node) => node.outputs),
      ...initializers.keys(),
      ...inputs.map((input) => input.name),
    ]);
  }

  push(node: Node): void {
    if (!this.#dropped.has(node)) this.build.nodes.push(node);
  }

  /** Leaves out a node that comes later. */
  drop(node: Node): void {
    this.#dropped.add(node);
    for (const output of node.outputs) this.#changed.add(output);
  }

  /** Says that a value has another element type than the file tells. */
  retype(value: Value): void {
    this.#changed.add(value);
  }

  constant(value: Value): TensorProto | undefined {
    return this.#graph.initializers.get(value) ?? this.build.initializers.get(value);
  }

  scaleOf(value: Value): Scale | undefined {
    return this.#scales.get(value);
  }

  learn(value: Value, scale: Value, zero: Value, by: string): void {
    this.#scales.set(value, { scale, zero, by });
  }

  /** The floats that a quantised value stands for. All who read it with the same scale share one node. */
  dequantise(q: Value, scale: Value, zero: Value, axis?: number): Value {
    const key = JSON.stringify([q, scale, zero, axis]);
    const known = this.#floats.get(key);
    if (known !== undefined) return known;
    const perAxis = (this.constant(scale)?.dims.length ?? 0) > 0 && this.constant(scale)!.dims[0] !== 1;
    const parts = [this.#scalar(scale, perAxis), ...(zero === "" ? [] : [this.#scalar(zero, perAxis)])];
    const output = this.#free(`${q.replace(/_?quantized$/, "")}_DequantizeLinear_Output`, "DequantizeLinear");
    const by = this.#scales.get(q)?.by ?? q;
    const attributes = perAxis && axis !== undefined ? { axis } : {};
    this.build.node("DequantizeLinear", [q, ...parts], [output], attributes, this.nodeName(`${by}_DequantizeLinear`));
    this.#floats.set(key, output);
    return output;
  }

  /** Emits a node in floats whose outputs are then quantised, each with its scale and zero point, under the names that it has. */
  inFloats(node: Node, scales: readonly (readonly [scale: Value, zero: Value])[]): void {
    const outputs = node.outputs.map((output) => this.#floatName(output));
    this.push({ ...node, outputs });
    node.outputs.forEach((output, i) => {
      const [scale, zero] = scales[i]!;
      const parts = [this.#scalar(scale, false), ...(zero === "" ? [] : [this.#scalar(zero, false)])];
      this.build.node(
        "QuantizeLinear",
        [outputs[i]!, ...parts],
        [output],
        {},
        this.nodeName(`${node.name}_QuantizeLinear`),
      );
      this.learn(output, scale, zero, node.name);
    });
  }

  /** A node's name: nodes that share one are refused by the runtime. */
  nodeName(wish: string): string {
    let name = wish;
    for (let i = 1; this.#names.has(name); i++) name = `${wish}_${i}`;
    this.#names.add(name);
    return name;
  }

  /** The product of two scales: a constant where both are. */
  product(a: Value, b: Value): Value {
    const [left, right] = [this.constant(a), this.constant(b)];
    if (left?.dataType !== DataType.FLOAT || right?.dataType !== DataType.FLOAT) return this.build.op("Mul", [a, b]);
    const [x, y] = [floatsOf(left), floatsOf(right)];
    const length = Math.max(x.length, y.length);
    const values = Float32Array.from({ length }, (_, i) => x[i % x.length]! * y[i % y.length]!);
    return this.build.floats(length > 1 ? [length] : [], values);
  }

  finish(): Graph {
    const graph = this.#graph;
    const valueInfo = graph.valueInfo.filter(({ name }) => !this.#changed.has(name));
    const read = new Set(this.build.nodes.flatMap((node) => node.inputs));
    const outputs = new Set(graph.outputs.map(({ name }) => name));
    const all = [...graph.initializers, ...this.build.initializers];
    const initializers = new Map(all.filter(([name]) => read.has(name) || outputs.has(name)));
    return { ...graph, nodes: this.build.nodes, initializers, valueInfo };
  }

  /** Quantised operators take a vector of one for a scalar; QuantizeLinear takes it for a scale by axis. */
  #scalar(value: Value, perAxis: boolean): Value {
    const tensor = this.constant(value);
    if (perAxis || tensor === undefined || tensor.dims.length === 0) return value;
    const name = this.build.fresh("scalar");
    this.build.initializers.set(name, { ...tensor, name, dims: [] });
    return name;
  }

  /** ONNX Runtime's quantiser calls the quantised form of X "X_quantized": X is free again. */
  #floatName(quantised: Value): Value {
    return this.#free(quantised.replace(/_?quantized$/, ""), "float");
  }

  /** The name that is wished for, or a fresh one. */
  #free(wish: Value, hint: string): Value {
    const name = wish !== "" && !this.#taken.has(wish) ? wish : this.build.fresh(hint);
    this.#taken.add(name);
    return name;
  }
}
