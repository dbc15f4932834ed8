import { expect, test } from "vitest";
import { readTfjs } from "../../src/readers/tfjs/read-tfjs.js";
import { tfjsWeightFiles } from "../../src/readers/tfjs/topology.js";
import { distance, runOnnx } from "./run-onnx.js";
import { attr, randomNumbers, TfjsWriter } from "./tfjs-writer.js";

const SIZE = [5, 7] as const;

function numbers(count: number, seed = 1): Float32Array {
  const random = randomNumbers(seed);
  return Float32Array.from({ length: count }, () => random() * 2);
}

/** Reads a model written by `write` from an input [1, H, W, C] and runs it on NHWC data given as NCHW. */
async function run(
  write: (tf: TfjsWriter, x: string) => string,
  channels = 3,
): Promise<{ dims: readonly number[]; data: Float32Array }> {
  const tf = new TfjsWriter();
  const output = write(tf, tf.input(1, ...SIZE, channels));
  const model = readTfjs(tf.model(output), tf.bytes());
  const [H, W] = SIZE;
  const result = await runOnnx(model, [1, channels, H, W], toNchw(numbers(H * W * channels), [1, H, W, channels]));
  const found = result.get(`${output}:0`)!;
  const declared = model.graph.outputs[0]!.shape!;
  expect(declared.length).toBe(found.dims.length);
  declared.forEach((dim, i) => {
    if (dim !== null) expect(found.dims[i]).toBe(dim);
  });
  return found;
}

function toNchw(data: ArrayLike<number>, [N, H, W, C]: readonly [number, number, number, number]): Float32Array {
  const moved = new Float32Array(N * H * W * C);
  for (let n = 0; n < N; n++)
    for (let cell = 0; cell < H * W; cell++)
      for (let c = 0; c < C; c++) moved[(n * C + c) * H * W + cell] = data[(n * H * W + cell) * C + c]!;
  return moved;
}

/** x[n=0][y][x][c] of the input. */
const pixel = (y: number, x: number, c: number, channels = 3): number =>
  numbers(35 * channels)[(y * 7 + x) * channels + c]!;

/** A convolution written as in TF's definition: NHWC, HWIO, pads given. */
function convolve(o: {
  kernel: readonly number[];
  weights: Float32Array;
  dims: readonly [number, number, number, number];
  stride: number;
  pads: readonly [number, number];
  out: readonly [number, number];
  depthwise?: boolean;
}): Float32Array {
  const [KH, KW, I, O] = o.dims;
  const outputs = o.depthwise ? I * O : O;
  const result = new Float32Array(o.out[0] * o.out[1] * outputs);
  for (let y = 0; y < o.out[0]; y++)
    for (let x = 0; x < o.out[1]; x++)
      for (let k = 0; k < outputs; k++) {
        let sum = 0;
        for (let i = 0; i < KH; i++)
          for (let j = 0; j < KW; j++)
            for (let c = 0; c < I; c++) {
              if (o.depthwise && Math.floor(k / O) !== c) continue;
              const [sy, sx] = [y * o.stride + i - o.pads[0], x * o.stride + j - o.pads[1]];
              if (sy < 0 || sx < 0 || sy >= 5 || sx >= 7) continue;
              sum += pixel(sy, sx, c, I) * o.weights[((i * KW + j) * I + c) * O + (o.depthwise ? k % O : k)]!;
            }
        result[(y * o.out[1] + x) * outputs + k] = sum;
      }
  return result;
}

const conv = { padding: attr.s("SAME"), strides: attr.ints(1, 1, 1, 1) };

test.each([
  ["SAME, even kernel: one more pad at the end", "SAME", 1, [4, 2], [1, 0], [5, 7]],
  ["SAME, stride 2", "SAME", 2, [3, 3], [1, 1], [3, 4]],
  ["VALID, stride 2", "VALID", 2, [2, 3], [0, 0], [2, 3]],
] as const)("Conv2D %s", async (_, padding, stride, [kh, kw], pads, out) => {
  const dims = [kh, kw, 3, 5] as const;
  const weights = numbers(kh * kw * 15, 2);
  const found = await run((tf, x) =>
    tf.node("Conv2D", [x, tf.floats(dims, weights)], {
      padding: attr.s(padding),
      strides: attr.ints(1, stride, stride, 1),
    }),
  );
  const expected = convolve({ kernel: [kh, kw], weights, dims, stride, pads, out });
  expect(distance(found.data, toNchw(expected, [1, ...out, 5]))).toBeLessThan(1e-4);
});

