import { attribute, tensorAttribute } from "../../src/onnx/attributes.js";
import { newNode } from "../../src/onnx/builder.js";
import { readsOf } from "../../src/onnx/cut.js";
import { elementType } from "../../src/onnx/element-type.js";
import { indexOf } from "../../src/onnx/graph.js";
import {
  type Attribute,
  DataType,
  type Graph,
  type Node,
  type TensorProto,
  type ValueInfo,
} from "../../src/onnx/model.js";
import { renameValues } from "../../src/onnx/rename.js";
import { subgraphsOf } from "../../src/onnx/subgraphs.js";
import { floatsOf } from "../../src/onnx/tensors.js";

/**
 * The graph as a float16 export is: all floats in float16, except what ONNX Runtime computes in float32 only. Inputs and outputs are float16, as in
 * exports of `model.half()`, or stay float32 behind Casts, as converters write them (`keep_io_types`).
 */
export function toHalf(graph: Graph, io: "float16" | "float32" = "float16"): Graph {
  const half = <T extends { readonly elemType: number }>(value: T): T =>
    value.elemType === DataType.FLOAT ? { ...value, elemType: DataType.FLOAT16 } : value;
  const isOuter = ({ elemType }: ValueInfo): boolean => io === "float32" && elemType === DataType.FLOAT;
  const [inputs, outputs] = [graph.inputs.filter(isOuter), graph.outputs.filter(isOuter)];
  const names = new Map([...inputs, ...outputs].map(({ name }) => [name, `${name}/half`]));
  const own = new Map([...names].map(([name, inner]) => [inner, name]));
  const index = indexOf(graph);
  const known = new Set([...graph.inputs.map(({ name }) => name), ...graph.initializers.keys()]);
  const inner = renameValues(graph, names);
  const wide = new WideNodes(inner.initializers, (value) => {
    const name = own.get(value) ?? value;
    const isKnown = known.has(name) || index.producer(name) !== undefined;
    return isKnown && elementType(graph, name) === DataType.FLOAT;
  });
  const nodes = inner.nodes.flatMap((node) => (isWide(node) ? wide.of(node) : [halfNode(node)]));
  const weights = [...inner.initializers].map(([name, one]) => [name, halfTensor(one)] as const);
  return {
    ...inner,
    nodes: [
      ...inputs.map(({ name }) => newNode("Cast", [name], [names.get(name)!], { to: DataType.FLOAT16 })),
      ...nodes,
      ...outputs.map(({ name }) => newNode("Cast", [names.get(name)!], [name], { to: DataType.FLOAT })),
    ],
    initializers: new Map([...weights, ...wide.constants]),
    inputs: graph.inputs.map((value) => (isOuter(value) ? value : half(value))),
    outputs: graph.outputs.map((value) => (isOuter(value) ? value : half(value))),
    valueInfo: inner.valueInfo.map(half),
  };
}

/** Nodes that stay in float32, between Casts. */
class WideNodes {
  readonly constants = new Map<string, TensorProto>();
  readonly #initializers: Graph["initializers"];
  readonly #isFloat: (value: string) => boolean;
  readonly #cast = new Set<string>();

  constructor(initializers: Graph["initializers"], isFloat: (value: string) => boolean) {
    this.#initializers = initializers;
    this.#isFloat = isFloat;
  }

  of(node: Node): readonly Node[] {
    // Of Resize only the scales are float32.
    const isResize = node.opType === "Resize";
    const reads = (isResize ? node.inputs.slice(1) : readsOf(node)).filter(this.#isFloat);
    const before = reads.flatMap((value) => this.#wide(value));
    const made = isResize ? [] : node.outputs.filter(this.#isFloat);
    const after = made.map((value) => newNode("Cast", [`${value}/float`], [value], { to: DataType.FLOAT16 }));
    const names = new Map([...reads, ...made].map((value) => [value, `${value}/float`]));
    const alone = { name: "", nodes: [node], initializers: new Map(), inputs: [], outputs: [], valueInfo: [] };
    for (const value of made) this.#cast.add(value);
    return [...before, ...renameValues(alone, names).nodes, ...after];
  }

  #wide(value: string): Node[] {
    const constant = this.#initializers.get(value);
    if (constant !== undefined) this.constants.set(`${value}/float`, { ...constant, name: `${value}/float` });
    if (constant !== undefined || this.#cast.has(value)) return [];
    this.#cast.add(value);
    return [newNode("Cast", [value], [`${value}/float`], { to: DataType.FLOAT })];
  }
}

/** Ops that ONNX Runtime does not have in float16, those of plugins, and those with graphs of their own. */
function isWide(node: Node): boolean {
  const isFloatOp = /^(NonMaxSuppression|Range|RoiAlign|Resize)$/.test(node.opType);
  return node.domain !== "" || isFloatOp || subgraphsOf(node).length > 0;
}

function halfNode(node: Node): Node {
  const attributes = [...node.attributes].map(([name, value]): [string, Attribute] => {
    const isType = (name === "to" && node.opType === "Cast") || name === "dtype";
    if (isType && value.value === DataType.FLOAT) return [name, attribute(DataType.FLOAT16)];
    const tensor = name === "value" ? tensorAttribute(node, name) : undefined;
    return tensor?.dataType === DataType.FLOAT ? [name, attribute({ tensor: halfTensor(tensor) })] : [name, value];
  });
  return { ...node, attributes: new Map(attributes) };
}

/** A tensor in float16; other types than float32 stay. */
export function halfTensor(tensor: TensorProto): TensorProto {
  if (tensor.dataType !== DataType.FLOAT) return tensor;
  const bits = Uint16Array.from(floatsOf(tensor), halfBits);
  return { ...tensor, dataType: DataType.FLOAT16, bytes: new Uint8Array(bits.buffer) };
}

/** binary16 of a number, rounded to the nearest one, ties to even. Too large finite numbers become the largest one, as converters do. */
function halfBits(value: number): number {
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const size = Math.abs(value);
  if (Number.isNaN(value)) return 0x7e00;
  if (size === Number.POSITIVE_INFINITY) return sign | 0x7c00;
  const exponent = Math.max(-14, Math.floor(Math.log2(size)));
  const steps = roundToEven(size / 2 ** (exponent - 10));
  // A number that rounds up to the next power of two carries into the exponent.
  return sign | Math.min(0x7bff, exponent === -14 ? steps : ((exponent + 15) << 10) + steps - 1024);
}

function roundToEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  return rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor;
}
