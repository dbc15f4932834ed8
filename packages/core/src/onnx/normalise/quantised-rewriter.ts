import { GraphBuilder, type Value } from "../builder.js";
import { freshPrefix } from "../fresh-prefix.js";
import { type GraphIndex, indexOf } from "../graph.js";
import { DataType, type Graph, type Model, type Node, type TensorProto } from "../model.js";
import { floatsOf } from "../tensors.js";

/** Scale and zero point of a quantised value: x = (q − zero) · scale. */
interface Scale {
  readonly scale: Value;
  readonly zero: Value;
  /** The node that computes the value. Names of added nodes start with its name. */
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
    this.index = indexOf(model.graph);
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

  /** Skips a node that comes later. */
  drop(node: Node): void {
    this.#dropped.add(node);
    for (const output of node.outputs) this.#changed.add(output);
  }

  /** Overrides the element type that the file declares for a value. */
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

  /** The dequantised value. All readers with the same scale share one node. */
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

  /** Emits a float node and quantises its outputs, each with its scale and zero point, under the original names. */
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

  /** A unique node name: the runtime refuses nodes that share a name. */
  nodeName(wish: string): string {
    let name = wish;
    for (let i = 1; this.#names.has(name); i++) name = `${wish}_${i}`;
    this.#names.add(name);
    return name;
  }

  /** The product of two scales: a constant if both are constants. */
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

  /** Quantised operators treat a vector of length one as a scalar; QuantizeLinear treats it as a scale per channel. */
  #scalar(value: Value, perAxis: boolean): Value {
    const tensor = this.constant(value);
    if (perAxis || tensor === undefined || tensor.dims.length === 0) return value;
    const name = this.build.fresh("scalar");
    this.build.initializers.set(name, { ...tensor, name, dims: [] });
    return name;
  }

  /** ONNX Runtime's quantiser names the quantised form of X "X_quantized", so the name X is free. */
  #floatName(quantised: Value): Value {
    return this.#free(quantised.replace(/_?quantized$/, ""), "float");
  }

  /** The preferred name, or a fresh one if it is taken. */
  #free(wish: Value, hint: string): Value {
    const name = wish !== "" && !this.#taken.has(wish) ? wish : this.build.fresh(hint);
    this.#taken.add(name);
    return name;
  }
}
