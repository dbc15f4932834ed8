import { intAttribute } from "../../onnx/attributes.js";
import type { GraphIndex } from "../../onnx/graph.js";
import type { Node, TensorProto } from "../../onnx/model.js";
import { constantTensor } from "../constants.js";

/** The result of a walk from a decoded output back to its prediction convolutions. */
export interface HeadWalk {
  /** The convolutions where the walk ends. */
  readonly convs: readonly Node[];
  /** Something that a head does not contain between output and convolutions. The walk is then invalid. */
  readonly unexpected: string | undefined;
  /** Types of the ops between the convolutions and the output; "Scale" for a factor of a whole map. */
  readonly ops: ReadonlySet<string>;
}

/** Maximum number of values between output and convolutions. A decoded head has fewer. */
const MAX_VALUES = 4000;

/** Ops of the decoding, and the inputs that carry data ("all", or positions). Inputs with indices and shapes are ignored. */
const DATA_INPUTS: ReadonlyMap<string, "all" | readonly number[]> = new Map<string, "all" | readonly number[]>([
  ...["Mul", "Add", "Sub", "Div", "Pow", "Concat", "Max", "Min"].map((op) => [op, "all"] as const),
  ...["Identity", "Cast", "Reshape", "Flatten", "Transpose", "Sigmoid", "Split", "Slice", "Gather", "Squeeze"].map(
    (op) => [op, [0]] as const,
  ),
  ...["Unsqueeze", "Expand", "Softmax", "Exp", "Relu", "Clip", "Tanh", "Sin", "Cos", "Neg", "ReduceSum"].map(
    (op) => [op, [0]] as const,
  ),
  // YOLO-World multiplies the embeddings of its classes by those of the cells.
  ["MatMul", "all"],
  // FCOS takes the root of class × centre-ness. SSD's priors are tiled.
  ...["Sqrt", "Tile"].map((op) => [op, [0]] as const),
  ...["QuantizeLinear", "DequantizeLinear"].map((op) => [op, [0]] as const),
  // Deformable DETR normalises its maps before flattening.
  ...["InstanceNormalization", "GroupNormalization"].map((op) => [op, [0]] as const),
  // YOLOv5 v5.0 writes xy and wh back into slices of the map.
  ["ScatterND", [0, 2]],
  ["ScatterElements", [0, 2]],
]);

/** Ops that create the grid from shapes. No data flows through them. */
const SOURCES: ReadonlySet<string> = new Set(["Constant", "Shape", "Size", "Range", "ConstantOfShape", "NonZero"]);

/** Walks from `value` back to the convolutions it is decoded from. With `stopAtSigmoid` the walk does not continue past a Sigmoid. */
export function walkToConvs(index: GraphIndex, value: string, { stopAtSigmoid = false } = {}): HeadWalk {
  const convs = new Set<Node>();
  const seen = new Set<string>();
  const ops = new Set<string>();
  const stack = [value];
  const varying = varyingValues(index);
  while (stack.length > 0) {
    const name = stack.pop()!;
    if (seen.has(name) || !varying.has(name)) continue;
    if (seen.add(name).size > MAX_VALUES) return { convs: [], ops, unexpected: `more than ${MAX_VALUES} values` };
    const node = index.producer(name);
    if (node === undefined) return { convs: [], ops, unexpected: `the graph input "${name}"` };
    if (node.opType === "Conv" && !isExpectation(index, node)) convs.add(node);
    else if (node.opType === "Conv") stack.push(node.inputs[0]!);
    else if (!SOURCES.has(node.opType) && !(stopAtSigmoid && node.opType === "Sigmoid")) {
      const peaks = beforePeaks(index, node);
      const inputs = peaks === undefined ? dataInputs(node) : [peaks];
      if (inputs === undefined) return { convs: [], ops, unexpected: `node "${node.name}" (${node.opType})` };
      ops.add(isScaling(index, node) || peaks !== undefined ? "Scale" : node.opType);
      stack.push(...inputs);
    }
  }
  return { convs: [...convs], ops, unexpected: undefined };
}

const VARYING = new WeakMap<GraphIndex, ReadonlySet<string>>();

/** Values that depend on the contents of an input, not only on its shape. All others are constant for a size of the image, whatever their ops. */
function varyingValues(index: GraphIndex): ReadonlySet<string> {
  const known = VARYING.get(index);
  if (known !== undefined) return known;
  const { graph } = index;
  const varying = new Set(graph.inputs.map(({ name }) => name));
  for (const { opType, inputs, outputs } of index.order) {
    // Inputs beside the image are left out of the graph's inputs.
    for (const input of inputs) {
      if (input !== "" && index.producer(input) === undefined && !graph.initializers.has(input)) varying.add(input);
    }
    const isVarying = !SHAPES.has(opType) && (HAS_GRAPHS.has(opType) || inputs.some((input) => varying.has(input)));
    if (isVarying) for (const output of outputs) varying.add(output);
  }
  VARYING.set(index, varying);
  return varying;
}

const SHAPES: ReadonlySet<string> = new Set(["Shape", "Size"]);
/** Ops whose inner graphs can read any value. */
const HAS_GRAPHS: ReadonlySet<string> = new Set(["Loop", "If", "Scan"]);