test.each(["DepthwiseConv2dNative", "FusedDepthwiseConv2dNative"])(
  "%s: channel c gives outputs c·M and on",
  async (op) => {
    const dims = [3, 3, 3, 2] as const;
    const weights = numbers(54, 3);
    const found = await run((tf, x) => {
      const inputs = [x, tf.floats(dims, weights)];
      if (op.startsWith("Fused")) inputs.push(tf.floats([6], [0, 0, 0, 0, 0, 0]));
      return tf.node(op, inputs, { ...conv, fused_ops: attr.strings("BiasAdd") });
    });
    const expected = convolve({ kernel: [3, 3], weights, dims, stride: 1, pads: [1, 1], out: [5, 7], depthwise: true });
    expect(distance(found.data, toNchw(expected, [1, 5, 7, 6]))).toBeLessThan(1e-4);
  },
);

test("a Pad goes into the pads of a VALID convolution, and is written out for anything else", async () => {
  const dims = [3, 3, 3, 2] as const;
  const weights = numbers(54, 4);
  const write =
    (padding: string) =>
    (tf: TfjsWriter, x: string): string => {
      const padded = tf.node("Pad", [x, tf.ints([0, 0, 2, 1, 0, 3, 0, 0], [4, 2])]);
      return tf.node("Conv2D", [padded, tf.floats(dims, weights)], { padding: attr.s(padding) });
    };
  const expected = convolve({ kernel: [3, 3], weights, dims, stride: 1, pads: [2, 0], out: [6, 8] });
  expect(distance((await run(write("VALID"))).data, toNchw(expected, [1, 6, 8, 2]))).toBeLessThan(1e-4);
  const same = convolve({ kernel: [3, 3], weights, dims, stride: 1, pads: [3, 1], out: [8, 10] });
  expect(distance((await run(write("SAME"))).data, toNchw(same, [1, 8, 10, 2]))).toBeLessThan(1e-4);
});

test.each([
  ["Relu", (v: number) => Math.max(v, 0)],
  ["Relu6", (v: number) => Math.min(Math.max(v, 0), 6)],
  ["LeakyRelu", (v: number) => (v < 0 ? 0.3 * v : v)],
  ["Sigmoid", (v: number) => 1 / (1 + Math.exp(-v))],
  ["Tanh", Math.tanh],
  ["Elu", (v: number) => (v < 0 ? Math.exp(v) - 1 : v)],
])("%s alone and fused into a convolution", async (op, f) => {
  const alone = await run((tf, x) => tf.node(op, [x], { alpha: attr.f(0.3) }));
  expect(distance(alone.data, toNchw(numbers(105).map(f), [1, 5, 7, 3]))).toBeLessThan(1e-5);
  const fused = await run((tf, x) => {
    const weights = tf.floats([1, 1, 3, 1], [1, 0, 0]);
    const attributes = { ...conv, fused_ops: attr.strings("BiasAdd", op), leakyrelu_alpha: attr.f(0.3) };
    return tf.node("_FusedConv2D", [x, weights, tf.floats([1], [0.5])], attributes);
  });
  const first = Float32Array.from({ length: 35 }, (_, i) => f(numbers(105)[i * 3]! + 0.5));
  expect(distance(fused.data, first)).toBeLessThan(1e-5);
});

test.each([
  ["a scalar", [], [2]],
  ["a value per channel", [3], [1, 2, 3]],
  ["a value per column and channel", [7, 3], [...numbers(21, 5)]],
  ["a value per row", [1, 5, 1, 1], [1, 2, 3, 4, 5]],
] as const)("a constant beside an image broadcasts from the last axis of TF: %s", async (_, dims, data) => {
  const expected = numbers(105).map((value, i) => {
    const [c, x, y] = [i % 3, Math.floor(i / 3) % 7, Math.floor(i / 21)];
    const factor =
      dims.length === 0 ? 2 : dims.length === 1 ? data[c]! : dims.length === 2 ? data[x * 3 + c]! : data[y]!;
    return value * factor;
  });
  const found = await run((tf, x) => tf.node("Mul", [tf.floats(dims, data), x]));
  expect(distance(found.data, toNchw(expected, [1, 5, 7, 3]))).toBeLessThan(1e-5);
});

