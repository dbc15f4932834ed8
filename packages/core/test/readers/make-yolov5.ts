import { GraphBuilder } from "../../src/onnx/builder.js";
import type { Model } from "../../src/onnx/model.js";
import { sizeOf } from "../../src/tensor/tensor.js";
import { attr, randomNumbers, TfjsWriter } from "./tfjs-writer.js";

/** What a YOLOv5 is made of, written once and told to two writers: TF.js in NHWC and plain ONNX in NCHW. */
interface Writer {
  conv(x: string, weight: Weights, stride: number): string;
  silu(x: string): string;
  add(a: string, b: string): string;
  concat(values: readonly string[]): string;
  pool(x: string): string;
  upsample(x: string, size: readonly [number, number]): string;
  detect(convs: readonly string[], shape: DetectShape): void;
}

interface Weights {
  readonly oihw: readonly [number, number, number, number];
  readonly kernel: Float32Array;
  readonly bias: Float32Array;
}

interface DetectShape {
  readonly size: readonly [number, number];
  readonly strides: readonly number[];
  readonly anchors: readonly (readonly (readonly [number, number])[])[];
  readonly columns: number;
}

export interface TinyYolov5 {
  /** Input `[h, w]`. */
  readonly size: readonly [number, number];
  /** Bottlenecks of each C3 of the backbone. */
  readonly depths: readonly number[];
  /** 3, or 4 for the P6 networks. */
  readonly levels: number;
  readonly classCount: number;
  readonly seed: number;
}

const WIDTHS = [2, 4, 6, 8, 10, 12];

/** The same made-up network as a TF.js model of fixed size with boxes in parts of it. `detect` replaces how the head is written. */
export function writeTfjs(
  net: TinyYolov5,
  detect?: DetectWriter,
): { json: Record<string, unknown>; bytes: Uint8Array } {
  const writer = new TfjsSink(net.size, detect ?? writeTfDetect);
  writeNetwork(writer, "input_1", net);
  return { json: writer.tf.model("Identity"), bytes: writer.tf.bytes() };
}

/** The same network as ONNX, in pixels; outputs: "rows", then "layer.0", "layer.1", … */
export function writeOnnx(net: TinyYolov5): Model {
  const writer = new OnnxSink(net.size);
  const layers = writeNetwork(writer, "x", net);
  layers.forEach((value, i) => {
    writer.onnx.node("Identity", [value], [`layer.${i}`]);
    writer.onnx.output(`layer.${i}`);
  });
  return {
    irVersion: 10,
    opsets: new Map([["", 17]]),
    producerName: "test",
    producerVersion: "",
    metadata: new Map(),
    graph: writer.onnx.graph("tiny"),
  };
}

/** YOLOv5 v6's layer list; returns the output of every layer. */
function writeNetwork(to: Writer, input: string, net: TinyYolov5): string[] {
  const random = randomNumbers(net.seed);
  const layers: string[] = [];
  const channels = new Map<string, number>([[input, 3]]);
  const width = (value: string): number => channels.get(value)!;
  const raw = (x: string, out: number, k: number, stride: number): string => {
    const oihw = [out, width(x), k, k] as const;
    const fan = 1.5 / Math.sqrt(width(x) * k * k);
    const kernel = Float32Array.from({ length: sizeOf(oihw) }, () => random() * fan * 2);
    const value = to.conv(x, { oihw, kernel, bias: Float32Array.from({ length: out }, random) }, stride);
    channels.set(value, out);
    return value;
  };
  const conv = (x: string, out: number, k = 1, stride = 1): string => {
    const value = to.silu(raw(x, out, k, stride));
    channels.set(value, out);
    return value;
  };
  const concat = (values: readonly string[]): string => {
    const value = to.concat(values);
    channels.set(
      value,
      values.reduce((sum, part) => sum + width(part), 0),
    );
    return value;
  };
  const c3 = (x: string, out: number, depth: number, shortcut: boolean): string => {
    const half = out / 2;
    let main = conv(x, half);
    const side = conv(x, half);
    for (let i = 0; i < depth; i++) {
      const inner = conv(conv(main, half), half, 3);
      main = shortcut ? to.add(main, inner) : inner;
      channels.set(main, half);
    }
    return conv(concat([main, side]), out);
  };
  const push = (value: string): string => {
    layers.push(value);
    return value;
  };

  let x = push(conv(input, WIDTHS[0]!, 6, 2));
  const stages: string[] = [];
  for (let i = 0; i <= net.levels; i++) {
    x = push(conv(x, WIDTHS[i + 1]!, 3, 2));
    x = push(c3(x, WIDTHS[i + 1]!, net.depths[i]!, true));
    stages.push(x);
  }
  const first = conv(x, width(x) / 2);
  const pools = [first];
  for (let i = 0; i < 3; i++) {
    pools.push(to.pool(pools[i]!));
    channels.set(pools[i + 1]!, width(first));
  }
  x = push(conv(concat(pools), width(x)));
  const laterals: string[] = [];
  for (let level = net.levels - 1; level > 0; level--) {
    laterals.unshift(push(conv(x, WIDTHS[level + 1]!)));
    const stride = 8 * 2 ** (level - 1);
    const up = push(to.upsample(laterals[0]!, [net.size[0] / stride, net.size[1] / stride]));
    channels.set(up, width(laterals[0]!));
    x = push(c3(push(concat([up, stages[level]!])), WIDTHS[level + 1]!, 1, false));
  }
  const features = [x];
  for (const lateral of laterals) {
    x = push(concat([push(conv(x, width(x), 3, 2)), lateral]));
    x = push(c3(x, width(x), 1, false));
    features.push(x);
  }
  const columns = 5 + net.classCount;
  const anchors = features.map((_, i) => [0, 1, 2].map((a) => [7 + 9 * i + a * 5, 11 + 3 * i + a * 4] as const));
  to.detect(
    features.map((feature) => raw(feature, 3 * columns, 1, 1)),
    { size: net.size, strides: features.map((_, i) => 8 * 2 ** i), anchors, columns },
  );
  return layers;
}

