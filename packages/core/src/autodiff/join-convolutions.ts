import { intAttribute } from "../onnx/attributes.js";
import { GraphBuilder } from "../onnx/builder.js";
import { indexOf } from "../onnx/graph.js";
import type { Attribute, Graph, Node, TensorProto } from "../onnx/model.js";
import { computedFloats, floatsOf, intsOf } from "../onnx/tensors.js";
import { sizeOf } from "../tensor/tensor.js";
import { runningSums } from "./rules/axes.js";

/** The sum of convolutions with the same attributes, without bias or groups. */
interface ConvSum {
  readonly like: Node;
  readonly terms: readonly Term[];
}

interface Term {
  readonly input: string;
  /** A constant: `[out, in, kernel…]`. */
  readonly weight: TensorProto;
}

/** A part of the channels of a value. */
interface Cut {
  readonly output: string;
  readonly start: number;
  readonly end: number;
}

/** The runtime computes this many channels together. Smaller parts are not worth a convolution of their own. */
const MIN_CHANNELS = 16;

/**
 * Merges convolutions with the sums and cuts after them: `Conv(a, A) + Conv(b, B)` becomes `Conv([a, b], [A, B])`, and a Split or Slice of
 * the channels of a Conv becomes a Conv for each part. In the backward pass both follow from a Concat, and this saves passes over memory:
 * the runtime computes convolutions in a layout of its own, in which it cannot add or cut. Values that keep their name keep their
 * meaning (up to rounding).
 * @param outputs values that are read from the graph. @param prefix prefix of new names. No value of the graph may start with it.
 */
export function joinConvolutions(graph: Graph, outputs: Iterable<string>, prefix: string): Graph {
  const index = indexOf(graph);
  const read = new Set(outputs);
  const build = new GraphBuilder(prefix);
  const sums = new Map<string, ConvSum>();
  const concats = new Map<string, string>();
  const concatenated = (inputs: readonly string[]): string => {
    const key = JSON.stringify(inputs);
    const value = concats.get(key) ?? (inputs.length === 1 ? inputs[0]! : build.op("Concat", inputs, { axis: 1 }));
    concats.set(key, value);
    return value;
  };
  const emit = ({ like, terms }: ConvSum, output: string): void => {
    const input = concatenated(terms.map((term) => term.input));
    const weight = build.weights(joinedDims(terms), () => joinedWeight(terms));
    build.nodes.push({ ...like, name: output, inputs: [input, weight], outputs: [output] });
    sums.set(output, { like, terms });
  };
  /** The convolutions whose sum `value` is, if it is only read by nodes that can be merged with them. */
  const sumOf = (value: string, merges: (reader: Node, sum: ConvSum) => boolean): ConvSum | undefined => {
    const sum = read.has(value) ? undefined : sums.get(value);
    return sum && index.consumers(value).every((reader) => merges(reader, sum)) ? sum : undefined;
  };
  for (const node of graph.nodes) {
    const whole = sumOf(node.inputs[0] ?? "", (reader, sum) => cutsOf(reader, graph, sum) !== undefined);
    const added = isSum(node) && joinedSum(node.inputs.map((input) => sumOf(input, (reader) => reader === node)));
    const conv = plainConv(node, graph);
    if (whole) for (const cut of cutsOf(node, graph, whole)!) emit(cutSum(whole, cut), cut.output);
    else if (added) emit(added, node.outputs[0]!);
    else build.nodes.push(node);
    if (conv) sums.set(node.outputs[0]!, conv);
  }
  return { ...graph, nodes: build.nodes, initializers: new Map([...graph.initializers, ...build.initializers]) };
}

function isSum(node: Node): boolean {
  return node.opType === "Add" && node.inputs[0] !== node.inputs[1];
}

function plainConv(node: Node, graph: Graph): ConvSum | undefined {
  const weight = graph.initializers.get(node.inputs[1] ?? "");
  const plain = node.opType === "Conv" && node.inputs.length === 2 && intAttribute(node, "group", 1) === 1;
  return plain && weight !== undefined ? { like: node, terms: [{ input: node.inputs[0]!, weight }] } : undefined;
}

