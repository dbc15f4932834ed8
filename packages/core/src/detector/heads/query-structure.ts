import type { Value } from "../../onnx/builder.js";
import { readsOf } from "../../onnx/cut.js";
import type { GraphIndex } from "../../onnx/graph.js";
import type { Node } from "../../onnx/model.js";
import { constantTensor } from "../constants.js";

/** Maximum number of values visited between the outputs and the last linear layers. A selection has fewer. */
const MAX_VALUES = 400;

/** Layers with weights or statistics. What follows the last of them is the decoding of boxes and scores. */
const LAYERS: ReadonlySet<string> = new Set(["MatMul", "Gemm", "Conv", "LayerNormalization"]);

/** Ops that pick queries by their scores. */
const SELECTIONS: ReadonlySet<string> = new Set(["TopK", "NonMaxSuppression", "NonZero", "Compress"]);

/**
 * The values between the outputs and the last layers with weights, nearest to the outputs first. Boxes and scores of the queries are among
 * them. Leaves out what follows a selection, what `unknown` values feed, and what does not depend on the image.
 */
export function valuesBeforeOutputs(index: GraphIndex, image: Value): Value[] {
  const outputs = index.graph.outputs.map(({ name }) => name);
  const fromImage = index.descendants([image]);
  return valuesBefore(index, outputs, { image, max: MAX_VALUES }).filter((value) => fromImage.has(value));
}

/**
 * The values between `ends` and the last layers with weights, nearest to the ends first. Leaves out what follows a selection, and what inputs
 * other than the image feed.
 */
export function valuesBefore(
  index: GraphIndex,
  ends: readonly Value[],
  { image, max }: { readonly image: Value; readonly max: number },
): Value[] {
  const seen = new Set(ends);
  for (const value of seen) {
    const node = index.producer(value);
    if (node === undefined || LAYERS.has(node.opType)) continue;
    for (const input of readsOf(node)) if (seen.size < max) seen.add(input);
  }
  const fed = index.descendants(otherSources(index, image));
  const selected = new Set<Value>();
  for (const value of seen) {
    const node = index.producer(value);
    if (node === undefined || !SELECTIONS.has(node.opType) || selected.has(value)) continue;
    const after = index.descendants(node.outputs.filter((output) => output !== ""));
    // A selection in the middle of the network picks the queries that the decoder starts with.
    if ([...after].some((one) => index.consumers(one).some(({ opType }) => LAYERS.has(opType)))) continue;
    for (const one of after) selected.add(one);
  }
  return [...seen].filter((value) => !fed.has(value) && !selected.has(value));
}

/** Values that nothing computes, other than the image: further inputs, such as the size that boxes are scaled to. */
function otherSources(index: GraphIndex, image: Value): Value[] {
  const { initializers } = index.graph;
  const read = new Set(index.graph.nodes.flatMap(({ inputs }) => inputs));
  return [...read].filter(
    (value) => value !== "" && value !== image && !initializers.has(value) && index.producer(value) === undefined,
  );
}

/** Whether queries attend to other values between the last convolution and `value`: a product of two values that depend on the image, or samples. */
export function followsAttention(index: GraphIndex, value: Value, image: Value): boolean {
  const fromImage = index.descendants([image]);
  const seen = new Set([value]);
  for (const name of seen) {
    const node = index.producer(name);
    if (node === undefined || node.opType === "Conv") continue;
    if (node.opType === "GridSample" || /Attention$/.test(node.opType)) return true;
    const isProduct = node.opType === "MatMul" || node.opType === "Einsum";
    if (isProduct && node.inputs.length === 2 && node.inputs.every((input) => fromImage.has(input))) return true;
    for (const input of node.inputs) if (input !== "") seen.add(input);
  }
  return false;
}

/** The nearest sigmoid, softmax or linear layer before a value. Ops that only move values are skipped. */
export function endOf(index: GraphIndex, value: Value): Node | undefined {
  const seen = new Set([value]);
  for (const name of seen) {
    const node = index.producer(name);
    if (node === undefined || seen.size > MAX_VALUES) continue;
    if (ENDS.has(node.opType)) return node;
    if (node.opType === "Add" && isLinear(index, name)) return node;
    if (!MOVES.has(node.opType)) return undefined;
    for (const input of node.opType === "Concat" ? node.inputs : node.inputs.slice(0, 1)) seen.add(input);
  }
  return undefined;
}

const ENDS: ReadonlySet<string> = new Set(["Sigmoid", "Softmax", "MatMul", "Gemm"]);
const MOVES: ReadonlySet<string> = new Set(
  "Identity Cast Reshape Transpose Gather Slice Concat Squeeze Unsqueeze Flatten".split(" "),
);

/**
 * Whether boxes are more than the output of one linear layer and a sigmoid: a computed value is added or multiplied, as for boxes that are
 * refined from layer to layer, or relative to a reference.
 */
export function isRefined(index: GraphIndex, boxes: Value): boolean {
  const end = endOf(index, boxes);
  if (end === undefined) return true;
  let value = end.opType === "Sigmoid" ? end.inputs[0]! : boxes;
  for (let step = 0; step < MAX_VALUES; step++) {
    if (isLinear(index, value)) return false;
    const node = index.producer(value);
    if (node === undefined || !MOVES.has(node.opType)) return true;
    value = node.inputs[0] ?? "";
  }
  return true;
}

/** Whether a value is the output of a linear layer, with or without bias. */
function isLinear(index: GraphIndex, value: Value): boolean {
  const node = index.producer(value);
  if (node?.opType === "MatMul" || node?.opType === "Gemm") return true;
  if (node?.opType !== "Add") return false;
  const computed = node.inputs.filter((input) => constantTensor(index, input) === undefined);
  return computed.length === 1 && index.producer(computed[0]!)?.opType === "MatMul";
}