export type DetectWriter = (tf: TfjsWriter, convs: readonly string[], shape: DetectShape) => string;

class TfjsSink implements Writer {
  readonly tf = new TfjsWriter();
  readonly #detect: DetectWriter;

  constructor([height, width]: readonly [number, number], detect: DetectWriter) {
    this.tf.input(1, height, width, 3);
    this.#detect = detect;
  }

  conv(x: string, { oihw, kernel, bias }: Weights, stride: number): string {
    const [O, I, H, W] = oihw;
    const hwio = new Float32Array(kernel.length);
    for (let o = 0; o < O; o++) {
      for (let i = 0; i < I; i++) {
        for (let cell = 0; cell < H * W; cell++) hwio[(cell * I + i) * O + o] = kernel[(o * I + i) * H * W + cell]!;
      }
    }
    const pad = H === 6 ? 2 : 1;
    const image = stride === 1 ? x : this.tf.node("Pad", [x, this.tf.ints([0, 0, pad, pad, pad, pad, 0, 0], [4, 2])]);
    return this.tf.node("_FusedConv2D", [image, this.tf.floats([H, W, I, O], hwio), this.tf.floats([O], bias)], {
      padding: attr.s(stride === 1 ? "SAME" : "VALID"),
      strides: attr.ints(1, stride, stride, 1),
      fused_ops: attr.strings("BiasAdd"),
      num_args: attr.i(1),
    });
  }

  silu(x: string): string {
    return this.tf.node("Mul", [x, this.tf.node("Sigmoid", [x])]);
  }

  add(a: string, b: string): string {
    return this.tf.node("AddV2", [a, b]);
  }

  concat(values: readonly string[]): string {
    return this.tf.node("ConcatV2", [...values, this.tf.ints([3], [])]);
  }

  pool(x: string): string {
    const window = { ksize: attr.ints(1, 5, 5, 1), strides: attr.ints(1, 1, 1, 1) };
    return this.tf.node("MaxPool", [x], { ...window, padding: attr.s("SAME") });
  }

  upsample(x: string, size: readonly [number, number]): string {
    const attributes = { half_pixel_centers: attr.b(true), align_corners: attr.b(false) };
    return this.tf.node("ResizeNearestNeighbor", [x, this.tf.ints([...size])], attributes);
  }

