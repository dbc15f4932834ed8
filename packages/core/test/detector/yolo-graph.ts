import { GraphBuilder, type Value } from "../../src/onnx/builder.js";
import type { Graph } from "../../src/onnx/model.js";
import { floatTensor, intTensor } from "../../src/onnx/tensors.js";

/** The ways in which versions of YOLOv5 write their export. */
export interface YoloOptions {
  readonly classes?: number;
  /** Input `[h, w]`; undefined: dynamic, shapes computed in the graph. */
  readonly size?: readonly [number, number];
  /** "split": v7.0. "slice": v6. "scatter": v5.0 writes xy and wh back in place. */
  readonly decoding?: "split" | "slice" | "scatter";
  /** Module paths in names, or numbers. */
  readonly named?: boolean;
  readonly stem?: "conv" | "focus";
  readonly pooling?: "sppf" | "spp";
  readonly activation?: "silu" | "hardswish" | "leaky";
  /** The raw maps as outputs beside the decoded one. */
  readonly rawOutputs?: boolean;
  /** Leaves the shape of the output out of the file. */
  readonly untypedOutput?: boolean;
}

export const STRIDES = [8, 16, 32] as const;
/** Anchor sizes [w, h] of each level. */
export const ANCHORS = [
  [10, 13, 16, 30, 33, 23],
  [30, 61, 62, 45, 59, 119],
  [116, 90, 156, 198, 373, 326],
] as const;

/** A YOLOv5 of width 2 to 4 with all weights zero: every box sits at its cell's centre, every probability is one half. */
export function yoloGraph(options: YoloOptions = {}): Graph {
  return new YoloWriter(options).write();
}

export class YoloWriter {
  /** Outputs of the 24 layers, in order. */
  readonly layers: Value[] = [];
  readonly #b = new GraphBuilder("");
  readonly #options: Required<Omit<YoloOptions, "size">> & Pick<YoloOptions, "size">;
  #path = "";
  #count = 0;