/** Undefined when the terms differ in more than their inputs, or when concatenating their inputs costs more than adding their outputs. */
function joinedSum([a, b]: readonly (ConvSum | undefined)[]): ConvSum | undefined {
  if (!a || !b || !equalAttributes(a.like, b.like)) return undefined;
  const terms = [...a.terms, ...b.terms];
  const [out = 0, inputs] = joinedDims(terms);
  const kernels = terms.every(({ weight }) => `${weight.dims.slice(2)}` === `${terms[0]!.weight.dims.slice(2)}`);
  return kernels && inputs! <= out ? { like: a.like, terms } : undefined;
}

function equalAttributes(a: Node, b: Node): boolean {
  const text = (node: Node): string =>
    JSON.stringify(
      [...node.attributes].map(([name, one]): [string, Attribute["type"], unknown] => [name, one.type, one.value]),
    );
  return text(a) === text(b);
}

function joinedDims(terms: readonly Term[]): number[] {
  const [out = 0, , ...kernel] = terms[0]!.weight.dims;
  return [out, terms.reduce((sum, { weight }) => sum + weight.dims[1]!, 0), ...kernel];
}

/** The weights one after the other along the axis of the input channels. */
function joinedWeight(terms: readonly Term[]): Float32Array {
  const dims = joinedDims(terms);
  const joined = new Float32Array(sizeOf(dims));
  const row = sizeOf(dims.slice(1));
  let at = 0;
  for (const { weight } of terms) {
    const values = floatsOf(weight);
    const length = sizeOf(weight.dims.slice(1));
    for (let out = 0; out < dims[0]!; out++)
      joined.set(values.subarray(out * length, (out + 1) * length), out * row + at);
    at += length;
  }
  return joined;
}

/** The parts of the channels that a Split or Slice with constant sizes makes. Undefined for any other node. */
function cutsOf(node: Node, graph: Graph, { terms }: ConvSum): Cut[] | undefined {
  const channels = terms[0]!.weight.dims[0]!;
  const cuts = node.opType === "Split" ? splitCuts(node, graph) : sliceCuts(node, graph, channels);
  return cuts?.every(({ start, end }) => start >= 0 && end - start >= MIN_CHANNELS) ? cuts : undefined;
}

function splitCuts(node: Node, graph: Graph): Cut[] | undefined {
  const sizes = constantInts(graph, node.inputs[1]);
  if (sizes === undefined || intAttribute(node, "axis", 0) !== 1) return undefined;
  const ends = runningSums(sizes);
  return node.outputs.map((output, i) => ({ output, start: ends[i]! - sizes[i]!, end: ends[i]! }));
}

function sliceCuts(node: Node, graph: Graph, channels: number): Cut[] | undefined {
  if (node.opType !== "Slice" || node.inputs.length !== 4) return undefined;
  const [starts, ends, axes] = [1, 2, 3].map((i) => constantInts(graph, node.inputs[i]));
  if (axes?.join() !== "1" || starts === undefined || ends === undefined) return undefined;
  return [{ output: node.outputs[0]!, start: starts[0]!, end: Math.min(ends[0]!, channels) }];
}

function cutSum({ like, terms }: ConvSum, { start, end }: Cut): ConvSum {
  const cut = ({ input, weight }: Term): Term => {
    const inner = weight.dims.slice(1);
    const values = (): Float32Array => floatsOf(weight).subarray(start * sizeOf(inner), end * sizeOf(inner));
    return { input, weight: computedFloats("", [end - start, ...inner], values) };
  };
  return { like, terms: terms.map(cut) };
}

function constantInts(graph: Graph, name: string | undefined): number[] | undefined {
  const found = graph.initializers.get(name ?? "");
  return found === undefined ? undefined : intsOf(found);
}
