import { GraphBuilder, type Value } from "../../onnx/builder.js";
import { elementType } from "../../onnx/element-type.js";
import { freshPrefix } from "../../onnx/fresh-prefix.js";
import { DataType, type Model } from "../../onnx/model.js";
import type { ConvLevel } from "./grid-levels.js";
import type { DecodedLayout } from "./read-decoding.js";

/** A model with appended nodes that compute its predictions `[1, R, 5+K+E]` in the common layout. */
export interface Canonical {
  readonly model: Model;
  readonly output: string;
}

/**
 * Appends nodes that convert a decoded value to predictions: transpose, corners to centres, fractions to pixels, logits to probabilities,
 * and an objectness of 1 if there is none.
 */
export function appendPredictions(
  model: Model,
  value: string,
  layout: DecodedLayout,
  levels: readonly ConvLevel[],
): Canonical {
  const build = new GraphBuilder(freshPrefix(model, "whybox/predictions/"));
  const isFloat = elementType(model.graph, value) === DataType.FLOAT;
  const plain = layout.rowsFirst && layout.boxes === "xywh" && !layout.normalised && !layout.logits;
  if (plain && layout.objectness !== undefined && isFloat) return { model, output: value };
  const source = isFloat ? value : build.op("Cast", [value], { to: DataType.FLOAT });
  const axis = layout.rowsFirst ? 2 : 1;
  const cut = new Cutter(build, source, axis);
  const end = layout.classStart + layout.classCount + layout.extraCount;
  const parts = [
    ...boxParts(build, cut, layout, model, levels),
    layout.objectness === undefined
      ? build.op("ConstantOfShape", [build.op("Shape", [cut.columns(4, 5)])], { value: { tensor: ONE } })
      : probability(build, cut.columns(layout.objectness, layout.objectness + 1), layout),
    probability(build, cut.columns(layout.classStart, layout.classStart + layout.classCount), layout),
    ...(layout.extraCount > 0 ? [cut.columns(layout.classStart + layout.classCount, end)] : []),
  ];
  const joined = build.op("Concat", parts, { axis });
  const output = layout.rowsFirst ? joined : build.op("Transpose", [joined], { perm: [0, 2, 1] });
  return { model: append(model, build), output };
}

/** The value of constant columns of ones. */
export const ONE = { name: "", dims: [1], dataType: DataType.FLOAT, bytes: new Uint8Array(Float32Array.of(1).buffer) };

/** Appends the nodes of the builder to a model. */
export function append(model: Model, build: GraphBuilder): Model {
  const { graph } = model;
  const initializers = new Map([...graph.initializers, ...build.initializers]);
  return { ...model, graph: { ...graph, nodes: [...graph.nodes, ...build.nodes], initializers } };
}

/** Slices columns of a value. */
class Cutter {
  readonly #build: GraphBuilder;
  readonly #source: Value;
  readonly axis: number;

  constructor(build: GraphBuilder, source: Value, axis: number) {
    this.#build = build;
    this.#source = source;
    this.axis = axis;
  }

