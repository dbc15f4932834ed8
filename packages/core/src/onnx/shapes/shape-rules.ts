import { intAttribute, intsAttribute, stringAttribute } from "../attributes.js";
import { DataType, type Node } from "../model.js";
import { floatsOf } from "../tensors.js";
import { knownInts, MAX_RANK, type SizeSource } from "./shape-vectors.js";
import type { StaticDim } from "./static-dims.js";

/** Dims that a rule can determine; null where it cannot. */
type Inferred = readonly (StaticDim | null)[];
type Known = readonly StaticDim[];
type ShapeRule = (node: Node, facts: SizeSource, output: number) => Inferred | undefined;

/** The dims of output `output` of a node, from the known dims of its inputs. Undefined when the rank is unknown. */
export function inferDims(node: Node, output: number, facts: SizeSource): Inferred | undefined {
  if (node.domain !== "") return undefined;
  return RULES.get(node.opType)?.(node, facts, output)?.map((dim) => (isSize(dim) ? dim : null));
}

/** False for sizes that invalid attributes produce (a fraction, NaN, a negative number). */
function isSize(dim: StaticDim | null): boolean {
  return typeof dim !== "number" || (Number.isSafeInteger(dim) && dim >= 0);
}

const first: ShapeRule = (node, facts) => facts.dims(node.inputs[0]!);

const broadcast: ShapeRule = (node, facts) => {
  let result: Inferred = [];
  for (const input of node.inputs) {
    const dims = facts.dims(input);
    if (!dims) return undefined;
    result = broadcastDims(result, dims);
  }
  return result;
};

function broadcastDims(a: Inferred, b: Inferred): Inferred {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, axis) => {
    const left = axis < rank - a.length ? 1 : a[axis - (rank - a.length)]!;
    const right = axis < rank - b.length ? 1 : b[axis - (rank - b.length)]!;
    if (left === right || right === 1) return left;
    // A known size other than 1 wins: in a valid model the other size is equal or 1.
    if (left === 1 || typeof right === "number") return right;
    return typeof left === "number" ? left : null;
  });
}

/** Conv and pooling: axis 0 stays, axis 1 is `channels`, the rest follow from the window. */
function windowed(node: Node, input: Known, channels: StaticDim | null, kernel: readonly StaticDim[]): Inferred {
  const spatial = input.length - 2;
  const strides = intsAttribute(node, "strides") ?? Array(spatial).fill(1);
  const dilations = intsAttribute(node, "dilations") ?? Array(spatial).fill(1);
  const pads = intsAttribute(node, "pads") ?? Array(2 * spatial).fill(0);
  const plain =
    ["NOTSET", ""].includes(stringAttribute(node, "auto_pad", "NOTSET")) && !intAttribute(node, "ceil_mode", 0);
  const sizes = Array.from({ length: spatial }, (_, i) => {
    const size = input[i + 2]!;
    const k = kernel[i];
    if (!plain || typeof k !== "number") return null;
    const shrink = dilations[i]! * (k - 1) - pads[i]! - pads[i + spatial]!;
    if (typeof size === "number") return Math.floor((size - shrink - 1) / strides[i]!) + 1;
    if (strides[i] === 1 && shrink === 0) return size;
    return `window/${size}/${shrink}/${strides[i]}`;
  });
  return [input[0]!, channels, ...sizes];
}

const conv: ShapeRule = (node, facts) => {
  const input = facts.dims(node.inputs[0]!);
  const weight = facts.dims(node.inputs[1]!);
  if (!input || !weight || input.length < 3) return undefined;
  return windowed(node, input, weight[0]!, weight.slice(2));
};

/** Only for padding that is written down. */
const convTranspose: ShapeRule = (node, facts) => {
  const input = facts.dims(node.inputs[0]!);
  const weight = facts.dims(node.inputs[1]!);
  if (!input || !weight || input.length < 3) return input?.map(() => null);
  const spatial = input.length - 2;
  const list = (name: string, fill: number, length = spatial): readonly number[] =>
    intsAttribute(node, name) ?? Array(length).fill(fill);
  const [strides, dilations, extra] = [list("strides", 1), list("dilations", 1), list("output_padding", 0)];
  const pads = list("pads", 0, 2 * spatial);
  const plain =
    ["NOTSET", ""].includes(stringAttribute(node, "auto_pad", "NOTSET")) && !node.attributes.has("output_shape");
  const sizes = input.slice(2).map((size, i) => {
    const kernel = weight[i + 2];
    if (!plain || typeof size !== "number" || typeof kernel !== "number") return null;
    return (size - 1) * strides[i]! + dilations[i]! * (kernel - 1) + 1 + extra[i]! - pads[i]! - pads[i + spatial]!;
  });
  const [perGroup, group] = [weight[1], intAttribute(node, "group", 1)];
  return [input[0]!, typeof perGroup === "number" ? perGroup * group : null, ...sizes];
};

