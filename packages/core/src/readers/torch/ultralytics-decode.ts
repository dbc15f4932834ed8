import type { ModuleCall } from "./module-context.js";
import type { Feature } from "./network-writer.js";
import { floatsOfTensor } from "./tensor.js";

/** The positions of the cells of all levels. */
export interface Grid {
  /** Centres in cells of their level `[2, A]`, x before y. */
  readonly centres: string;
  /** Input pixels per cell `[A]`. */
  readonly strides: string;
}

/** The coordinates `[2, h·w]` of the cells of a map of any size, from 0, x before y, row by row. */
export function cellsOf(call: ModuleCall, map: Feature): string {
  const one = { name: "", dims: [1], dataType: 9, bytes: Uint8Array.of(1) };
  const op = (type: string, inputs: readonly string[], attributes: Parameters<ModuleCall["op"]>[3] = {}) =>
    call.op(type, inputs, 0, attributes).value;
  const size = op("Shape", [map.value], { start: 2, end: 4 });
  // NonZero of ones lists the cells [y, x].
  const cells = op("NonZero", [op("ConstantOfShape", [size], { value: { tensor: one } })]);
  return op("Cast", [op("Gather", [cells, call.writer.builder.ints([1, 0])], { axis: 0 })], { to: 1 });
}

/** One value for each cell of a map `[h·w, ...columns]`. */
export function forEachCell(call: ModuleCall, map: Feature, value: number, columns: readonly number[] = []): string {
  const tensor = { name: "", dims: [1], dataType: 1, bytes: new Uint8Array(Float32Array.of(value).buffer) };
  const size = call.op("Shape", [map.value], 0, { start: 2, end: 4 });
  const count = call.op("ReduceProd", [size.value], 0, { axes: [0], keepdims: 1 }).value;
  const { builder } = call.writer;
  const shape = columns.length === 0 ? count : call.op("Concat", [count, builder.ints(columns)], 0, { axis: 0 }).value;
  return call.op("ConstantOfShape", [shape], 0, { value: { tensor } }).value;
}

/** The cells of the head's inputs, for any size: row by row, level by level. */
export function grid(call: ModuleCall, strides: readonly number[]): Grid {
  const half = call.writer.builder.float(0.5);
  const centres = call.inputs.map((map) => call.op("Add", [cellsOf(call, map), half], 2).value);
  const steps = call.inputs.map((map, level) => forEachCell(call, map, strides[level]!));
  return {
    centres: call.op("Concat", centres, 2, { axis: 1 }).value,
    strides: call.op("Concat", steps, 1, { axis: 0 }).value,
  };
}

/**
 * The mean of each distance's distribution, `[N, 4·bins, A]` → `[N, 4, A]`: softmax over the bins, then their sum with
 * the weights from the file, which are 0, 1, 2, …
 * Source: Li et al., Generalized Focal Loss (NeurIPS 2020), section 3.2.
 */
export function expectedDistance(call: ModuleCall, raw: Feature, bins: number): Feature {
  const { builder } = call.writer;
  const module = call.module.child("dfl");
  const inner = call.within(module, "dfl", [raw]);
  module.expectOnly("conv");
  const conv = module.child("conv");
  conv.expectOnly("weight", "bias");
  const found = conv.tensor("weight");
  if (found.dims.join() !== [1, bins, 1, 1].join() || conv.tensorOrNone("bias") !== undefined) {
    throw conv.odd("weight", `a tensor [1, ${bins}, 1, 1] and no bias`, found);
  }
  const shaped = inner.op("Reshape", [raw.value, builder.ints([0, 4, bins, -1])], 4);
  const first = inner.op("Transpose", [shaped.value], bins, { perm: [0, 2, 1, 3] });
  const weights = inner.op("Softmax", [first.value], bins, { axis: 1 });
  const convCall = inner.within(conv, "conv", [weights]);
  const kernel = convCall.weight("weight", [1, bins, 1, 1], () => floatsOfTensor(found));
  const geometry = { dilations: [1, 1], group: 1, kernel_shape: [1, 1], pads: [0, 0, 0, 0], strides: [1, 1] };
  const mean = convCall.op("Conv", [weights.value, kernel], 1, geometry);
  return inner.op("Reshape", [mean.value, builder.ints([0, 4, -1])], 4);
}

/** Distances left, top, right, bottom in cells → boxes in input pixels: corners, or centre and size. */
export function decodeBoxes(call: ModuleCall, distances: Feature, cells: Grid, corners: boolean): Feature {
  const [before, behind] = call.split(distances, [2, 2]);
  const start = call.op("Sub", [cells.centres, before!.value], 2);
  const end = call.op("Add", [cells.centres, behind!.value], 2);
  if (corners) return inPixels(call, [start, end], cells);
  const centre = half(call, call.op("Add", [start.value, end.value], 2));
  return inPixels(call, [centre, call.op("Sub", [end.value, start.value], 2)], cells);
}

/**
 * Distances along the axes of a box that is rotated by `angle` → centre and size in input pixels: centre = cell + R(angle)·(rb −
 * lt)/2, size = lt + rb.
 */
export function decodeRotated(call: ModuleCall, distances: Feature, angle: Feature, cells: Grid): Feature {
  const [before, behind] = call.split(distances, [2, 2]);
  const [x, y] = call.split(half(call, call.op("Sub", [behind!.value, before!.value], 2)), [1, 1]);
  const [cos, sin] = ["Cos", "Sin"].map((type) => call.op(type, [angle.value], 1));
  const times = (a: Feature, b: Feature) => call.op("Mul", [a.value, b.value], 1);
  const along = call.op("Sub", [times(x!, cos!).value, times(y!, sin!).value], 1);
  const across = call.op("Add", [times(x!, sin!).value, times(y!, cos!).value], 1);
  const offset = call.concat([along, across]);
  const centre = call.op("Add", [offset.value, cells.centres], 2);
  return inPixels(call, [centre, call.op("Add", [before!.value, behind!.value], 2)], cells);
}

/**
 * Keypoints `[N, points·values, A]` in input pixels, visibility as a probability: (2·p + cell − ½)·stride; YOLO26 has
 * (p + cell + ½)·stride. `cell` counts from 0 here; the centres of the grid are half a cell further.
 */
export function decodeKeypoints(
  call: ModuleCall,
  raw: Feature,
  [points, values]: readonly [number, number],
  cells: Grid,
  is26: boolean,
): Feature {
  const { builder } = call.writer;
  const shaped = call.op("Reshape", [raw.value, builder.ints([0, points, values, -1])], points);
  const [place, seen] = values === 3 ? call.split(shaped, [2, 1], 2) : [shaped];
  const offset = is26 ? place! : call.op("Mul", [place!.value, builder.float(2)], points);
  const origin = is26 ? cells.centres : call.op("Sub", [cells.centres, builder.float(0.5)], 2).value;
  const moved = call.op("Add", [offset.value, origin], points);
  const pixels = call.op("Mul", [moved.value, cells.strides], points);
  const parts = [pixels.value, ...(seen === undefined ? [] : [call.op("Sigmoid", [seen.value], points).value])];
  const all = parts.length === 1 ? pixels : call.op("Concat", parts, points, { axis: 2 });
  return call.op("Reshape", [all.value, builder.ints([0, points * values, -1])], points * values);
}

function half(call: ModuleCall, x: Feature): Feature {
  return call.op("Div", [x.value, call.writer.builder.float(2)], x.channels);
}

function inPixels(call: ModuleCall, parts: readonly Feature[], cells: Grid): Feature {
  return call.op("Mul", [call.concat(parts).value, cells.strides], 4);
}
