import { type AttributeLiteral, intAttribute } from "../../onnx/attributes.js";
import type { GradRule, VjpContext } from "../rule.js";
import { join, product, seededShape, zerosOf } from "./axes.js";
import { type Window, windowOf } from "./window.js";

/**
 * Gradient of MaxPool: the first maximum of each window in row-major order gets all, as in PyTorch. The pool runs again
 * with its Indices output (ONNX Runtime's CPU kernel keeps the first of equal values), then values are added up there.
 */
export const maxPoolRule: GradRule = {
  op: "MaxPool",
  unsupported: unsupportedPool,
  vjp(cx) {
    const { build } = cx;
    const x = cx.input(0);
    const g = cx.cotangent(0)!;
    const indices = build.ops("MaxPool", [x], 2, poolAttributes(cx, windowOf(cx)))[1]!;
    // Indices count through the whole tensor, batch and channels included; seeds share them.
    const flat = cx.op("Reshape", [g, build.ints(cx.manySeeds ? [0, -1] : [1, -1])]);
    const row = cx.op("Reshape", [indices, build.ints([1, -1])]);
    const flatShape = cx.op("Shape", [flat]);
    const places = cx.manySeeds ? cx.op("Expand", [row, flatShape]) : row;
    const seeds = cx.op("Shape", [flat], { start: 0, end: 1 });
    const zeros = zerosOf(cx, join(cx, seeds, product(cx, cx.shape(x))));
    const dx = cx.op("ScatterElements", [zeros, places, flat], { axis: 1, reduction: "add" });
    return [cx.reshapeLike(dx, x)];
  },
};

/** Gradient of GlobalMaxPool: the first maximum in row-major order gets all. */
export const globalMaxPoolRule: GradRule = {
  op: "GlobalMaxPool",
  vjp(cx) {
    const { build } = cx;
    const x = cx.input(0);
    const rows = build.ints([0, 0, -1]);
    const best = cx.op("ArgMax", [cx.op("Reshape", [x, rows])], { axis: 2, keepdims: 1, select_last_index: 0 });
    const g = cx.op("Reshape", [cx.cotangent(0)!, rows]);
    const zeros = cx.op("Reshape", [zerosOf(cx, seededShape(cx, x, g)), rows]);
    const places = cx.op("Expand", [best, cx.op("Shape", [g])]);
    return [cx.reshapeLike(cx.op("ScatterElements", [zeros, places, g], { axis: 2 }), x)];
  },
};

/** Reasons why a MaxPool node has no gradient here. */
export function unsupportedPool(node: Parameters<NonNullable<GradRule["unsupported"]>>[0]): string | undefined {
  const column = intAttribute(node, "storage_order", 0) !== 0 && (node.outputs[1] ?? "") !== "";
  return column ? "storage_order 1 (column-major Indices) is not covered" : undefined;
}

/** The node's own pooling with every default written out. */
export function poolAttributes(cx: VjpContext, window: Window): Record<string, AttributeLiteral> {
  const shared = { kernel_shape: window.kernel, strides: window.strides, dilations: window.dilations };
  const ceil_mode = intAttribute(cx.node, "ceil_mode", 0);
  const { pads, autoPad } = window;
  return pads === undefined
    ? { ...shared, ceil_mode, auto_pad: autoPad }
    : { ...shared, ceil_mode, pads: [...pads.begin, ...pads.end] };
}