const pool: ShapeRule = (node, facts) => {
  const input = facts.dims(node.inputs[0]!);
  if (!input || input.length < 3) return undefined;
  return windowed(node, input, input[1]!, intsAttribute(node, "kernel_shape") ?? []);
};

const globalPool: ShapeRule = (node, facts) => facts.dims(node.inputs[0]!)?.map((dim, axis) => (axis < 2 ? dim : 1));

const concat: ShapeRule = (node, facts) => {
  const all = node.inputs.map((input) => facts.dims(input));
  const rank = all.find((dims) => dims)?.length;
  if (rank === undefined) return undefined;
  const axis = fromEnd(intAttribute(node, "axis", 0), rank);
  return Array.from({ length: rank }, (_, i) => {
    const sizes = all.map((dims) => dims?.[i] ?? null);
    if (i !== axis)
      return sizes.find((size) => typeof size === "number") ?? sizes.find((size) => size !== null) ?? null;
    return sizes.reduce<number | null>(
      (sum, size) => (sum !== null && typeof size === "number" ? sum + size : null),
      0,
    );
  });
};

const split: ShapeRule = (node, facts, output) => {
  const dims = facts.dims(node.inputs[0]!);
  if (!dims) return undefined;
  const sizes = ints(node, 1, facts);
  return replaced(dims, [intAttribute(node, "axis", 0)], () => sizes?.[output] ?? null);
};

const slice: ShapeRule = (node, facts) => {
  const dims = facts.dims(node.inputs[0]!);
  const starts = ints(node, 1, facts);
  const ends = ints(node, 2, facts);
  const given = ints(node, 3, facts);
  const axes = given ?? (node.inputs[3] ? undefined : starts?.map((_, i) => i));
  if (!dims) return undefined;
  if (!axes) return dims.map(() => null);
  const steps = ints(node, 4, facts) ?? (node.inputs[4] ? undefined : axes.map(() => 1));
  return replaced(dims, axes, (size, i) => {
    const [start, end, step] = [starts?.[i], ends?.[i], steps?.[i]];
    if (typeof size !== "number" || start === undefined || end === undefined || !step || step < 0) return null;
    const at = (position: number) => Math.min(Math.max(position < 0 ? position + size : position, 0), size);
    return Math.max(0, Math.ceil((at(end) - at(start)) / step));
  });
};

const transpose: ShapeRule = (node, facts) => {
  const dims = facts.dims(node.inputs[0]!);
  const perm = intsAttribute(node, "perm");
  if (!perm) return dims?.toReversed();
  return perm.map((axis) => dims?.[axis] ?? null);
};

const reshape: ShapeRule = (node, facts) => {
  const dims = facts.dims(node.inputs[0]!);
  const target = facts.sizesIn(node.inputs[1] ?? "");
  if (!target) return rankOf(node, 1, facts);
  const keep = intAttribute(node, "allowzero", 0) === 0;
  const known = target.map((size, axis) => (size === 0 && keep ? (dims?.[axis] ?? null) : size === -1 ? null : size));
  const free = target.indexOf(-1);
  const total = product(dims ?? [null]);
  const rest = product(known.filter((_, axis) => axis !== free));
  if (free >= 0 && total !== null && rest) known[free] = total / rest;
  return known;
};

const flatten: ShapeRule = (node, facts) => {
  const dims = facts.dims(node.inputs[0]!);
  if (!dims) return [null, null];
  const axis = fromEnd(intAttribute(node, "axis", 1), dims.length);
  return [product(dims.slice(0, axis)), product(dims.slice(axis))];
};

const squeeze: ShapeRule = (node, facts) => {
  const dims = facts.dims(node.inputs[0]!);
  const axes = ints(node, 1, facts);
  if (!dims || !axes) return undefined;
  const gone = new Set(axes.map((axis) => fromEnd(axis, dims.length)));
  return dims.filter((_, axis) => !gone.has(axis));
};

const unsqueeze: ShapeRule = (node, facts) => {
  const dims = facts.dims(node.inputs[0]!);
  const axes = ints(node, 1, facts);
  if (!dims || !axes) return undefined;
  const rank = dims.length + axes.length;
  const added = new Set(axes.map((axis) => fromEnd(axis, rank)));
  let next = 0;
  return Array.from({ length: rank }, (_, axis) => (added.has(axis) ? 1 : (dims[next++] ?? null)));
};

