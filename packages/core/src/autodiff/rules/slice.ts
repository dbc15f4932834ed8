import { WhyboxError } from "../../errors.js";
import type { Value } from "../../onnx/builder.js";
import type { GradRule, VjpContext } from "../rule.js";
import { constantInts, countTo, fromFront, hasInput, padBy, range, refuseAxisZero, sizeAt } from "./axes.js";
import { placeAlong } from "./scatter.js";

const INT32_MAX = 2 ** 31 - 1;

/**
 * Gradient of Slice: entries outside the slice get zeros. With steps of 1 this is one Pad whose amounts are computed in the graph.
 * With other steps (also negative ones) the entries are placed axis by axis.
 * @throws no-gradient when steps or axes are computed in the graph.
 */
export const sliceRule: GradRule = {
  op: "Slice",
  differentiable: () => [0],
  vjp(cx) {
    const starts = constantInts(cx, 1);
    const axes = constantList(cx, 3, starts && range(0, starts.length), "axes");
    const steps = constantList(
      cx,
      4,
      axes.map(() => 1),
      "steps",
    );
    const cuts = axes.map((axis, i) => ({ axis, i, step: steps[i]! })).filter((cut) => !isWhole(cx, cut));
    refuseAxisZero(
      cx,
      cuts.map((cut) => cut.axis),
      cx.input(0),
    );
    let dx = cx.cotangent(0)!;
    const strided = cuts.filter((cut) => cut.step !== 1);
    for (const cut of strided) dx = placed(cx, dx, cut);
    const plain = cuts.filter((cut) => cut.step === 1);
    if (plain.length > 0) dx = padded(cx, dx, plain);
    return [dx, ...cx.node.inputs.slice(1).map(() => null)];
  },
};

interface Cut {
  readonly axis: number;
  /** Index into starts, ends, axes and steps. */
  readonly i: number;
  readonly step: number;
}

/** True for `:` along an axis, as exporters write it: from 0 to a very large end. */
function isWhole(cx: VjpContext, cut: Cut): boolean {
  const end = constantInts(cx, 2)?.[cut.i];
  return cut.step === 1 && constantInts(cx, 1)?.[cut.i] === 0 && end !== undefined && end >= INT32_MAX;
}

function padded(cx: VjpContext, g: Value, cuts: readonly Cut[]): Value {
  const { build } = cx;
  const axes = build.ints(cuts.map((cut) => cut.axis));
  const sizes = cx.op("Gather", [cx.shape(cx.input(0)), axes]);
  const begins = firstEntries(cx, cuts, sizes);
  const kept = cx.op("Gather", [cx.op("Shape", [g]), axes]);
  const ends = cx.op("Sub", [sizes, cx.op("Add", [begins, kept])]);
  return padBy(cx, g, begins, ends, { axes: cuts.map((cut) => cut.axis), rank: rankOf(cx) });
}

/** Of what is sliced; undefined when it is not known beforehand. */
function rankOf(cx: VjpContext): number | undefined {
  return cx.staticDims(cx.input(0))?.length;
}

/** The starts as entries counted from the front and clamped to the axis, as Slice means them. */
function firstEntries(cx: VjpContext, cuts: readonly Cut[], sizes: Value): Value {
  const { build } = cx;
  const zero = build.ints([0]);
  const known = constantInts(cx, 1);
  if (known && cuts.every((cut) => known[cut.i]! >= 0)) {
    return cx.op("Min", [build.ints(cuts.map((cut) => known[cut.i]!)), sizes]);
  }
  const starts = cx.op("Gather", [wide(cx, 1), build.ints(cuts.map((cut) => cut.i))]);
  const front = cx.op("Where", [cx.op("Less", [starts, zero]), cx.op("Add", [starts, sizes]), starts]);
  return cx.op("Max", [cx.op("Min", [front, sizes]), zero]);
}

/** Slices 0 … D−1 in the same way: the result is the index of each kept entry. */
function placed(cx: VjpContext, g: Value, cut: Cut): Value {
  const { build } = cx;
  const size = sizeAt(cx, cx.shape(cx.input(0)), cut.axis);
  const entry = (input: number): Value => cx.op("Gather", [wide(cx, input), build.ints([cut.i])]);
  const kept = cx.op("Slice", [countTo(cx, size), entry(1), entry(2), build.ints([0]), build.ints([cut.step])]);
  return placeAlong(cx, g, kept, { axis: cut.axis, rank: rankOf(cx) }, size);
}

/** Input `i` as int64 (starts and ends may be int32). */
function wide(cx: VjpContext, i: number): Value {
  const known = constantInts(cx, i);
  return known ? cx.build.ints(known) : cx.op("Cast", [cx.input(i)], { to: 7 });
}

function constantList(
  cx: VjpContext,
  i: number,
  fallback: readonly number[] | undefined,
  what: string,
): readonly number[] {
  const known = hasInput(cx, i) ? constantInts(cx, i) : fallback;
  if (known !== undefined)
    return known.map((axis) => (what === "axes" ? (fromFront(cx, axis, cx.input(0)) ?? axis) : axis));
  const { node } = cx;
  throw new WhyboxError(
    "no-gradient",
    `Node "${node.name}" (Slice): the gradient needs constant ${what}, found computed ones. Export the model with constant ${what}, ` +
      "choose a layer behind this node, or use a gradient-free method.",
    { details: { node: node.name, op: "Slice" } },
  );
}
