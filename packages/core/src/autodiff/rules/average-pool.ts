import { type AttributeLiteral, intAttribute } from "../../onnx/attributes.js";
import type { Value } from "../../onnx/builder.js";
import { sizeOf } from "../../tensor/tensor.js";
import type { GradRule, VjpContext } from "../rule.js";
import { join, onesOf, padBy, part, product } from "./axes.js";
import { beginPads, channelsToBatch, covered, cutToInput, spatialAxes, type Window, windowOf } from "./window.js";

/**
 * Gradient of AveragePool: every entry of a window gets g / (number of entries counted in it). A ConvTranspose with a
 * kernel of ones on single channels sums them.
 */
export const averagePoolRule: GradRule = {
  op: "AveragePool",
  vjp(cx) {
    const x = cx.input(0);
    const g = cx.cotangent(0)!;
    const window = windowOf(cx);
    const begin = beginPads(cx, window, x, g);
    const share = channelsToBatch(cx, cx.op("Div", [g, windowCounts(cx, window, g, begin)]));
    const full = cx.op("ConvTranspose", [share, onesKernel(cx, window)], sliding(window));
    return [cx.reshapeLike(cutToInput(cx, window, full, x, begin), x)];
  },
};

/** Gradient of GlobalAveragePool: g / (spatial entries), everywhere. */
export const globalAveragePoolRule: GradRule = {
  op: "GlobalAveragePool",
  vjp(cx) {
    const x = cx.input(0);
    const g = cx.cotangent(0)!;
    const entries = product(cx, part(cx, cx.shape(x), 2));
    const share = cx.op("Div", [g, cx.op("CastLike", [entries, g])]);
    return [cx.op("Expand", [share, cx.seededShape(x)])];
  },
};

/** The divisor of each window: a scalar, or a map [1, 1, out…]. */
function windowCounts(cx: VjpContext, window: Window, g: Value, begin: Value): Value {
  const { build } = cx;
  const counted = intAttribute(cx.node, "count_include_pad", 0) === 1;
  const ceil = intAttribute(cx.node, "ceil_mode", 0) === 1;
  const { pads } = window;
  const padded = pads === undefined || [...pads.begin, ...pads.end].some((pad) => pad > 0);
  // With auto_pad SAME every window lies inside the padded input. With ceil_mode the last window may exceed it.
  if (counted ? !ceil || pads === undefined : !ceil && !padded) return build.float(sizeOf(window.kernel));
  const size = part(cx, cx.shape(cx.input(0)), 2);
  const whole = counted && pads !== undefined;
  const before = whole ? build.ints(pads.begin.map(() => 0)) : begin;
  const length = whole ? cx.op("Add", [size, build.ints(pads.begin.map((b, i) => b + pads.end[i]!))]) : size;
  const after = cx.op("Sub", [covered(cx, window, g), cx.op("Add", [before, length])]);
  // Ones where entries count, zeros elsewhere. A Conv with ones counts them.
  const ones = onesOf(cx, join(cx, build.ints([1, 1]), length));
  const field = padBy(cx, ones, before, after, spatialAxes(window));
  return cx.op("Conv", [field, onesKernel(cx, window)], sliding(window));
}

function onesKernel(cx: VjpContext, window: Window): Value {
  return cx.build.floats([1, 1, ...window.kernel], new Float32Array(sizeOf(window.kernel)).fill(1));
}

/** The window over single channels, without padding. */
function sliding(window: Window): Record<string, AttributeLiteral> {
  return {
    kernel_shape: window.kernel,
    strides: window.strides,
    dilations: window.dilations,
    pads: [...window.kernel, ...window.kernel].fill(0),
    group: 1,
  };
}