const gather: ShapeRule = (node, facts) => {
  const dims = facts.dims(node.inputs[0]!);
  const indices = facts.dims(node.inputs[1]!);
  if (!dims || !indices) return undefined;
  const axis = fromEnd(intAttribute(node, "axis", 0), dims.length);
  return [...dims.slice(0, axis), ...indices, ...dims.slice(axis + 1)];
};

const resize: ShapeRule = (node, facts) => {
  const dims = facts.dims(node.inputs[0]!);
  const scalesProto = facts.constant(node.inputs[2] ?? "");
  const scales = scalesProto?.dataType === DataType.FLOAT ? floatsOf(scalesProto) : undefined;
  if (!dims || intsAttribute(node, "axes")) return dims?.map(() => null);
  if (scales?.length !== dims.length) return ints(node, 3, facts) ?? dims.map(() => null);
  return dims.map((dim, axis) => {
    if (typeof dim === "number") return Math.floor(dim * scales[axis]!);
    return scales[axis] === 1 ? dim : `scale/${dim}/${scales[axis]}`;
  });
};

const matmul: ShapeRule = (node, facts) => {
  const a = facts.dims(node.inputs[0]!);
  const b = facts.dims(node.inputs[1]!);
  if (!a?.length || !b?.length) return undefined;
  const batch = broadcastDims(a.slice(0, -2), b.slice(0, -2));
  return [...batch, ...(a.length > 1 ? [a.at(-2)!] : []), ...(b.length > 1 ? [b.at(-1)!] : [])];
};

const gemm: ShapeRule = (node, facts) => {
  const a = facts.dims(node.inputs[0]!);
  const b = facts.dims(node.inputs[1]!);
  return [a?.[intAttribute(node, "transA", 0) ? 1 : 0] ?? null, b?.[intAttribute(node, "transB", 0) ? 0 : 1] ?? null];
};

const reduce: ShapeRule = (node, facts) => {
  const dims = facts.dims(node.inputs[0]!);
  const axes = ints(node, 1, facts) ?? (node.inputs[1] ? undefined : []);
  if (!dims) return undefined;
  const keep = intAttribute(node, "keepdims", 1) !== 0;
  if (!axes) return keep ? dims.map(() => null) : undefined;
  if (axes.length === 0 && intAttribute(node, "noop_with_empty_axes", 0) !== 0) return dims;
  const gone = new Set(axes.length === 0 ? dims.keys() : axes.map((axis) => fromEnd(axis, dims.length)));
  return keep ? dims.map((dim, axis) => (gone.has(axis) ? 1 : dim)) : dims.filter((_, axis) => !gone.has(axis));
};

const pad: ShapeRule = (node, facts) => {
  const dims = facts.dims(node.inputs[0]!);
  const pads = ints(node, 1, facts);
  const axes = node.inputs[3] ? ints(node, 3, facts) : dims && [...dims.keys()];
  if (!dims || !pads || pads.length !== 2 * (axes?.length ?? 0)) return dims?.map(() => null);
  return replaced(dims, axes!, (size, i) => {
    const added = pads[i]! + pads[i + axes!.length]!;
    return typeof size === "number" ? size + added : added === 0 ? size : null;
  });
};

const tile: ShapeRule = (node, facts) => {
  const dims = facts.dims(node.inputs[0]!);
  const repeats = facts.sizesIn(node.inputs[1] ?? "");
  return dims?.map((size, axis) => {
    const times = repeats?.[axis];
    if (times === 1) return size;
    return typeof size === "number" && typeof times === "number" ? size * times : null;
  });
};

const topK: ShapeRule = (node, facts) => {
  const dims = facts.dims(node.inputs[0]!);
  const k = ints(node, 1, facts)?.[0] ?? null;
  return dims && replaced(dims, [intAttribute(node, "axis", -1)], () => k);
};

const gridSample: ShapeRule = (node, facts) => {
  const x = facts.dims(node.inputs[0]!);
  const grid = facts.dims(node.inputs[1]!);
  return x && grid && [...x.slice(0, 2), ...grid.slice(1, -1)];
};

const sameRank: ShapeRule = (node, facts) => facts.dims(node.inputs[0]!)?.map(() => null);

