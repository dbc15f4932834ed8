import type { GraphBuilder, Value } from "../../onnx/builder.js";
import { DataType } from "../../onnx/model.js";
import { cellCorners, ONE } from "./canonical.js";
import type { ConvLevel } from "./grid-levels.js";

/** Builds the nodes that compute the prediction rows of one level from its maps. Values are `[1, A, h·w, columns]`, A anchors per cell. */
export class MapRows {
  readonly build: GraphBuilder;
  readonly stride: number;
  /** Cell coordinates (x, y) `[h·w, 2]`. */
  readonly cells: Value;

  constructor(build: GraphBuilder, level: Pick<ConvLevel, "stride" | "convs">) {
    this.build = build;
    this.stride = level.stride;
    this.cells = cellCorners(build, level).cells;
  }

  /** The map `[1, A·columns, h, w]` of a convolution. */
  columnsOf(map: Value, anchors: number, columns: number): Value {
    const { build } = this;
    const floats = build.op("Cast", [map], { to: DataType.FLOAT });
    const flat = build.op("Reshape", [floats, build.ints([1, anchors, columns, -1])]);
    return build.op("Transpose", [flat], { perm: [0, 1, 3, 2] });
  }

  cut(value: Value, start: number, end: number): Value {
    const { build } = this;
    return build.op("Slice", [value, build.ints([start]), build.ints([end]), build.ints([3]), build.ints([1])]);
  }

  sigmoid(value: Value): Value {
    return this.build.op("Sigmoid", [value]);
  }

  times(a: Value, b: Value | number): Value {
    return this.build.op("Mul", [a, this.#value(b)]);
  }

  plus(a: Value, b: Value | number): Value {
    return this.build.op("Add", [a, this.#value(b)]);
  }

  minus(a: Value, b: Value): Value {
    return this.build.op("Sub", [a, b]);
  }

  /** A constant for each anchor, `[1, A, 1, 2]`. */
  perAnchor(sides: readonly (readonly [number, number])[]): Value {
    return this.build.floats([1, sides.length, 1, 2], Float32Array.from(sides.flat()));
  }

  /** Expected distances `[1, A, h·w, 4]` in cells, from the logits of a distribution for each side. Li et al., "Generalized Focal Loss", 2020. */
  expectation(logits: Value, bins: number): Value {
    const { build } = this;
    const perSide = build.op("Reshape", [logits, build.ints([1, -1, 4, bins])]);
    const shares = build.op("Softmax", [perSide], { axis: 3 });
    const steps = build.floats(
      [bins],
      Float32Array.from({ length: bins }, (_, i) => i),
    );
    const sums = build.op("ReduceSum", [this.times(shares, steps), build.ints([3])], { keepdims: 0 });
    return build.op("Unsqueeze", [sums, build.ints([0])]);
  }

  /** Centre and size in pixels of a box with these distances (left, top, right, bottom; in cells) around the cells. */
  around(distances: Value, offset: number): Value[] {
    const [low, high] = [this.cut(distances, 0, 2), this.cut(distances, 2, 4)];
    const middle = this.plus(this.times(this.minus(high, low), 0.5), this.cells);
    return [
      this.times(offset === 0 ? middle : this.plus(middle, offset), this.stride),
      this.times(this.plus(low, high), this.stride),
    ];
  }

  /** The same for boxes that are turned around their cells: centre = cell + R(angle) · (right bottom − left top) / 2. */
  rotatedAround(distances: Value, offset: number, angle: Value): Value[] {
    const { build } = this;
    const [low, high] = [this.cut(distances, 0, 2), this.cut(distances, 2, 4)];
    const middle = this.times(this.minus(high, low), 0.5);
    const [x, y] = [this.cut(middle, 0, 1), this.cut(middle, 1, 2)];
    const [cos, sin] = [build.op("Cos", [angle]), build.op("Sin", [angle])];
    const along = this.minus(this.times(x, cos), this.times(y, sin));
    const across = this.plus(this.times(x, sin), this.times(y, cos));
    const centre = this.plus(this.plus(build.op("Concat", [along, across], { axis: 3 }), this.cells), offset);
    return [this.times(centre, this.stride), this.times(this.plus(low, high), this.stride)];
  }

  /** Width and height of the network's input `[2]`: the cells of the level times its stride. */
  inputSides({ convs }: Pick<ConvLevel, "convs">): Value {
    const { build } = this;
    const sides = build.op("Gather", [build.op("Shape", [convs[0]!.value]), build.ints([3, 2])], { axis: 0 });
    return this.times(build.op("Cast", [sides], { to: DataType.FLOAT }), this.stride);
  }

  /** Points in pixels, `columns` / 2 of them: raw · scale + (cell + offset) · stride. */
  points(raw: Value, columns: number, scale: Value | number, offset: number): Value[] {
    const cells = offset === 0 ? this.cells : this.plus(this.cells, offset);
    const corner = this.times(cells, this.stride);
    return Array.from({ length: columns / 2 }, (_, i) =>
      this.plus(this.times(this.cut(raw, 2 * i, 2 * i + 2), scale), corner),
    );
  }

  /** A column of ones beside a value. */
  onesBeside(value: Value): Value {
    const shape = this.build.op("Shape", [this.cut(value, 0, 1)]);
    return this.build.op("ConstantOfShape", [shape], { value: { tensor: ONE } });
  }

  /** The rows `[1, A·h·w, columns]`, ordered by anchor, then by cell. */
  rows(parts: readonly Value[], columns: number): Value {
    const joined = this.build.op("Concat", parts, { axis: 3 });
    return this.build.op("Reshape", [joined, this.build.ints([1, -1, columns])]);
  }

  #value(value: Value | number): Value {
    return typeof value === "number" ? this.build.float(value) : value;
  }
}