test("arithmetic of two inputs, of one input, and an image with a value in TF's axes", async () => {
  const found = await run((tf, x) => {
    const flat = tf.node("Reshape", [x, tf.ints([1, 5, -1, 3])]);
    const mixed = tf.node("Sub", [x, tf.node("Neg", [flat])]);
    return tf.node("Maximum", [tf.node("RealDiv", [mixed, tf.floats([], [4])]), tf.floats([], [0.1])]);
  });
  expect(
    distance(
      found.data,
      numbers(105).map((value) => Math.max(value / 2, 0.1)),
    ),
  ).toBeLessThan(1e-6);
  const other = await run((tf, x) => {
    const soft = tf.node("Softplus", [tf.node("Minimum", [x, tf.floats([1], [1])])]);
    return tf.node("AddV2", [tf.node("Square", [x]), tf.node("Exp", [soft])]);
  });
  const expected = numbers(105).map((v) => v * v + 1 + Math.exp(Math.min(v, 1)));
  expect(distance(other.data, toNchw(expected, [1, 5, 7, 3]))).toBeLessThan(1e-4);
});

test("BiasAdd on an image and on rows", async () => {
  const image = await run((tf, x) => tf.node("BiasAdd", [x, tf.floats([3], [1, 2, 3])]));
  const rows = await run((tf, x) =>
    tf.node("BiasAdd", [tf.node("Reshape", [x, tf.ints([35, 3])]), tf.floats([3], [1, 2, 3])]),
  );
  const expected = numbers(105).map((value, i) => value + 1 + (i % 3));
  expect(distance(image.data, toNchw(expected, [1, 5, 7, 3]))).toBeLessThan(1e-6);
  expect(distance(rows.data, expected)).toBeLessThan(1e-6);
});

test("Concat along each axis of TF, of images and of other values", async () => {
  for (const axis of [1, 2, 3, -1]) {
    const found = await run((tf, x) => tf.node("ConcatV2", [x, tf.node("Neg", [x]), tf.ints([axis], [])]));
    const place = axis < 0 ? 3 : axis;
    const dims = [1, 5, 7, 3];
    dims[place]! *= 2;
    const [, H, W, C] = dims as [number, number, number, number];
    const expected = Float32Array.from({ length: 210 }, (_, i) => {
      const at = [Math.floor(i / (W * C)) % H, Math.floor(i / C) % W, i % C];
      const second = at[place - 1]! >= [5, 7, 3][place - 1]!;
      if (second) at[place - 1]! -= [5, 7, 3][place - 1]!;
      return pixel(at[0]!, at[1]!, at[2]!) * (second ? -1 : 1);
    });
    expect(distance(found.data, toNchw(expected, [1, H, W, C])), `axis ${axis}`).toBe(0);
  }
  const rows = await run((tf, x) => {
    const flat = tf.node("Reshape", [x, tf.ints([105])]);
    return tf.node("ConcatV2", [flat, flat, tf.ints([0], [])]);
  });
  expect(distance(rows.data, Float32Array.from([...numbers(105), ...numbers(105)]))).toBe(0);
});

test("Pad with a value, Pad of an axis that is no image axis, Pad that is the output", async () => {
  const filled = await run((tf, x) =>
    tf.node("PadV2", [x, tf.ints([0, 0, 1, 0, 0, 0, 0, 0], [4, 2]), tf.floats([], [9])]),
  );
  expect(filled.dims).toEqual([1, 6, 7, 3]);
  expect(distance(filled.data, Float32Array.from([...Array(21).fill(9), ...numbers(105)]))).toBe(0);
  const channels = await run((tf, x) => tf.node("Pad", [x, tf.ints([0, 0, 0, 0, 0, 0, 0, 1], [4, 2])]));
  expect(channels.dims).toEqual([1, 5, 7, 4]);
  expect(channels.data[3]).toBe(0);
  const zeros = await run((tf, x) => tf.node("Pad", [x, tf.ints([0, 0, 0, 1, 0, 0, 0, 0], [4, 2])]));
  expect(zeros.dims).toEqual([1, 3, 6, 7]);
});

test("poolings: SAME pads count in neither the average nor the maximum", async () => {
  const window = { ksize: attr.ints(1, 3, 3, 1), strides: attr.ints(1, 1, 1, 1), padding: attr.s("SAME") };
  const average = await run((tf, x) => tf.node("AvgPool", [x], window));
  const corner = (pixel(0, 0, 0) + pixel(0, 1, 0) + pixel(1, 0, 0) + pixel(1, 1, 0)) / 4;
  expect(average.data[0]).toBeCloseTo(corner, 5);
  const maximum = await run((tf, x) => tf.node("MaxPool", [x], { ...window, strides: attr.ints(1, 2, 2, 1) }));
  expect(maximum.dims).toEqual([1, 3, 3, 4]);
  const corners = [pixel(0, 0, 0), pixel(0, 1, 0), pixel(1, 0, 0), pixel(1, 1, 0)];
  expect(maximum.data[0]).toBe(Math.max(...corners));
});