/** Unknown dims of a known rank: the number of entries of the int64 vector `input`. */
function rankOf(node: Node, input: number, facts: SizeSource): Inferred | undefined {
  const rank = facts.dims(node.inputs[input] ?? "")?.[0];
  return typeof rank === "number" && rank <= MAX_RANK ? Array(rank).fill(null) : undefined;
}

function ints(node: Node, input: number, facts: SizeSource): readonly number[] | undefined {
  return knownInts(node.inputs[input] ?? "", facts);
}

function replaced(
  dims: Known,
  axes: readonly number[],
  size: (dim: StaticDim, i: number) => StaticDim | null,
): Inferred {
  const result: (StaticDim | null)[] = [...dims];
  axes.forEach((axis, i) => {
    const position = fromEnd(axis, dims.length);
    const dim = dims[position];
    if (dim !== undefined) result[position] = size(dim, i);
  });
  return result;
}

function fromEnd(axis: number, rank: number): number {
  return axis < 0 ? axis + rank : axis;
}

function product(dims: Inferred): number | null {
  return dims.reduce<number | null>((all, dim) => (all !== null && typeof dim === "number" ? all * dim : null), 1);
}

const SAME_SHAPE = [
  ...["Sigmoid", "Tanh", "Relu", "LeakyRelu", "PRelu", "Elu", "Celu", "Selu", "HardSigmoid", "HardSwish", "Softplus"],
  ...["Softsign", "Mish", "Gelu", "Swish", "Erf", "Clip", "Exp", "Log", "Sqrt", "Reciprocal", "Neg", "Abs", "Sin"],
  ...[
    "Cos",
    "Tan",
    "Floor",
    "Ceil",
    "Round",
    "Sign",
    "Identity",
    "Cast",
    "CastLike",
    "Dropout",
    "Not",
    "IsNaN",
    "IsInf",
    "Atan",
    "Trilu",
  ],
  ...["BatchNormalization", "InstanceNormalization", "LayerNormalization", "LRN", "LpNormalization", "CumSum"],
  ...["GroupNormalization", "RMSNormalization", "QuantizeLinear", "DequantizeLinear", "ScatterND", "ScatterElements"],
  ...["Softmax", "LogSoftmax", "Hardmax"],
];
const BROADCAST = [
  ...["Add", "Sub", "Mul", "Div", "Pow", "Mod", "Min", "Max", "Sum", "Mean", "Where"],
  ...["Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual", "And", "Or", "Xor"],
];
const REDUCE = ["Sum", "Mean", "Max", "Min", "Prod", "L1", "L2", "SumSquare", "LogSum", "LogSumExp"];

const expand: ShapeRule = (node, facts) => {
  const x = facts.dims(node.inputs[0]!);
  const target = facts.sizesIn(node.inputs[1] ?? "");
  if (!x) return undefined;
  if (target) return broadcastDims(x, target);
  const rank = rankOf(node, 1, facts);
  return rank && (rank.length > x.length ? rank : x.map(() => null));
};

const filled: ShapeRule = (node, facts) => facts.sizesIn(node.inputs[0] ?? "") ?? rankOf(node, 0, facts);

const RULES: ReadonlyMap<string, ShapeRule> = new Map<string, ShapeRule>([
  ...SAME_SHAPE.map((op) => [op, first] as const),
  ...BROADCAST.map((op) => [op, broadcast] as const),
  ...REDUCE.map((op) => [`Reduce${op}`, reduce] as const),
  ["Conv", conv],
  ["Range", () => [null]],
  ["Expand", expand],
  ["ConstantOfShape", filled],
  ["MaxPool", pool],
  ["AveragePool", pool],
  ["GlobalAveragePool", globalPool],
  ["GlobalMaxPool", globalPool],
  ["ConvTranspose", convTranspose],
  ["Pad", pad],
  ["Concat", concat],
  ["Split", split],
  ["Slice", slice],
  ["Transpose", transpose],
  ["Reshape", reshape],
  ["Flatten", flatten],
  ["Squeeze", squeeze],
  ["Unsqueeze", unsqueeze],
  ["Gather", gather],
  // Data and indices have the same rank.
  ["GatherElements", (node, facts) => facts.dims(node.inputs[1]!) ?? sameRank(node, facts, 0)],
  ["GridSample", gridSample],
  ["TopK", topK],
  ["Tile", tile],
  ["Resize", resize],
  ["MatMul", matmul],
  ["Gemm", gemm],
  [
    "Shape",
    (node, facts) => [
      node.attributes.has("start") || node.attributes.has("end") ? null : (facts.dims(node.inputs[0]!)?.length ?? null),
    ],
  ],
]);
