import { intAttribute } from "../../onnx/attributes.js";
import type { Value } from "../../onnx/builder.js";
import type { GraphIndex } from "../../onnx/graph.js";
import type { Node, ValueInfo } from "../../onnx/model.js";
import { constantTensor } from "../constants.js";

/** The two values that say what each query found. */
export interface QueryEnds {
  /** Four shares of the input, centre form. */
  readonly boxes: Value;
  readonly scores: Value;
  readonly classCount: number;
  /** What `scores` are: probabilities, or what makes them such. A softmax has one more, for no object, behind the classes. */
  readonly form: "probabilities" | "logits" | "softmax" | "softmax logits";
}

/** Values looked at on the way from the outputs to the ends: selection is small. */
const MOST_VALUES = 400;

/** Boxes and classes of the queries; undefined when there are none. */
export function queryEnds(index: GraphIndex): QueryEnds | undefined {
  return outputPair(index) ?? sigmoidPair(index);
}

/** An output of boxes and one of classes, as the exports of many detection transformers have them: DETR, Deformable DETR, RT-DETR of Transformers. */
function outputPair(index: GraphIndex): QueryEnds | undefined {
  const outputs = index.graph.outputs.filter(({ shape }) => shape?.length === 3);
  const ends = outputs.map((output) => ({ output, end: endOf(index, output.name), width: widthOf(index, output) }));
  const [boxes, ...otherBoxes] = ends.filter(
    ({ end, width }) => width === 4 && end?.opType === "Sigmoid" && featuresBehind(index, end.inputs[0]!) === 4,
  );
  if (boxes === undefined) return undefined;
  const rows = boxes.output.shape![1];
  const fits = (one: (typeof ends)[number]): boolean =>
    one !== boxes && one.end !== undefined && one.width !== undefined && sameSize(one.output.shape![1], rows);
  // With four classes they look like boxes; only boxes are refined from layer to layer.
  const [scores, ...others] = ends.filter(fits);
  if (scores === undefined || others.length > 0 || otherBoxes.length > 0) return undefined;
  const found = { boxes: boxes.output.name, scores: scores.output.name };
  const { opType } = scores.end!;
  if (opType === "Sigmoid") return { ...found, classCount: scores.width!, form: "probabilities" };
  if (opType === "Softmax") return { ...found, classCount: scores.width! - 1, form: "softmax" };
  // Those that refine boxes are trained with a sigmoid for each class; DETR itself with a softmax and a class for nothing.
  if (isRefined(index, boxes.end!.inputs[0]!)) return { ...found, classCount: scores.width!, form: "logits" };
  return { ...found, classCount: scores.width! - 1, form: "softmax logits" };
}

function sameSize(a: unknown, b: unknown): boolean {
  return typeof a !== "number" || typeof b !== "number" || a === b;
}

function widthOf(index: GraphIndex, { name, shape }: ValueInfo): number | undefined {
  const last = shape?.[2];
  return typeof last === "number" ? last : featuresBehind(index, name);
}

/** What a value is but for moves: the sigmoid, softmax or linear layer nearest to it. */
function endOf(index: GraphIndex, value: Value): Node | undefined {
  const seen = new Set([value]);
  for (const name of seen) {
    const node = index.producer(name);
    if (node === undefined || seen.size > MOST_VALUES) continue;
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

/** The two sigmoids nearest to the outputs, where the queries are joined or selected by then. */
function sigmoidPair(index: GraphIndex): QueryEnds | undefined {
  const sigmoids = lastSigmoids(index);
  const boxes =
    sigmoids.find((one) => one.features === 4 && one.isRefinement) ?? sigmoids.find((one) => one.features === 4);
  const scores = sigmoids.find((one) => one !== boxes);
  if (boxes === undefined || scores === undefined) return undefined;
  return { boxes: boxes.value, scores: scores.value, classCount: scores.features, form: "probabilities" };
}

interface LastSigmoid {
  readonly value: string;
  /** Numbers that the linear layer before it gives. */
  readonly features: number;
  /** Whether it is a box refined layer by layer. */
  readonly isRefinement: boolean;
}

/** The sigmoids nearest to the outputs, behind a linear layer each. */
function lastSigmoids(index: GraphIndex): LastSigmoid[] {
  const found: LastSigmoid[] = [];
  const seen = new Set(index.graph.outputs.map(({ name }) => name));
  for (const value of seen) {
    const node = index.producer(value);
    if (node === undefined || seen.size > MOST_VALUES || LINEAR.has(node.opType)) continue;
    if (node.opType !== "Sigmoid") {
      for (const input of node.inputs) if (input !== "") seen.add(input);
      continue;
    }
    const features = featuresBehind(index, node.inputs[0]!);
    if (features !== undefined) found.push({ value, features, isRefinement: isRefined(index, node.inputs[0]!) });
  }
  return found;
}

const LINEAR: ReadonlySet<string> = new Set(["MatMul", "Gemm", "Conv", "LayerNormalization"]);

/** Features of the nearest linear layer with constant weights. */
function featuresBehind(index: GraphIndex, from: string): number | undefined {
  const seen = new Set([from]);
  for (const value of seen) {
    const node = index.producer(value);
    if (node === undefined || seen.size > 40) continue;
    if (node.opType === "MatMul" || node.opType === "Gemm") {
      const dims = constantTensor(index, node.inputs[1]!)?.dims;
      if (dims?.length !== 2) return undefined;
      return node.opType === "Gemm" && intAttribute(node, "transB", 0) === 1 ? dims[0] : dims[1];
    }
    for (const input of node.inputs) if (input !== "") seen.add(input);
  }
  return undefined;
}

/** Whether something computed is added to a linear layer: a box refined layer by layer. */
function isRefined(index: GraphIndex, from: string): boolean {
  let value = from;
  for (let step = 0; step < MOST_VALUES; step++) {
    if (isLinear(index, value)) return false;
    const node = index.producer(value);
    if (node === undefined || !MOVES.has(node.opType)) return true;
    value = node.inputs[0] ?? "";
  }
  return true;
}

/** Whether a value is a linear layer's, with its bias if it has one. */
function isLinear(index: GraphIndex, value: string): boolean {
  const node = index.producer(value);
  if (node?.opType === "MatMul" || node?.opType === "Gemm") return true;
  if (node?.opType !== "Add") return false;
  const computed = node.inputs.filter((input) => constantTensor(index, input) === undefined);
  return computed.length === 1 && index.producer(computed[0]!)?.opType === "MatMul";
}
