import { intAttribute, stringAttribute } from "../../onnx/attributes.js";
import type { Value } from "../../onnx/builder.js";
import { DataType, type Node } from "../../onnx/model.js";
import type { FactSource } from "../../onnx/shapes/static-dims.js";
import type { GradRule, VjpContext } from "../rule.js";
import { join, part, product, sizeAt, zerosOf } from "./axes.js";
import { mask } from "./mask.js";

/**
 * Gradient of GridSample of images, X [N, C, H, W] sampled at grid [N, h, w, 2]. Linear: to X and to the grid; nearest: to X (the
 * grid's is zero). Padding with zeros or the border. Where the derivative by the grid is discontinuous, its value is PyTorch's: at a pixel's
 * centre that of the right (lower) side, and with border padding zero at and outside the border.
 */
export const gridSampleRule: GradRule = {
  op: "GridSample",
  differentiable: (node) => (modeOf(node) === "nearest" ? [0] : [0, 1]),
  unsupported,
  vjp(cx) {
    const rows = cx.op("Reshape", [cx.cotangent(0)!, cx.build.ints([0, 0, -1])]); // [N, C, P], P = h · w
    const sampled = { down: samplesAlong(cx, "down"), across: samplesAlong(cx, "across") };
    return [
      cx.wants(0) ? cx.reshapeLike(scattered(cx, rows, sampled), cx.input(0)) : null,
      cx.wants(1) ? cx.reshapeLike(gridSlopes(cx, rows, sampled), cx.input(1)) : null,
    ];
  },
};

/** A pixel beside each sample, along one axis: [N, 1, P] each. */
interface Neighbour {
  /** int64, inside the image. */
  readonly index: Value;
  /** The pixel's weight in the sample; 0 outside the image. */
  readonly weight: Value;
  /** Derivative of the weight by the grid; 0 outside the image. */
  readonly slope: Value;
}

interface Sampled {
  readonly down: readonly Neighbour[];
  readonly across: readonly Neighbour[];
}

function samplesAlong(cx: VjpContext, direction: "down" | "across"): Neighbour[] {
  const { build, node } = cx;
  const [one, half] = [build.float(1), build.float(0.5)];
  const size = cx.op("Cast", [sizeAt(cx, cx.shape(cx.input(0)), direction === "down" ? 2 : 3)], { to: DataType.FLOAT });
  const last = cx.op("Sub", [size, one]);
  const aligned = intAttribute(node, "align_corners", 0) !== 0;
  const perUnit = cx.op("Mul", [aligned ? last : size, half]);
  const coordinate = cx.op("Gather", [cx.input(1), build.int(direction === "down" ? 1 : 0)], { axis: 3 });
  const row = cx.op("Reshape", [coordinate, build.ints([0, 1, -1])]);
  // The same steps as in ONNX Runtime and PyTorch, so that a position close to a centre falls on the same side of it.
  const from = cx.op("Add", [row, one]);
  const free = aligned
    ? cx.op("Mul", [cx.op("Mul", [from, half]), last])
    : cx.op("Mul", [cx.op("Sub", [cx.op("Mul", [from, size]), one]), half]);
  const border = stringAttribute(node, "padding_mode", "zeros") === "border";
  const position = border ? cx.op("Max", [cx.op("Min", [free, last]), build.float(0)]) : free;
  const moves = border ? cx.op("Mul", [perUnit, mask(cx, between(cx, "Less", free, last))]) : perUnit;
  const neighbour = (pixel: Value, weight: Value | undefined, slope: Value): Neighbour => {
    const valid = mask(cx, between(cx, "LessOrEqual", pixel, last));
    const inside = cx.op("Max", [cx.op("Min", [pixel, last]), build.float(0)]);
    return {
      index: cx.op("Cast", [inside], { to: DataType.INT64 }),
      weight: weight === undefined ? valid : cx.op("Mul", [weight, valid]),
      slope: cx.op("Mul", [slope, valid]),
    };
  };
  if (modeOf(node) === "nearest") return [neighbour(cx.op("Round", [position]), undefined, moves)];
  const first = cx.op("Floor", [position]);
  const rest = cx.op("Sub", [position, first]);
  return [
    neighbour(first, cx.op("Sub", [one, rest]), cx.op("Neg", [moves])),
    neighbour(cx.op("Add", [first, one]), rest, moves),
  ];
}

