import type { GraphBuilder, Value } from "../../onnx/builder.js";
import type { TensorProto } from "../../onnx/model.js";

/** One detection level, finest first. */
export interface DetectLevel {
  /** The input `[N, C, h, w]` of the level's prediction convolution. */
  readonly feature: Value;
  /** `[A·(5+K), C, 1, 1]`, float32. */
  readonly weight: TensorProto;
  /** `[A·(5+K)]`, float32. */
  readonly bias: TensorProto;
  /** Input pixels per cell. */
  readonly stride: number;
  /** Anchor boxes `[width, height]` in input pixels. */
  readonly anchors: readonly (readonly [width: number, height: number])[];
}

export interface DetectHeadOptions {
  readonly classCount: number;
  /** Module path of the head, "model.24" in YOLOv5s: node and value names start with it. */
  readonly module: string;
  /** Number of mask coefficients of each row, after the classes and without Sigmoid (module Segment). Default 0. */
  readonly maskCount?: number;
  /** Whether each row has five points between objectness and classes, relative to the anchor (yolov5-face). Default false. */
  readonly hasLandmarks?: boolean;
  /** Name of the graph output. Default "output0". */
  readonly output?: string;
}

/**
 * Emits YOLOv5's Detect module for any input size and batch: prediction convolutions and decoding to
 * `[N, R, 5+K(+masks)]` with box centre and size in input pixels, objectness and class probabilities.
 * Rows: level by level, in each anchor by anchor, in each row by row of cells.
 *
 *     s = σ(conv);  xy = (2·s − 0.5 + cell)·stride;  wh = (2·s)²·anchor
 *
 * Source: YOLOv5 v6 (Ultralytics, 2021), module Detect. Landmarks: conv·anchor + cell·stride (Qi et al., "YOLO5Face", 2021).
 * @returns the output value.
 */
export function buildDetectHead(
  builder: GraphBuilder,
  levels: readonly DetectLevel[],
  options: DetectHeadOptions,
): Value {
  const rows = levels.map((level, index) => buildLevel(new Namer(builder, options.module, index), level, options));
  const output = options.output ?? "output0";
  builder.node("Concat", rows, [output], { axis: 1 }, `/${options.module}/Concat_${levels.length}`);
  builder.output(output, ["batch", "anchors", columnsOf(options)]);
  return output;
}

/** Number of points of a face. */
const LANDMARKS = 5;

function columnsOf({ classCount, maskCount = 0, hasLandmarks = false }: DetectHeadOptions): number {
  return 5 + (hasLandmarks ? 2 * LANDMARKS : 0) + classCount + maskCount;
}

function buildLevel(names: Namer, level: DetectLevel, options: DetectHeadOptions): Value {
  const { builder } = names;
  const { classCount, maskCount = 0, hasLandmarks = false, module } = options;
  const A = level.anchors.length;
  const columns = columnsOf(options);
  const conv = predictionConv(builder, level, `${module}.m.${names.index}`, `/${module}/m.${names.index}/Conv`);
  // Cells stay one axis: rank 4 is enough, and a 0 in the shape copies the batch size.
  const split = names.op("Reshape", [conv, builder.ints([0, A, columns, -1])]);
  const rows = names.op("Transpose", [split], { perm: [0, 1, 3, 2] });
  const [logits = rows, ...masks] =
    maskCount === 0 ? [] : names.ops("Split", [rows, builder.ints([5 + classCount, maskCount])], 2, { axis: 3 });
  const parts = [5, 2 * LANDMARKS, classCount];
  const [box = logits, landmarks, classes] = !hasLandmarks
    ? []
    : names.ops("Split", [logits, builder.ints(parts)], 3, { axis: 3 });
  const cells = names.op("Sigmoid", [box]);
  const behind = landmarks === undefined ? 1 + classCount : 1;
  const [xy, wh, rest] = names.ops("Split", [cells, builder.ints([2, 2, behind])], 3, { axis: 3 });
  const doubled = names.op("Mul", [xy!, builder.float(2 * level.stride)]);
  const points = cellPoints(names, conv, level.stride);
  const centre = names.op("Add", [doubled, names.op("Sub", [points, builder.float(level.stride / 2)])]);
  const scale = level.anchors.flatMap(([width, height]) => [4 * width, 4 * height]);
  const anchors = builder.floats([1, A, 1, 2], scale, `${module}.anchor_scale.${names.index}`);
  const size = names.op("Mul", [names.op("Mul", [wh!, wh!]), anchors]);
  const marked =
    landmarks === undefined ? [] : [landmarksOf(names, level, landmarks, points), names.op("Sigmoid", [classes!])];
  const boxes = names.op("Concat", [centre, size, rest!, ...marked, ...masks], { axis: 3 });
  return names.op("Reshape", [boxes, builder.ints([0, -1, columns])]);
}