  columns(start: number, end: number, source = this.#source): Value {
    const { ints } = this.#build;
    const one = ints.bind(this.#build);
    return this.#build.op("Slice", [source, one([start]), one([end]), one([this.axis]), one([1])]);
  }
}

function probability(build: GraphBuilder, value: Value, { logits }: DecodedLayout): Value {
  return logits ? build.op("Sigmoid", [value]) : value;
}

/** The four box columns in centre form, in input pixels. */
function boxParts(
  build: GraphBuilder,
  cut: Cutter,
  layout: DecodedLayout,
  model: Model,
  levels: readonly ConvLevel[],
): Value[] {
  if (layout.boxes === "raw") return rawBoxes(build, cut, layout, levels);
  const raw = cut.columns(0, 4);
  const boxes = layout.normalised ? build.op("Mul", [raw, inputSides(build, model, layout, cut.axis)]) : raw;
  if (layout.boxes === "xywh") return [boxes];
  const [low, high] = [cut.columns(0, 2, boxes), cut.columns(2, 4, boxes)];
  const centre = build.op("Mul", [build.op("Add", [low, high]), build.float(0.5)]);
  const size = build.op("Sub", [high, low]);
  if (layout.boxes === "xyxy") return [centre, size];
  const swapped = (pair: Value): Value[] => [cut.columns(1, 2, pair), cut.columns(0, 1, pair)];
  return [...swapped(centre), ...swapped(size)];
}

/** Width and height of the input, both twice, in the order of the box columns along `axis`. */
function inputSides(build: GraphBuilder, model: Model, { boxes }: DecodedLayout, axis: number): Value {
  const input = model.graph.inputs[0]!;
  const shape = build.op("Shape", [input.name]);
  const [height, width] = [2, 3];
  const order = boxes === "yxyx" ? [height, width, height, width] : [width, height, width, height];
  const picked = build.op("Cast", [build.op("Gather", [shape, build.ints(order)], { axis: 0 })], {
    to: DataType.FLOAT,
  });
  return build.op("Reshape", [picked, build.ints(axis === 1 ? [1, 4, 1] : [1, 1, 4])]);
}

/**
 * Decodes the boxes of a YOLOX that is exported without its decoding: xy = (raw + cell) · stride, wh = exp(raw) · stride. Ge et al.,
 * "YOLOX: Exceeding YOLO Series in 2021", section 2.1 (after YOLOv3).
 */
function rawBoxes(build: GraphBuilder, cut: Cutter, layout: DecodedLayout, levels: readonly ConvLevel[]): Value[] {
  const order = layout.coarseFirst ? [...levels].reverse() : levels;
  const grids = order.map((level) => cellCorners(build, level));
  const columnsLast = (parts: readonly Value[]): Value => {
    const rows = build.op("Concat", parts, { axis: 0 });
    const all = build.op("Unsqueeze", [rows, build.ints([0])]);
    return layout.rowsFirst ? all : build.op("Transpose", [all], { perm: [0, 2, 1] });
  };
  const grid = columnsLast(grids.map(({ cells }) => cells));
  const stride = columnsLast(grids.map(({ strides }) => strides));
  const centre = build.op("Mul", [build.op("Add", [cut.columns(0, 2), grid]), stride]);
  return [centre, build.op("Mul", [build.op("Exp", [cut.columns(2, 4)]), stride])];
}

/** Cell coordinates `[h·w, 2]` (x, y) of a level in row-major order, and its stride for each cell, `[h·w, 1]`. */
export function cellCorners(
  build: GraphBuilder,
  level: Pick<ConvLevel, "stride" | "convs">,
): { cells: Value; strides: Value } {
  const map = level.convs[0]!.value;
  const side = (axis: number): Value =>
    build.op("Squeeze", [build.op("Shape", [map], { start: axis, end: axis + 1 }), build.ints([0])]);
  const numbers = (axis: number): Value =>
    build.op("Cast", [build.op("Range", [build.int(0), side(axis), build.int(1)])], { to: DataType.FLOAT });
  const shape = build.op("Shape", [map], { start: 2, end: 4 });
  const x = build.op("Expand", [build.op("Unsqueeze", [numbers(3), build.ints([0])]), shape]);
  const y = build.op("Expand", [build.op("Unsqueeze", [numbers(2), build.ints([1])]), shape]);
  const flat = (value: Value): Value => build.op("Reshape", [value, build.ints([-1, 1])]);
  const cells = build.op("Concat", [flat(x), flat(y)], { axis: 1 });
  const ones = build.op("ConstantOfShape", [build.op("Shape", [flat(x)])], { value: { tensor: ONE } });
  return { cells, strides: build.op("Mul", [ones, build.float(level.stride)]) };
}
