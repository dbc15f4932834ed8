import { intAttribute, intsAttribute, tensorAttribute } from "../attributes.js";
import { DataType, type Node } from "../model.js";
import { intsOf } from "../tensors.js";
import type { FactSource, StaticDim } from "./static-dims.js";

/** The entries of an integer tensor that holds sizes, in row-major order; null for those that are not known. */
export type Sizes = readonly (StaticDim | null)[];

export interface SizeSource extends FactSource {
  /** What is known of the entries of a small integer tensor, constant or computed from shapes. */
  sizesIn(value: string): Sizes | undefined;
}

type SizeRule = (node: Node, facts: SizeSource) => Sizes | undefined;

/** Maximum rank of a tensor in a valid model. It limits what a hostile file can allocate. */
export const MAX_RANK = 64;

/**
 * The entries of the output of a node that computes sizes from shapes, as in `Reshape(x, Concat(Gather(Shape(x), 0), …))`, or amounts of padding.
 * Undefined for other nodes.
 */
export function inferSizes(node: Node, facts: SizeSource): Sizes | undefined {
  if (node.domain !== "") return undefined;
  const sizes = RULES.get(node.opType)?.(node, facts);
  return sizes && sizes.length <= 2 * MAX_RANK ? sizes.map(exact) : undefined;
}

/** Null for a number that is not exact. */
function exact(size: StaticDim | null): StaticDim | null {
  return typeof size === "number" && !Number.isSafeInteger(size) ? null : size;
}

/** The integers of a constant, or of a value whose entries all are known. */
export function knownInts(value: string, facts: SizeSource): readonly number[] | undefined {
  const proto = facts.constant(value);
  if (proto) return isInteger(proto.dataType) && proto.external === undefined ? intsOf(proto) : undefined;
  const sizes = facts.sizesIn(value);
  return sizes?.every((size) => typeof size === "number") ? sizes : undefined;
}

function isInteger(type: number): boolean {
  return type === DataType.INT64 || type === DataType.INT32;
}

/** For ops that keep the entries and their order. */
const same: SizeRule = (node, facts) => facts.sizesIn(node.inputs[0] ?? "");

const shape: SizeRule = (node, facts) =>
  facts
    .dims(node.inputs[0] ?? "")
    ?.slice(intAttribute(node, "start", 0), node.attributes.has("end") ? intAttribute(node, "end", 0) : undefined);

/** A rule that holds for vectors and scalars only. */
function ofVectors(rule: SizeRule): SizeRule {
  return (node, facts) => {
    const isVector = (value: string) => (facts.dims(value)?.length ?? MAX_RANK) <= 1;
    return [...node.inputs, ...node.outputs].every(isVector) ? rule(node, facts) : undefined;
  };
}

const gather = ofVectors((node, facts) => {
  const data = facts.sizesIn(node.inputs[0] ?? "");
  const indices = knownInts(node.inputs[1] ?? "", facts);
  return data && indices?.map((index) => data.at(index) ?? null);
});

const concat = ofVectors((node, facts) => {
  const parts = node.inputs.map((input): Sizes | undefined => {
    const length = facts.dims(input)?.[0];
    const isShort = typeof length === "number" && length <= MAX_RANK;
    return facts.sizesIn(input) ?? (isShort ? Array(length).fill(null) : undefined);
  });
  return parts.every((part) => part !== undefined) ? parts.flat() : undefined;
});

/** A vector of equal entries. */
const filled: SizeRule = (node, facts) => {
  const fill = tensorAttribute(node, "value");
  const [length, ...more] = knownInts(node.inputs[0] ?? "", facts) ?? [];
  const isShort = length !== undefined && length >= 0 && length <= MAX_RANK && more.length === 0;
  return isShort && fill && isInteger(fill.dataType) ? Array(length).fill(intsOf(fill)[0] ?? null) : undefined;
};

/** The rows of a matrix. A vector counts as a matrix of one column. */
function rowsOf(value: string, facts: SizeSource): Sizes[] | undefined {
  const sizes = facts.sizesIn(value);
  const dims = facts.dims(value);
  const width = dims?.length === 1 ? 1 : dims?.[1];
  if (!sizes || !dims || dims.length > 2 || typeof width !== "number" || width < 1) return undefined;
  return Array.from({ length: sizes.length / width }, (_, row) => sizes.slice(row * width, (row + 1) * width));
}

/** Some rows in their order, or all rows in the opposite order: PyTorch computes amounts of padding so. */
const slice: SizeRule = (node, facts) => {
  const rows = rowsOf(node.inputs[0] ?? "", facts);
  const [start, end, axis = 0, step = 1] = [1, 2, 3, 4].map((i) => only(knownInts(node.inputs[i] ?? "", facts)));
  const isKnown = [3, 4].every((i) => !node.inputs[i] || knownInts(node.inputs[i], facts));
  if (!rows || !isKnown || start === undefined || end === undefined || axis !== 0) return undefined;
  if (step === 1) return rows.slice(start, end).flat();
  return step === -1 && start === -1 && end <= -rows.length - 1 ? rows.toReversed().flat() : undefined;
};

function only(list: readonly number[] | undefined): number | undefined {
  return list?.length === 1 ? list[0] : undefined;
}

const transpose: SizeRule = (node, facts) => {
  const rows = rowsOf(node.inputs[0] ?? "", facts);
  const isSwap = facts.dims(node.inputs[0] ?? "")?.length === 2 && intsAttribute(node, "perm")?.[0] !== 0;
  return isSwap ? rows?.[0]?.flatMap((_, column) => rows.map((row) => row[column]!)) : undefined;
};

/** `compute` for numbers. A symbol stays with the neutral element on its right, or on either side if the op commutes. */
function arithmetic(compute: (a: number, b: number) => number, neutral: number, commutes: boolean): SizeRule {
  const entry = (a: StaticDim | null, b: StaticDim | null): StaticDim | null => {
    if (typeof a === "number" && typeof b === "number") return compute(a, b);
    if (b === neutral) return a;
    return commutes && a === neutral ? b : null;
  };
  return ofVectors((node, facts) => {
    const [a, b] = [0, 1].map((i) => facts.sizesIn(node.inputs[i] ?? ""));
    if (!a || !b || (a.length !== b.length && a.length !== 1 && b.length !== 1)) return undefined;
    const length = a.length === 1 ? b.length : a.length;
    return Array.from({ length }, (_, i) => entry(a[a.length === 1 ? 0 : i]!, b[b.length === 1 ? 0 : i]!));
  });
}

const RULES: ReadonlyMap<string, SizeRule> = new Map<string, SizeRule>([
  ["Shape", shape],
  ["Identity", same],
  ["Squeeze", same],
  ["Unsqueeze", same],
  ["Reshape", same],
  ["Cast", (node, facts) => (isInteger(intAttribute(node, "to", 0)) ? same(node, facts) : undefined)],
  ["ConstantOfShape", filled],
  ["Gather", gather],
  ["Concat", concat],
  ["Slice", slice],
  ["Transpose", transpose],
  ["Add", arithmetic((a, b) => a + b, 0, true)],
  ["Sub", arithmetic((a, b) => a - b, 0, false)],
  ["Mul", arithmetic((a, b) => a * b, 1, true)],
  ["Div", arithmetic((a, b) => Math.trunc(a / b), 1, false)],
]);