function predictionConv(builder: GraphBuilder, level: DetectLevel, parameters: string, name: string): Value {
  const weight = `${parameters}.weight`;
  const bias = `${parameters}.bias`;
  builder.initializers.set(weight, { ...level.weight, name: weight });
  builder.initializers.set(bias, { ...level.bias, name: bias });
  const conv = `${name}_output_0`;
  builder.node(
    "Conv",
    [level.feature, weight, bias],
    [conv],
    { dilations: [1, 1], group: 1, kernel_shape: [1, 1], pads: [0, 0, 0, 0], strides: [1, 1] },
    name,
  );
  return conv;
}

/** Points in input pixels: raw·anchor + cell·stride. */
function landmarksOf(names: Namer, { anchors }: DetectLevel, raw: Value, points: Value): Value {
  const { builder } = names;
  const count = anchors.length;
  const pairs = names.op("Reshape", [raw, builder.ints([0, count, -1, LANDMARKS, 2])]);
  const sides = builder.floats([1, count, 1, 1, 2], Float32Array.from(anchors.flat()));
  const origins = names.op("Unsqueeze", [points, builder.ints([1])]);
  const moved = names.op("Add", [names.op("Mul", [pairs, sides]), origins]);
  return names.op("Reshape", [moved, builder.ints([0, count, -1, 2 * LANDMARKS])]);
}

/** cell·stride as `[h·w, 2]`, x before y. NonZero of ones lists the cells `[y, x]` in row-major order. */
function cellPoints(names: Namer, conv: Value, stride: number): Value {
  const { builder } = names;
  const size = names.op("Shape", [conv], { start: 2, end: 4 });
  const one = { name: "", dims: [1], dataType: 9, bytes: Uint8Array.of(1) };
  const cells = names.op("NonZero", [names.op("ConstantOfShape", [size], { value: { tensor: one } })]);
  const swapped = names.op("Gather", [cells, builder.ints([1, 0])], { axis: 0 });
  const points = names.op("Cast", [names.op("Transpose", [swapped], { perm: [1, 0] })], { to: 1 });
  return names.op("Mul", [points, builder.float(stride)]);
}

/** Names nodes as the official export does: "/model.24/Mul", "/model.24/Mul_1", …; each level starts where the last one ended. */
class Namer {
  readonly builder: GraphBuilder;
  readonly index: number;
  readonly #module: string;

  constructor(builder: GraphBuilder, module: string, index: number) {
    this.builder = builder;
    this.index = index;
    this.#module = module;
  }

  op(opType: string, inputs: readonly Value[], attributes: Parameters<GraphBuilder["op"]>[2] = {}): Value {
    return this.ops(opType, inputs, 1, attributes)[0]!;
  }

  ops(
    opType: string,
    inputs: readonly Value[],
    count: number,
    attributes: Parameters<GraphBuilder["op"]>[2] = {},
  ): Value[] {
    const stem = `/${this.#module}/${opType}`;
    const used = this.builder.nodes.filter(({ name }) => name === stem || name.startsWith(`${stem}_`)).length;
    const name = used === 0 ? stem : `${stem}_${used}`;
    const outputs = Array.from({ length: count }, (_, i) => `${name}_output_${i}`);
    this.builder.node(opType, inputs, outputs, attributes, name);
    return outputs;
  }
}
