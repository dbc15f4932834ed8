import { intAttribute } from "../../onnx/attributes.js";
import type { Value } from "../../onnx/builder.js";
import type { GraphIndex } from "../../onnx/graph.js";
import type { Node, ValueInfo } from "../../onnx/model.js";
import { constantTensor } from "../constants.js";

/** The boxes and the class scores of the queries. */
export interface QueryEnds {
  /** Four columns in centre form, as fractions of the input size. */
  readonly boxes: Value;
  readonly scores: Value;
  readonly classCount: number;
  /** Whether `scores` are probabilities or logits. A softmax has one more column after the classes, for "no object". */
  readonly form: "probabilities" | "logits" | "softmax" | "softmax logits";
}

/** Maximum number of values visited between the outputs and the ends. A selection has fewer. */
const MAX_VALUES = 400;

/** Finds the boxes and classes of the queries; undefined when there are none. */
export function queryEnds(index: GraphIndex): QueryEnds | undefined {
  return outputPair(index) ?? sigmoidPair(index);
}

/** Finds an output of boxes and an output of classes, as in many exports: DETR, Deformable DETR, RT-DETR of Transformers. */
function outputPair(index: GraphIndex): QueryEnds | undefined {
  const outputs = index.graph.outputs.filter(({ shape }) => shape?.length === 3);
  const ends = outputs.map((output) => ({ output, end: endOf(index, output.name), width: widthOf(index, output) }));
  const [boxes, ...otherBoxes] = ends.filter(
    ({ end, width }) => width === 4 && end?.opType === "Sigmoid" && featuresBefore(index, end.inputs[0]!) === 4,
  );
  if (boxes === undefined) return undefined;
  const rows = boxes.output.shape![1];
  const fits = (one: (typeof ends)[number]): boolean =>
    one !== boxes && one.end !== undefined && one.width !== undefined && sameSize(one.output.shape![1], rows);
  // Class scores with four classes have the shape of boxes, but only boxes are refined from layer to layer.
  const [scores, ...others] = ends.filter(fits);
  if (scores === undefined || others.length > 0 || otherBoxes.length > 0) return undefined;
  const found = { boxes: boxes.output.name, scores: scores.output.name };
  const { opType } = scores.end!;
  if (opType === "Sigmoid") return { ...found, classCount: scores.width!, form: "probabilities" };
  if (opType === "Softmax") return { ...found, classCount: scores.width! - 1, form: "softmax" };
  // Models that refine boxes are trained with a sigmoid per class. DETR is trained with a softmax and a "no object" class.
  if (isRefined(index, boxes.end!.inputs[0]!)) return { ...found, classCount: scores.width!, form: "logits" };
  return { ...found, classCount: scores.width! - 1, form: "softmax logits" };
}

function sameSize(a: unknown, b: unknown): boolean {
  return typeof a !== "number" || typeof b !== "number" || a === b;
}

function widthOf(index: GraphIndex, { name, shape }: ValueInfo): number | undefined {
  const last = shape?.[2];
  return typeof last === "number" ? last : featuresBefore(index, name);
}

/** The nearest sigmoid, softmax or linear layer before a value. Ops that only move values are skipped. */
function endOf(index: GraphIndex, value: Value): Node | undefined {
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

/** Finds the two sigmoids nearest to the outputs, for models that join or select the queries afterwards. */
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
  /** Number of output features of the linear layer before it. */
  readonly features: number;
  /** Whether it is a box that is refined layer by layer. */
  readonly isRefinement: boolean;
}

/** The sigmoids nearest to the outputs that come after a linear layer. */
function lastSigmoids(index: GraphIndex): LastSigmoid[] {
  const found: LastSigmoid[] = [];
  const seen = new Set(index.graph.outputs.map(({ name }) => name));
  for (const value of seen) {
    const node = index.producer(value);
    if (node === undefined || seen.size > MAX_VALUES || LINEAR.has(node.opType)) continue;
    if (node.opType !== "Sigmoid") {
      for (const input of node.inputs) if (input !== "") seen.add(input);
      continue;
    }
    const features = featuresBefore(index, node.inputs[0]!);
    if (features !== undefined) found.push({ value, features, isRefinement: isRefined(index, node.inputs[0]!) });
  }
  return found;
}

const LINEAR: ReadonlySet<string> = new Set(["MatMul", "Gemm", "Conv", "LayerNormalization"]);

/** Number of output features of the nearest linear layer before a value; undefined unless its weights are constant. */
function featuresBefore(index: GraphIndex, from: string): number | undefined {
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

/** Whether a computed value is added to a linear layer, as for a box that is refined layer by layer. */
function isRefined(index: GraphIndex, from: string): boolean {
  let value = from;
  for (let step = 0; step < MAX_VALUES; step++) {
    if (isLinear(index, value)) return false;
    const node = index.producer(value);
    if (node === undefined || !MOVES.has(node.opType)) return true;
    value = node.inputs[0] ?? "";
  }
  return true;
}

/** Whether a value is the output of a linear layer, with or without bias. */
function isLinear(index: GraphIndex, value: string): boolean {
  const node = index.producer(value);
  if (node?.opType === "MatMul" || node?.opType === "Gemm") return true;
  if (node?.opType !== "Add") return false;
  const computed = node.inputs.filter((input) => constantTensor(index, input) === undefined);
  return computed.length === 1 && index.producer(computed[0]!)?.opType === "MatMul";
}