test.each([
  ["a whole factor", [10, 14], false, false, (i: number) => Math.floor(i / 2), (i: number) => Math.floor(i / 2)],
  [
    "half-pixel centres",
    [3, 4],
    false,
    true,
    (i: number) => Math.floor((i + 0.5) * (5 / 3)),
    (i: number) => Math.floor((i + 0.5) * (7 / 4)),
  ],
  ["plain", [3, 4], false, false, (i: number) => Math.floor(i * (5 / 3)), (i: number) => Math.floor(i * (7 / 4))],
  ["aligned corners", [9, 4], true, false, (i: number) => Math.round((i * 4) / 8), (i: number) => i * 2],
] as const)("ResizeNearestNeighbor, %s", async (_, [h, w], corners, half, rowOf, columnOf) => {
  const found = await run((tf, x) =>
    tf.node("ResizeNearestNeighbor", [x, tf.ints([h, w])], {
      align_corners: attr.b(corners),
      half_pixel_centers: attr.b(half),
    }),
  );
  const expected = Float32Array.from({ length: h * w }, (_, i) => pixel(rowOf(Math.floor(i / w)), columnOf(i % w), 1));
  expect(distance(found.data.slice(h * w, 2 * h * w), expected)).toBe(0);
});

test("StridedSlice: masks, steps, ellipsis, dropped axes", async () => {
  const slice = (begin: number[], end: number[], step: number[], masks: Record<string, number>) =>
    run((tf, x) =>
      tf.node(
        "StridedSlice",
        [x, tf.ints(begin), tf.ints(end), tf.ints(step)],
        Object.fromEntries(Object.entries(masks).map(([key, value]) => [`${key}_mask`, attr.i(value)])),
      ),
    );
  const last = await slice([0, -1], [0, 0], [1, 1], { ellipsis: 1, end: 2 });
  expect(last.dims).toEqual([1, 1, 5, 7]); // an image stays one
  expect(last.data[8]).toBe(pixel(1, 1, 2));
  const row = await slice([0, 2, 1], [1, 3, -1], [1, 1, 2], { shrink_axis: 3 });
  expect(row.dims).toEqual([3, 3]);
  expect(row.data[3]).toBe(pixel(2, 3, 0));
  const whole = await slice([0], [0], [1], { begin: 1, end: 1 });
  expect(whole.dims).toEqual([1, 3, 5, 7]);
  const final = await slice([0, -1], [1, 0], [1, 1], { shrink_axis: 2 });
  expect(final.dims).toEqual([1, 7, 3]);
  expect(final.data[0]).toBe(pixel(4, 0, 0));
});

test("quantised and half weights are restored", async () => {
  const found = await run((tf, x) => {
    const stored = [
      tf.stored(
        { shape: [2], dtype: "float32", quantization: { dtype: "uint8", scale: 0.5, min: -1 } },
        Uint8Array.of(0, 6),
      ),
      tf.stored(
        { shape: [1], dtype: "float32", quantization: { dtype: "uint16", scale: 2, min: 1 } },
        Uint8Array.of(1, 1),
      ),
      tf.stored(
        { shape: [4], dtype: "float32", quantization: { dtype: "float16" } },
        new Uint8Array(Uint16Array.of(0x3c00, 0xc500, 0x0001, 0x7c00).buffer),
      ),
    ];
    const rows = stored.map((name, i) =>
      tf.node("AddV2", [tf.node("Mul", [first(tf, x), tf.floats([], [0])]), name], {}, `row${i}`),
    );
    return tf.node("ConcatV2", [...rows, tf.ints([0], [])]);
  });
  expect([...found.data]).toEqual([-1, 2, 515, 1, -5, 2 ** -24, Number.POSITIVE_INFINITY]);
});

/** One value of the input as a vector of one. */
function first(tf: TfjsWriter, x: string): string {
  return tf.node("StridedSlice", [tf.node("Reshape", [x, tf.ints([105])]), tf.ints([0]), tf.ints([1]), tf.ints([1])]);
}

test("nodes in any order, control inputs, and outputs without a signature", () => {
  const tf = new TfjsWriter();
  const output = tf.node("Neg", [`${tf.node("Neg", [tf.input(1, 2, 2, 3)])}:0`, "^input_1"]);
  tf.node("NoOp", []);
  const { signature, ...model } = tf.model(output);
  tf.nodes.reverse();
  expect(signature).toBeDefined();
  expect(readTfjs(model, tf.bytes()).graph.outputs.map(({ name }) => name)).toEqual([`${output}:0`]);
  expect(tfjsWeightFiles(JSON.stringify(model))).toEqual(["group1-shard1of1.bin"]);
});