  detect(convs: readonly string[], shape: DetectShape): void {
    this.tf.node("Identity", [this.#detect(this.tf, convs, shape)], {}, "Identity");
  }
}

/** The head as TF's converter folds it: xy = (2s + (cell − ½))·(stride/size), wh = (2s)²·(anchor/size). */
export function writeTfDetect(tf: TfjsWriter, convs: readonly string[], shape: DetectShape): string {
  const [height, width] = shape.size;
  const levels = convs.map((conv, level) => {
    const stride = shape.strides[level]!;
    const [rows, columns] = [height / stride, width / stride];
    const cells = rows * columns;
    const split = tf.node("Reshape", [conv, tf.ints([-1, cells, 3, shape.columns])]);
    const s = tf.node("Sigmoid", [tf.node("Transpose", [split, tf.ints([0, 2, 1, 3])])]);
    const cut = (start: number, end: number): string =>
      tf.node("StridedSlice", [s, tf.ints([0, start]), tf.ints([0, end]), tf.ints([1, 1])], {
        ellipsis_mask: attr.i(1),
        end_mask: attr.i(end === 0 ? 2 : 0),
      });
    const grid = Array.from({ length: cells }, (_, i) => [(i % columns) - 0.5, Math.floor(i / columns) - 0.5]).flat();
    const doubled = tf.node("Mul", [cut(0, 2), tf.floats([], [2])]);
    const moved = tf.node("Add", [doubled, tf.floats([1, 1, cells, 2], grid)]);
    const xy = tf.node("Mul", [moved, tf.floats([1, 2], [stride / width, stride / height])]);
    const squared = tf.node("Square", [tf.node("Mul", [cut(2, 4), tf.floats([], [2])])]);
    const anchors = shape.anchors[level]!.flatMap(([w, h]) => [w / width, h / height]);
    const wh = tf.node("Mul", [squared, tf.floats([1, 3, 1, 2], anchors)]);
    const joined = tf.node("ConcatV2", [xy, wh, cut(4, 0), tf.ints([-1], [])]);
    return tf.node("Reshape", [joined, tf.ints([-1, 3 * cells, shape.columns])]);
  });
  return tf.node("ConcatV2", [...levels, tf.ints([1], [])]);
}

class OnnxSink implements Writer {
  readonly onnx = new GraphBuilder("t");

  constructor([height, width]: readonly [number, number]) {
    this.onnx.input("x", [null, 3, height, width]);
  }

  conv(x: string, { oihw, kernel, bias }: Weights, stride: number): string {
    const pad = oihw[2] === 6 ? 2 : (oihw[2] - 1) / 2;
    return this.onnx.op("Conv", [x, this.onnx.floats(oihw, kernel), this.onnx.floats([oihw[0]], bias)], {
      pads: [pad, pad, pad, pad],
      strides: [stride, stride],
    });
  }

  silu(x: string): string {
    return this.onnx.op("Mul", [x, this.onnx.op("Sigmoid", [x])]);
  }

  add(a: string, b: string): string {
    return this.onnx.op("Add", [a, b]);
  }

  concat(values: readonly string[]): string {
    return this.onnx.op("Concat", values, { axis: 1 });
  }

  pool(x: string): string {
    return this.onnx.op("MaxPool", [x], { kernel_shape: [5, 5], pads: [2, 2, 2, 2], strides: [1, 1] });
  }

  upsample(x: string): string {
    return this.onnx.op("Resize", [x, "", this.onnx.floats([4], [1, 1, 2, 2])], {
      coordinate_transformation_mode: "asymmetric",
      nearest_mode: "floor",
    });
  }

  /** The official export's arithmetic, over `[N, A, h, w, 5+K]`. */
  detect(convs: readonly string[], shape: DetectShape): void {
    const { onnx } = this;
    const levels = convs.map((conv, level) => {
      const stride = shape.strides[level]!;
      const [H, W] = [shape.size[0] / stride, shape.size[1] / stride];
      const split = onnx.op("Reshape", [conv, onnx.ints([-1, 3, shape.columns, H, W])]);
      const s = onnx.op("Sigmoid", [onnx.op("Transpose", [split], { perm: [0, 1, 3, 4, 2] })]);
      const [xy, wh, rest] = onnx.ops("Split", [s, onnx.ints([2, 2, shape.columns - 4])], 3, { axis: 4 });
      const grid = Array.from({ length: H * W }, (_, i) => [(i % W) - 0.5, Math.floor(i / W) - 0.5]).flat();
      const moved = onnx.op("Add", [onnx.op("Mul", [xy!, onnx.float(2)]), onnx.floats([1, 1, H, W, 2], grid)]);
      const centre = onnx.op("Mul", [moved, onnx.float(stride)]);
      const squared = onnx.op("Pow", [onnx.op("Mul", [wh!, onnx.float(2)]), onnx.float(2)]);
      const size = onnx.op("Mul", [squared, onnx.floats([1, 3, 1, 1, 2], shape.anchors[level]!.flat())]);
      const joined = onnx.op("Concat", [centre, size, rest!], { axis: 4 });
      return onnx.op("Reshape", [joined, onnx.ints([0, -1, shape.columns])]);
    });
    onnx.node("Concat", levels, ["rows"], { axis: 1 });
    onnx.output("rows");
  }
}