  constructor(options: YoloOptions) {
    this.#options = {
      classes: 3,
      decoding: "split",
      named: true,
      stem: "conv",
      pooling: "sppf",
      activation: "silu",
      rawOutputs: false,
      untypedOutput: false,
      ...options,
    };
  }

  write(): Graph {
    const b = this.#b;
    const { size, classes, rawOutputs, untypedOutput } = this.#options;
    b.input("images", size === undefined ? [1, 3, "height", "width"] : [1, 3, ...size]);
    const heads = this.#backbone();
    this.#path = "/model.24";
    const raws: Value[] = [];
    const parts = heads.map((head, level) => this.#level(head, level, raws));
    this.#emit("Concat", parts, { axis: 1 }, "output0");
    const rows = size === undefined ? "rows" : STRIDES.reduce((n, s) => n + (3 * size[0] * size[1]) / s / s, 0);
    b.output("output0", untypedOutput ? undefined : [1, rows, 5 + classes]);
    if (rawOutputs) for (const raw of raws) b.output(raw);
    return b.graph("yolo");
  }

  #backbone(): Value[] {
    const layer = (make: () => Value): Value => {
      this.#path = `/model.${this.layers.length}`;
      const value = make();
      this.layers.push(value);
      return value;
    };
    const conv = (x: Value, stride = 2) => layer(() => this.#conv(x, 2, 2, stride === 2 ? 3 : 1, stride));
    const c3 = (x: Value, channels = 2, shortcut = true) => layer(() => this.#c3(x, channels, shortcut));
    const up = (x: Value) => layer(() => this.#upsample(x));
    const join = (x: Value, y: Value) => layer(() => this.#emit("Concat", [x, y], { axis: 1 }));
    const { stem } = this.#options;
    let x = layer(() => (stem === "focus" ? this.#focus("images") : this.#conv("images", 3, 2, 6, 2)));
    x = c3(conv(x));
    const p3 = c3(conv(x));
    const p4 = c3(conv(p3));
    const pool = (value: Value) => layer(() => this.#pool(value));
    x = conv(p4);
    x = this.#options.pooling === "spp" ? c3(pool(x)) : pool(c3(x));
    return this.#neck({ conv, c3, up, join }, p3, p4, x);
  }

  #neck(
    make: {
      conv(x: Value, stride?: number): Value;
      c3(x: Value, channels?: number, shortcut?: boolean): Value;
      up(x: Value): Value;
      join(x: Value, y: Value): Value;
    },
    p3: Value,
    p4: Value,
    p5: Value,
  ): Value[] {
    const { conv, c3, up, join } = make;
    const h10 = conv(p5, 1);
    const h14 = conv(c3(join(up(h10), p4), 4, false), 1);
    const h17 = c3(join(up(h14), p3), 4, false);
    const h20 = c3(join(conv(h17), h14), 4, false);
    const h23 = c3(join(conv(h20), h10), 4, false);
    return [h17, h20, h23];
  }

  #level(x: Value, level: number, raws: Value[]): Value {
    const b = this.#b;
    const columns = 5 + this.#options.classes;
    const conv = this.#emit("Conv", [x, this.#weight([3 * columns, 2, 1, 1])], { kernel_shape: [1, 1] });
    const reshaped = this.#emit("Reshape", [conv, this.#gridShape(conv, level, columns)]);
    const map = this.#emit("Transpose", [reshaped], { perm: [0, 1, 3, 4, 2] });
    raws.push(map);
    const y = this.#emit("Sigmoid", [map]);
    const decoded = this.#options.decoding === "scatter" ? this.#inPlace(y, level) : this.#apart(y, conv, level);
    return this.#emit("Reshape", [decoded, b.ints([1, -1, columns])]);
  }

  /** v6 and v7: xy and wh are computed apart and joined with the rest. */
  #apart(y: Value, conv: Value, level: number): Value {
    const b = this.#b;
    const columns = 5 + this.#options.classes;
    const slice = (from: number, to: number) =>
      this.#emit("Slice", [y, b.ints([from]), b.ints([to]), b.ints([4]), b.ints([1])]);
    const [xy, wh, rest] =
      this.#options.decoding === "slice"
        ? [slice(0, 2), slice(2, 4), slice(4, columns)]
        : this.#emitMany("Split", [y, b.ints([2, 2, columns - 4])], 3, { axis: 4 });
    return this.#emit("Concat", [this.#xy(xy!, conv, level), this.#wh(wh!, level), rest!], { axis: -1 });
  }

  #xy(xy: Value, conv: Value, level: number): Value {
    const b = this.#b;
    const doubled = this.#emit("Mul", [xy, b.float(2)]);
    const placed = this.#emit("Add", [doubled, this.#grid(conv, level)]);
    return this.#emit("Mul", [placed, b.float(STRIDES[level]!)]);
  }

  #wh(wh: Value, level: number): Value {
    const b = this.#b;
    const squared = this.#emit("Pow", [this.#emit("Mul", [wh, b.float(2)]), b.float(2)]);
    return this.#emit("Mul", [squared, this.#constant([1, 3, 1, 1, 2], [...ANCHORS[level]!])]);
  }

  /** v5.0: the same into slices of the map, by ScatterND with constant indices. */
  #inPlace(y: Value, level: number): Value {
    const b = this.#b;
    const [h, w] = this.#cells(level);
    let map = y;
    for (const first of [0, 2]) {
      const part = this.#emit("Slice", [map, b.ints([first]), b.ints([first + 2]), b.ints([4]), b.ints([1])]);
      const update = first === 0 ? this.#xy(part, "", level) : this.#wh(part, level);
      const indices: number[] = [];
      for (let a = 0; a < 3; a++)
        for (let i = 0; i < h; i++)
          for (let j = 0; j < w; j++) for (const k of [first, first + 1]) indices.push(0, a, i, j, k);
      const name = this.#name("indices");
      b.initializers.set(name, intTensor(name, indices, [1, 3, h, w, 2, 5]));
      map = this.#emit("ScatterND", [map, name, update]);
    }
    return map;
  }

  #gridShape(conv: Value, level: number, columns: number): Value {
    const b = this.#b;
    if (this.#options.size !== undefined) return b.ints([1, 3, columns, ...this.#cells(level)]);
    const dim = (axis: number) =>
      this.#emit("Unsqueeze", [
        this.#emit("Gather", [this.#emit("Shape", [conv]), b.int(axis)], { axis: 0 }),
        b.ints([0]),
      ]);
    return this.#emit("Concat", [dim(0), b.ints([3]), b.ints([columns]), dim(2), dim(3)], { axis: 0 });
  }

  /** The cells' corners minus one half, `[1, 1, h, w, 2]`: a constant, or computed from the shape of the map. */
  #grid(conv: Value, level: number): Value {
    const b = this.#b;
    if (this.#options.size !== undefined) {
      const [h, w] = this.#cells(level);
      const cells = Array.from({ length: h * w }, (_, i) => [(i % w) - 0.5, Math.floor(i / w) - 0.5]).flat();
      return this.#constant([1, 1, h, w, 2], cells);
    }
    const shape = this.#emit("Shape", [conv]);
    const line = (axis: number, view: number[]) => {
      const count = this.#emit("Cast", [this.#emit("Gather", [shape, b.int(axis)], { axis: 0 })], { to: 1 });
      return this.#emit("Reshape", [this.#emit("Range", [b.float(0), count, b.float(1)]), b.ints(view)]);
    };
    const whole = this.#emit("Concat", [b.ints([1, 1]), this.#tail(shape), b.ints([1])], { axis: 0 });
    const x = this.#emit("Expand", [line(3, [1, 1, 1, -1, 1]), whole]);
    const y = this.#emit("Expand", [line(2, [1, 1, -1, 1, 1]), whole]);
    return this.#emit("Sub", [this.#emit("Concat", [x, y], { axis: 4 }), b.float(0.5)]);
  }

  #tail(shape: Value): Value {
    const b = this.#b;
    return this.#emit("Slice", [shape, b.ints([2]), b.ints([4]), b.ints([0]), b.ints([1])]);
  }

  #cells(level: number): [number, number] {
    const [h, w] = this.#options.size ?? [0, 0];
    return [h / STRIDES[level]!, w / STRIDES[level]!];
  }

  #conv(x: Value, from: number, to: number, kernel: number, stride: number): Value {
    const pad = kernel === 6 ? 2 : (kernel - 1) / 2;
    const attributes = {
      kernel_shape: [kernel, kernel],
      strides: [stride, stride],
      pads: [pad, pad, pad, pad],
    };
    return this.#act(this.#emit("Conv", [x, this.#weight([to, from, kernel, kernel])], attributes));
  }

  #act(x: Value): Value {
    if (this.#options.activation === "leaky") return this.#emit("LeakyRelu", [x], { alpha: { float: 0.1 } });
    if (this.#options.activation === "silu") return this.#emit("Mul", [x, this.#emit("Sigmoid", [x])]);
    const b = this.#b;
    const clipped = this.#emit("Clip", [this.#emit("Add", [x, b.float(3)]), b.float(0), b.float(6)]);
    return this.#emit("Mul", [x, this.#emit("Div", [clipped, b.float(6)])]);
  }

  #c3(x: Value, from: number, shortcut: boolean): Value {
    const a = this.#conv(x, from, 2, 1, 1);
    const inner = this.#conv(this.#conv(a, 2, 2, 1, 1), 2, 2, 3, 1);
    const m = shortcut ? this.#emit("Add", [a, inner]) : inner;
    const side = this.#conv(x, from, 2, 1, 1);
    return this.#conv(this.#emit("Concat", [m, side], { axis: 1 }), 4, 2, 1, 1);
  }

  #pool(x: Value): Value {
    const first = this.#conv(x, 2, 2, 1, 1);
    const pool = (from: Value, kernel: number) => {
      const pad = (kernel - 1) / 2;
      return this.#emit("MaxPool", [from], { kernel_shape: [kernel, kernel], pads: [pad, pad, pad, pad] });
    };
    const pooled = [first];
    for (const kernel of [5, 9, 13]) {
      pooled.push(this.#options.pooling === "spp" ? pool(first, kernel) : pool(pooled.at(-1)!, 5));
    }
    return this.#conv(this.#emit("Concat", pooled, { axis: 1 }), 8, 2, 1, 1);
  }

  #focus(x: Value): Value {
    const b = this.#b;
    const every2 = (value: Value, axis: number, start: number) =>
      this.#emit("Slice", [value, b.ints([start]), b.ints([2 ** 31]), b.ints([axis]), b.ints([2])]);
    const corners = [
      [0, 0],
      [1, 0],
      [0, 1],
      [1, 1],
    ].map(([dy, dx]) => every2(every2(x, 2, dy!), 3, dx!));
    return this.#conv(this.#emit("Concat", corners, { axis: 1 }), 12, 2, 3, 1);
  }

  #upsample(x: Value): Value {
    const scales = this.#constant([4], [1, 1, 2, 2]);
    return this.#emit("Resize", [x, "", scales], {
      mode: "nearest",
      nearest_mode: "floor",
      coordinate_transformation_mode: "asymmetric",
    });
  }

  #weight(dims: readonly number[]): Value {
    return this.#constant(dims, new Float32Array(dims.reduce((n, d) => n * d, 1)));
  }

  #constant(dims: readonly number[], data: Float32Array | readonly number[]): Value {
    const name = this.#name("const");
    this.#b.initializers.set(name, floatTensor(name, dims, data));
    return name;
  }

  #emit(
    op: string,
    inputs: readonly Value[],
    attributes: Parameters<GraphBuilder["node"]>[3] = {},
    output?: Value,
  ): Value {
    return this.#emitMany(op, inputs, 1, attributes, output)[0]!;
  }

  #emitMany(
    op: string,
    inputs: readonly Value[],
    count: number,
    attributes: Parameters<GraphBuilder["node"]>[3] = {},
    output?: Value,
  ): Value[] {
    const node = this.#options.named ? this.#name(op) : `${op}_${this.#count}`;
    const outputs = Array.from({ length: count }, (_, i) =>
      this.#options.named ? `${node}_output_${i}` : String(this.#count++ + 1000),
    );
    this.#b.node(op, inputs, output === undefined ? outputs : [output], attributes, node);
    return output === undefined ? outputs : [output];
  }

  #name(hint: string): string {
    return this.#options.named ? `${this.#path}/${hint}_${this.#count++}` : String(this.#count++ + 1000);
  }
}