test("quantised integers are rounded", async () => {
  const found = await run((tf, x) => {
    const quantization = { dtype: "uint8", scale: 1.5, min: -1.4 };
    return tf.node("Reshape", [x, tf.stored({ shape: [2], dtype: "int32", quantization }, Uint8Array.of(4, 10))]);
  }, 2);
  expect(found.dims).toEqual([5, 14]);
});

test("values keep the file's names; outputs of one node are numbered", async () => {
  const tf = new TfjsWriter();
  const parts = tf.node("SplitV", [tf.input(1, 2, 2, 4), tf.ints([1, -1]), tf.ints([3], [])], {}, "model/cut");
  const activation = tf.node("Relu", [`${parts}:1`], {}, "model/act");
  const model = readTfjs(tf.model(activation), tf.bytes());
  expect(model.graph.nodes.map(({ name, outputs }) => [name, outputs])).toEqual([
    ["model/cut", ["model/cut", "model/cut:1"]],
    ["model/act", ["model/act"]],
    ["model/act:0", ["model/act:0"]],
  ]);
  const found = await runOnnx(model, [1, 4, 2, 2], numbers(16));
  expect(found.get("model/act:0")?.dims).toEqual([1, 3, 2, 2]);
});

test("an output that a node does not have is named", () => {
  const tf = new TfjsWriter();
  const parts = tf.node("Split", [tf.ints([3], []), tf.input(1, 2, 2, 4)], { num_split: attr.i(2) }, "cut");
  const output = tf.node("Neg", [`${parts}:2`]);
  expect(() => readTfjs(tf.model(output), tf.bytes())).toThrow('"cut:2" is read, but node "cut" has no such output');
});

test("an input with its channels first stays as it is", async () => {
  const tf = new TfjsWriter();
  const output = tf.node("Neg", [tf.input(1, 3, 4, 4)]);
  const model = readTfjs(tf.model(output), tf.bytes());
  expect(model.graph.inputs[0]!.shape).toEqual([1, 3, 4, 4]);
  expect(model.graph.outputs[0]!.shape).toEqual([1, 3, 4, 4]);
});

test("a sum of one value per channel becomes the convolution's bias, unless the convolution is read elsewhere", async () => {
  const kernel = numbers(12, 6);
  const write = (tf: TfjsWriter, x: string, alone: boolean): string => {
    const convolved = tf.node("Conv2D", [x, tf.floats([1, 1, 3, 4], kernel)], conv);
    const sum = tf.node("AddV2", [convolved, tf.floats([4], [1, 2, 3, 4])], {}, "sum");
    return alone ? tf.node("Relu", [sum]) : tf.node("Mul", [sum, convolved]);
  };
  for (const alone of [true, false]) {
    const tf = new TfjsWriter();
    const output = write(tf, tf.input(1, ...SIZE, 3), alone);
    const ops = readTfjs(tf.model(output), tf.bytes()).graph.nodes.map(({ opType }) => opType);
    expect(ops).toEqual(alone ? ["Conv", "Relu", "Identity"] : ["Conv", "Add", "Mul", "Identity"]);
    const found = await run((writer, x) => write(writer, x, alone));
    const convolved = (cell: number, c: number): number =>
      [0, 1, 2].reduce((sum, i) => sum + numbers(105)[cell * 3 + i]! * kernel[i * 4 + c]!, 0);
    found.data.forEach((value, i) => {
      const [c, cell] = [Math.floor(i / 35), i % 35];
      const sum = convolved(cell, c) + c + 1;
      expect(value).toBeCloseTo(alone ? Math.max(sum, 0) : sum * convolved(cell, c), 4);
    });
  }
});

test("Conv2D on groups: the first outputs read the first channels", async () => {
  const found = await run((tf, x) => {
    const four = tf.node("ConcatV2", [x, tf.node("Neg", [x]), tf.ints([3], [])]);
    return tf.node("Conv2D", [four, tf.floats([1, 1, 3, 2], [1, 4, 2, 5, 3, 6])], conv);
  });
  expect(found.dims).toEqual([1, 2, 5, 7]);
  const weighted = (cell: number, weights: readonly number[]): number =>
    weights.reduce((sum, weight, c) => sum + weight * numbers(105)[cell * 3 + c]!, 0);
  found.data.forEach((value, i) => {
    expect(value).toBeCloseTo(i < 35 ? weighted(i, [1, 2, 3]) : -weighted(i - 35, [4, 5, 6]), 4);
  });
});