/** The heatmap from which a node keeps only the peaks: x · (MaxPool(x) = x), as CenterNet searches them. Undefined for other nodes. */
function beforePeaks(index: GraphIndex, { opType, inputs }: Node): string | undefined {
  if (opType !== "Mul" || inputs.length !== 2) return undefined;
  return inputs.find((heat, i) => {
    let mask = index.producer(inputs[1 - i]!);
    if (mask?.opType === "Cast") mask = index.producer(mask.inputs[0]!);
    if (mask?.opType !== "Equal" || !mask.inputs.includes(heat)) return false;
    return mask.inputs.some((input) => {
      const pool = index.producer(input);
      return pool?.opType === "MaxPool" && pool.inputs[0] === heat;
    });
  });
}

/** Whether a node multiplies the map of a convolution by one constant, as heads with a learned scale for each level do. */
export function isScaling(index: GraphIndex, { opType, inputs }: Node): boolean {
  if (opType !== "Mul") return false;
  const constants = inputs.map((input) => constantTensor(index, input));
  const map = inputs.find((_, i) => constants[i] === undefined);
  const isOne = constants.some((tensor) => tensor?.dims.every((size) => size === 1));
  return isOne && map !== undefined && index.producer(map)?.opType === "Conv";
}

/** True when a value is only the maps of its convolutions, moved and with activations, and no boxes are computed. */
export function isUndecoded({ convs, ops, unexpected }: HeadWalk): boolean {
  return unexpected === undefined && convs.length > 0 && [...ops].every((op) => RAW_OPS.has(op));
}

/** Ops that move or activate values. ReduceSum and Clip compute the score sums of some exports. */
const RAW_OPS: ReadonlySet<string> = new Set(
  (
    "Identity Cast Reshape Flatten Transpose Split Slice Gather Squeeze Unsqueeze Concat QuantizeLinear DequantizeLinear " +
    "Sigmoid Softmax ReduceSum Clip Scale"
  ).split(" "),
);

/** The inputs of a decoding op that carry data; undefined for other ops. */
function dataInputs(node: Node): readonly string[] | undefined {
  const which = DATA_INPUTS.get(node.opType);
  if (which === undefined) return undefined;
  return which === "all" ? node.inputs : which.map((i) => node.inputs[i] ?? "");
}

/**
 * True for the last convolution of a distribution focal loss head. It has one output channel and computes an expectation over probabilities of
 * distances (Li et al., "Generalized Focal Loss", NeurIPS 2020, eq. 6). It is part of the decoding, not a prediction convolution.
 */
function isExpectation(index: GraphIndex, conv: Node): boolean {
  const dims = weightsOf(index, conv)?.dims;
  if (dims === undefined || dims[0] !== 1 || dims.slice(2).some((size) => size !== 1)) return false;
  let value = conv.inputs[0]!;
  for (let step = 0; step < 6; step++) {
    const node = index.producer(value);
    if (node?.opType === "Softmax") return true;
    if (node === undefined || !MOVES.has(node.opType)) return false;
    value = node.inputs[0]!;
  }
  return false;
}

const MOVES: ReadonlySet<string> = new Set(
  "Transpose Reshape Identity Cast QuantizeLinear DequantizeLinear Squeeze Unsqueeze".split(" "),
);

/** Number of output channels of a convolution; undefined when its weights are not constant. */
export function outChannels(index: GraphIndex, conv: Node): number | undefined {
  return weightsOf(index, conv)?.dims[0];
}

/** The constant weights of a convolution. Skips the ops that quantised and half-precision models have between the weights and the convolution. */
function weightsOf(index: GraphIndex, conv: Node): TensorProto | undefined {
  let value = conv.inputs[1] ?? "";
  for (let step = 0; step < 6; step++) {
    const constant = constantTensor(index, value);
    if (constant !== undefined) return constant;
    const node = index.producer(value);
    if (node === undefined || !MOVES.has(node.opType) || node.opType === "Transpose" || node.opType === "Reshape") {
      return undefined;
    }
    value = node.inputs[0]!;
  }
  return undefined;
}

/** One detection level: the value with its rows, and the convolution that predicts them. */
export interface LevelPart {
  readonly value: string;
  readonly conv: Node;
}

/**
 * The levels of a decoded output, in row order. They are the inputs of a row-wise Concat, each decoded from a different convolution. If several
 * Concats qualify, the one nearest to the output is used. For a head with one level, the level is the output itself.
 */
export function levelParts(index: GraphIndex, output: string): readonly LevelPart[] | HeadWalk {
  const whole = walkToConvs(index, output);
  if (whole.unexpected !== undefined || whole.convs.length === 0) return whole;
  if (whole.convs.length === 1) return [{ value: output, conv: whole.convs[0]! }];
  const seen = new Set([output]);
  for (const value of seen) {
    const node = index.producer(value);
    if (node === undefined || node.opType === "Conv") continue;
    const parts = node.opType === "Concat" ? partsOf(index, node, whole.convs.length) : undefined;
    if (parts !== undefined) return parts;
    // A Set iterates in insertion order, so this is a breadth-first search.
    for (const input of dataInputs(node) ?? []) if (input !== "") seen.add(input);
  }
  return whole;
}

function partsOf(index: GraphIndex, concat: Node, levels: number): readonly LevelPart[] | undefined {
  const axis = intAttribute(concat, "axis", 0);
  if ((axis !== 1 && axis !== -2) || concat.inputs.length !== levels) return undefined;
  const parts: LevelPart[] = [];
  const convs = new Set<Node>();
  for (const value of concat.inputs) {
    const walk = walkToConvs(index, value);
    const conv = walk.convs[0];
    if (walk.convs.length !== 1 || conv === undefined) return undefined;
    convs.add(conv);
    parts.push({ value, conv });
  }
  return convs.size === parts.length ? parts : undefined;
}
