import { intAttribute } from "../../onnx/attributes.js";
import type { Value } from "../../onnx/builder.js";
import type { Node } from "../../onnx/model.js";
import type { GradRule, VjpContext } from "../rule.js";
import { join, product, zerosOf } from "./axes.js";
import { maxPoolWithoutIndices } from "./max-pool-without-indices.js";
import { alongAxes, poolOnce, windowOf } from "./window.js";

/** With more comparisons per entry than this, indices are cheaper for a single seed too. */
const FEW_TAPS = 32;

/**
 * Gradient of MaxPool: the first maximum of each window in row-major order gets everything, as in PyTorch. A pool of stride 1 (SPPF)
 * with one seed uses comparisons, which run in parallel and need no indices. All others use indices.
 */
export const maxPoolRule: GradRule = {
  op: "MaxPool",
  unsupported: (node) => (columnMajor(node) ? "storage_order 1 (column-major Indices) is not supported" : undefined),
  vjp(cx) {
    const { kernel, strides } = windowOf(cx);
    const few = kernel.reduce((sum, k) => sum + k, 0) <= FEW_TAPS;
    const compare = few && !cx.manySeeds && strides.every((stride) => stride === 1);
    return (compare ? maxPoolWithoutIndices : maxPoolWithIndices).vjp(cx);
  },
};

/**
 * The same gradient with the Indices output of MaxPool, whose CPU kernel keeps the first of equal values. Cost: the pool with
 * indices (slow: one axis at a time takes k + k steps a window instead of k · k), then one ScatterElements for all seeds.
 */
export const maxPoolWithIndices: GradRule = {
  op: "MaxPool",
  vjp(cx) {
    const { build } = cx;
    const x = cx.input(0);
    const g = cx.cotangent(0)!;
    // Indices count over the whole tensor, including batch and channels. All seeds share them.
    const flat = cx.op("Reshape", [g, build.ints(cx.manySeeds ? [0, -1] : [1, -1])]);
    const row = cx.op("Reshape", [firstMaxima(cx), build.ints([1, -1])]);
    const places = cx.manySeeds ? cx.op("Expand", [row, cx.op("Shape", [flat])]) : row;
    const seeds = cx.op("Shape", [flat], { start: 0, end: 1 });
    const zeros = zerosOf(cx, join(cx, seeds, product(cx, cx.shape(x))));
    const dx = cx.op("ScatterElements", [zeros, places, flat], { axis: 1, reduction: "add" });
    return [cx.reshapeLike(dx, x)];
  },
};

/** The position in x (flattened) of the first maximum of each window. Pools along the last axis first, then along the axes before it. */
function firstMaxima(cx: VjpContext): Value {
  const { build } = cx;
  let pooled = cx.input(0);
  let places: Value | undefined;
  for (const window of alongAxes(windowOf(cx))) {
    const [values, indices] = build.ops("MaxPool", [pooled], 2, poolOnce(cx, window));
    pooled = values!;
    places =
      places === undefined ? indices! : cx.op("Gather", [cx.op("Reshape", [places, build.ints([-1])]), indices!]);
  }
  return places!;
}

/** Gradient of GlobalMaxPool: the first maximum in row-major order gets all. */
export const globalMaxPoolRule: GradRule = {
  op: "GlobalMaxPool",
  vjp(cx) {
    const { build } = cx;
    const x = cx.input(0);
    const rows = build.ints([0, 0, -1]);
    const best = cx.op("ArgMax", [cx.op("Reshape", [x, rows])], { axis: 2, keepdims: 1, select_last_index: 0 });
    const g = cx.op("Reshape", [cx.cotangent(0)!, rows]);
    const zeros = cx.op("Reshape", [zerosOf(cx, cx.seededShape(x)), rows]);
    const places = cx.op("Expand", [best, cx.op("Shape", [g])]);
    return [cx.reshapeLike(cx.op("ScatterElements", [zeros, places, g], { axis: 2 }), x)];
  },
};

function columnMajor(node: Node): boolean {
  return intAttribute(node, "storage_order", 0) !== 0 && (node.outputs[1] ?? "") !== "";
}