/** 0 < value < last, or with the bounds. */
function between(cx: VjpContext, compare: "Less" | "LessOrEqual", value: Value, last: Value): Value {
  return cx.op("And", [cx.op(compare, [cx.build.float(0), value]), cx.op(compare, [value, last])]);
}

/** The neighbours of each sample in the image: index along H · W, and the two axes' neighbours. */
function corners(cx: VjpContext, { down, across }: Sampled) {
  const width = sizeAt(cx, cx.shape(cx.input(0)), 3);
  return down.flatMap((v) =>
    across.map((h) => ({ v, h, index: cx.op("Add", [cx.op("Mul", [v.index, width]), h.index]) })),
  );
}

/** [N, C, H · W]: each sample's cotangent is distributed to the pixels around it. */
function scattered(cx: VjpContext, rows: Value, sampled: Sampled): Value {
  const all = corners(cx, sampled);
  const shares = all.map(({ v, h }) => cx.op("Mul", [rows, cx.op("Mul", [v.weight, h.weight])]));
  const values = shares.length === 1 ? shares[0]! : cx.op("Concat", shares, { axis: 2 });
  const places =
    all.length === 1
      ? all[0]!.index
      : cx.op(
          "Concat",
          all.map(({ index }) => index),
          { axis: 2 },
        );
  const shape = cx.seededShape(cx.input(0));
  const zeros = zerosOf(cx, join(cx, part(cx, shape, 0, 2), product(cx, part(cx, shape, 2))));
  const indices = cx.op("Expand", [places, cx.op("Shape", [values])]);
  return cx.op("ScatterElements", [zeros, indices, values], { axis: 2, reduction: "add" });
}

/** [N, P, 2]: the derivative of the samples by their position, times the cotangent, summed over the channels. */
function gridSlopes(cx: VjpContext, rows: Value, sampled: Sampled): Value {
  const { build } = cx;
  const x = cx.input(0);
  const pixels = cx.op("Reshape", [x, build.ints([0, 0, -1])]);
  const all = corners(cx, sampled).map(({ v, h, index }) => {
    const shape = join(cx, part(cx, cx.shape(x), 0, 2), cx.op("Shape", [index], { start: 2 }));
    return { v, h, value: cx.op("GatherElements", [pixels, cx.op("Expand", [index, shape])], { axis: 2 }) };
  });
  const slope = (factors: readonly Value[]): Value => {
    const sum = cx.op(
      "Sum",
      all.map(({ value }, i) => cx.op("Mul", [value, factors[i]!])),
    );
    return cx.op("ReduceSum", [cx.op("Mul", [rows, sum]), build.ints([1])], { keepdims: 1 });
  };
  const byX = slope(all.map(({ v, h }) => cx.op("Mul", [v.weight, h.slope])));
  const byY = slope(all.map(({ v, h }) => cx.op("Mul", [v.slope, h.weight])));
  return cx.op("Transpose", [cx.op("Concat", [byX, byY], { axis: 1 })], { perm: [0, 2, 1] });
}

function modeOf(node: Node): string {
  return stringAttribute(node, "mode", "linear");
}

function unsupported(node: Node, facts: FactSource): string | undefined {
  if (modeOf(node) === "cubic") return "mode is cubic (linear and nearest are supported)";
  const padding = stringAttribute(node, "padding_mode", "zeros");
  if (padding !== "zeros" && padding !== "border") return `padding_mode is ${padding} (zeros and border are supported)`;
  const rank = facts.dims(node.inputs[0]!)?.length ?? facts.dims(node.inputs[1]!)?.length;
  if (rank === 4) return undefined;
  return rank === undefined
    ? "the rank of its input is not known"
    : `its input has rank ${rank}, and only images are supported`;
}
