import fc from "fast-check";
import { expect, test } from "vitest";
import { WhyboxError } from "../../src/errors.js";
import { readTfjs } from "../../src/readers/tfjs/read-tfjs.js";
import { attr, TfjsWriter } from "./tfjs-writer.js";

const conv = { padding: attr.s("SAME"), strides: attr.ints(1, 1, 1, 1) };

test("every op without a translation is named in one error", () => {
  const tf = new TfjsWriter();
  const x = tf.input(1, 2, 2, 3);
  const output = tf.node("ConcatV2", [
    tf.node("Einsum", [x]),
    tf.node("Cumsum", [x]),
    tf.node("Einsum", [x]),
    tf.ints([1], []),
  ]);
  tf.node("Unread", [x]);
  expect(() => readTfjs(tf.model(output), tf.bytes())).toThrow(
    expect.objectContaining({
      code: "unsupported-model",
      message: expect.stringContaining("no translation for Cumsum, Einsum. Translated are"),
    }),
  );
});

const image = (tf: TfjsWriter): string => tf.input(1, 4, 4, 3);
const kernel = (tf: TfjsWriter, ...dims: number[]): string =>
  tf.floats(dims, new Float32Array(dims.reduce((a, b) => a * b, 1)));

/** Nodes that cannot be translated, with what the error must say. */
const unsupported: [string, (tf: TfjsWriter) => string][] = [
  ["it has 1 inputs, expected 2", (tf) => tf.node("Conv2D", [image(tf)], conv)],
  ["input 1 is computed, expected a constant", (tf) => tf.node("Conv2D", [image(tf), "input_1"], conv)],
  ["input 1 is no short list of integers", (tf) => tf.node("Reshape", [image(tf), tf.floats([1], [48])])],
  [
    "an input has rank 2, expected 4",
    (tf) => tf.node("MaxPool", [tf.node("Reshape", [image(tf), tf.ints([4, 12])])], {}),
  ],
  [
    "fused_ops are [Relu], expected BiasAdd",
    (tf) => tf.node("_FusedConv2D", [image(tf)], { fused_ops: attr.strings("Relu") }),
  ],
  [
    "the fused activation is Gelu, expected Relu",
    (tf) =>
      tf.node("_FusedConv2D", [image(tf), kernel(tf, 1, 1, 3, 2), kernel(tf, 2)], {
        ...conv,
        fused_ops: attr.strings("BiasAdd", "Gelu"),
      }),
  ],
  [
    "padding is EXPLICIT, expected SAME or VALID",
    (tf) => tf.node("Conv2D", [image(tf), kernel(tf, 1, 1, 3, 2)], { padding: attr.s("EXPLICIT") }),
  ],
  [
    "its window of 5 is larger than the input of 4",
    (tf) => tf.node("Conv2D", [image(tf), kernel(tf, 5, 1, 3, 2)], { padding: attr.s("VALID") }),
  ],
  [
    "strides are [2, 1, 1, 1], expected [1, h, w, 1]",
    (tf) => tf.node("Conv2D", [image(tf), kernel(tf, 1, 1, 3, 2)], { strides: attr.ints(2, 1, 1, 1) }),
  ],
  [
    "data_format is NCHW, expected NHWC",
    (tf) => tf.node("Conv2D", [image(tf), kernel(tf, 1, 1, 3, 2)], { data_format: attr.s("NCHW") }),
  ],
  [
    "it has 2 fused arguments",
    (tf) =>
      tf.node("_FusedConv2D", [image(tf), kernel(tf, 1, 1, 3, 2), kernel(tf, 2)], {
        ...conv,
        num_args: attr.i(2),
        fused_ops: attr.strings("BiasAdd"),
      }),
  ],
  [
    "its weights are float32 [1, 1, 4, 2], expected float32 [h, w, 3, outputs]",
    (tf) => tf.node("Conv2D", [image(tf), kernel(tf, 1, 1, 4, 2)], conv),
  ],
  [
    "its bias is float32 [3], expected float32 [2]",
    (tf) =>
      tf.node("_FusedConv2D", [image(tf), kernel(tf, 1, 1, 3, 2), kernel(tf, 3)], {
        ...conv,
        fused_ops: attr.strings("BiasAdd"),
      }),
  ],
  ["shapes [1, 4, 4, 3] and [2] do not broadcast", (tf) => tf.node("Mul", [image(tf), tf.floats([2], [1, 2])])],
  ["its inputs are float32 and int32, expected one type", (tf) => tf.node("Mul", [image(tf), tf.ints([1])])],
  ["it splits 3 into 2 parts", (tf) => tf.node("Split", [tf.ints([3], []), image(tf)], { num_split: attr.i(2) })],
  ["it splits 3 into [1, 1]", (tf) => tf.node("SplitV", [image(tf), tf.ints([1, 1]), tf.ints([3], [])])],
  ["its inputs differ in rank", (tf) => tf.node("Pack", [image(tf), tf.floats([1], [1])])],
  ["it unpacks an open size", (tf) => tf.node("Unpack", [tf.input(-1, 4, 4, 3)], { axis: attr.i(0) })],
  [
    "its mode is SYMMETRIC, expected REFLECT",
    (tf) => tf.node("MirrorPad", [image(tf), tf.ints([0, 0, 1, 1, 0, 0, 0, 0], [4, 2])], { mode: attr.s("SYMMETRIC") }),
  ],
  ["it squeezes axes [1] of [1, 4, 4, 3]", (tf) => tf.node("Squeeze", [image(tf)], { squeeze_dims: attr.ints(1) })],
  ["it slices [1, 4, 4, 3] at [1] by [1]", (tf) => tf.node("Slice", [image(tf), tf.ints([1]), tf.ints([1])])],
  ["it repeats [1, 4, 4, 3] by [2]", (tf) => tf.node("Tile", [image(tf), tf.ints([2])])],
  ["the shape [?, 4, 4, 3] is open", (tf) => tf.node("Shape", [tf.input(-1, 4, 4, 3)])],
  ["it casts to DT_STRING", (tf) => tf.node("Cast", [image(tf)], { DstT: { type: "DT_STRING" } })],
  ["its condition is no bool", (tf) => tf.node("SelectV2", [image(tf), "input_1", "input_1"])],
  ["shapes [1, 4, 4, 3] and [2, 2] do not multiply", (tf) => tf.node("MatMul", [image(tf), kernel(tf, 2, 2)])],
  ["it takes 9 of 3", (tf) => tf.node("TopKV2", [image(tf), tf.ints([9], [])])],
  ["input 1 is no list of integers", (tf) => tf.node("GatherV2", [image(tf), "input_1", tf.ints([0], [])])],
  [
    "batch_dims is 1 and its axis 2",
    (tf) => tf.node("GatherV2", [image(tf), tf.ints([0], [1, 1]), tf.ints([2], [])], { batch_dims: attr.i(1) }),
  ],
  ["do not fit [1, 4, 4, 3]", (tf) => tf.node("GatherNd", [image(tf), tf.ints([0, 0, 0, 0, 0], [1, 5])])],
  [
    "it is in training mode",
    (tf) => tf.node("FusedBatchNormV3", [image(tf), ...Array.from({ length: 4 }, () => kernel(tf, 3))]),
  ],
  [
    "it makes 9 × 9 of 4 × 4 with strides [2, 2]",
    (tf) =>
      tf.node("Conv2DBackpropInput", [tf.ints([1, 9, 9, 2]), kernel(tf, 3, 3, 2, 3), image(tf)], {
        strides: attr.ints(1, 2, 2, 1),
      }),
  ],
  [
    "its padding is VALID",
    (tf) =>
      tf.node("Conv2DBackpropInput", [tf.ints([1, 8, 8, 2]), kernel(tf, 3, 3, 2, 3), image(tf)], {
        strides: attr.ints(1, 2, 2, 1),
      }),
  ],
  [
    "a Pad of zeros comes before it",
    (tf) => tf.node("MaxPool", [tf.node("Pad", [image(tf), tf.ints([0, 0, 1, 1, 1, 1, 0, 0], [4, 2])])], {}),
  ],
  [
    "it is computed from more than short lists of constants",
    (tf) => tf.node("SparseToDense", [image(tf), tf.ints([3]), tf.ints([], [0]), tf.ints([0], [])]),
  ],
  ["it has no inputs", (tf) => tf.node("AddN", [])],
  [
    "its inputs differ in rank",
    (tf) => tf.node("ConcatV2", [image(tf), tf.node("Reshape", ["input_1", tf.ints([48])]), tf.ints([0], [])]),
  ],
  ["paddings are [1, 1], expected two per axis", (tf) => tf.node("Pad", [image(tf), tf.ints([1, 1])])],
  [
    "its shape is [-1, -1], expected sizes and at most one -1",
    (tf) => tf.node("Reshape", [image(tf), tf.ints([-1, -1])]),
  ],
  ["48 values do not fit the shape [7, -1]", (tf) => tf.node("Reshape", [image(tf), tf.ints([7, -1])])],
  [
    "its permutation is [0, 1, 1, 3], expected one of 4 axes",
    (tf) => tf.node("Transpose", [image(tf), tf.ints([0, 1, 1, 3])]),
  ],
  [
    "it adds axes (new_axis_mask)",
    (tf) =>
      tf.node("StridedSlice", [image(tf), tf.ints([0]), tf.ints([1]), tf.ints([1])], { new_axis_mask: attr.i(1) }),
  ],
  [
    "begin, end and strides differ in length",
    (tf) => tf.node("StridedSlice", [image(tf), tf.ints([0]), tf.ints([1, 2]), tf.ints([1])]),
  ],
  [
    "stride -1 is not positive",
    (tf) => tf.node("StridedSlice", [image(tf), tf.ints([3]), tf.ints([0]), tf.ints([-1])]),
  ],
  [
    "it slices 5 axes of a value of rank 4",
    (tf) =>
      tf.node("StridedSlice", [
        image(tf),
        tf.ints([0, 0, 0, 0, 0]),
        tf.ints([1, 1, 1, 1, 1]),
        tf.ints([1, 1, 1, 1, 1]),
      ]),
  ],
  ["axis 4 is outside of rank 4", (tf) => tf.node("ConcatV2", [image(tf), "input_1", tf.ints([4], [])])],
  ["its size is not [height, width]", (tf) => tf.node("ResizeNearestNeighbor", [image(tf), tf.ints([0, 4])])],
  [
    "its batch or channels are open",
    (tf) => tf.node("ResizeNearestNeighbor", [tf.input(-1, 4, 4, 3), tf.ints([3, 3])]),
  ],
];

test.each(unsupported)("unsupported: %s", (message, write) => {
  const tf = new TfjsWriter();
  const output = write(tf);
  expect(() => readTfjs(tf.model(output), tf.bytes())).toThrow(
    expect.objectContaining({ code: "unsupported-model", message: expect.stringContaining(message) }),
  );
});

type Json = Record<string, unknown>;
/** A sound little model to break: one convolution. */
function sound(): { model: Json & { modelTopology: { node: Json[] }; weightsManifest: Json[] }; bytes: Uint8Array } {
  const tf = new TfjsWriter();
  const output = tf.node("Conv2D", [image(tf), kernel(tf, 1, 1, 3, 2)], conv);
  return { model: tf.model(output) as ReturnType<typeof sound>["model"], bytes: tf.bytes() };
}
type Sound = ReturnType<typeof sound>["model"];

const brokenModels: [string, (model: Sound) => unknown][] = [
  ["it is no JSON", () => "{"],
  ["model.json is no object", () => "[]"],
  ["this is a manifest of weights, without the network", (model) => model.weightsManifest],
  ["the limit is 64 Mi", () => " ".repeat(64 * 2 ** 20 + 1)],
  ['"format" is "layers-model", expected "graph-model"', (model) => ({ ...model, format: "layers-model" })],
  ['model.json has no "modelTopology"', () => ({ __proto__: { modelTopology: {} } })],
  ["modelTopology.node is no list", (model) => ({ ...model, modelTopology: { node: {} } })],
  [
    "modelTopology.node has 50001 entries, the limit is 50000",
    (model) => ({ ...model, modelTopology: { node: Array(50_001).fill({}) } }),
  ],
  ["modelTopology.node[0].name is no text", (model) => ({ ...model, modelTopology: { node: [{ name: 1 }] } })],
  [
    "two nodes have the same name",
    (model) => ({ ...model, modelTopology: { node: Array(2).fill(model.modelTopology.node[0]) } }),
  ],
  [
    'reads "input_1", which no node gives',
    (model) => ({ ...model, modelTopology: { node: model.modelTopology.node.slice(1) } }),
  ],
  [
    "The graph has a cycle",
    (model) => ({ ...model, modelTopology: { node: [{ name: "a", op: "Neg", input: ["a"] }] } }),
  ],
  [
    'the signature\'s output "none" is no node',
    (model) => ({ ...model, signature: { outputs: { o: { name: "none" } } } }),
  ],
  ["no node is an output", (model) => ({ ...model, signature: {}, modelTopology: { node: [] } })],
  [
    'paths[0] is "../secret", expected a plain file name',
    (model) => ({ ...model, weightsManifest: [{ weights: [], paths: ["../secret"] }] }),
  ],
  ['constant "n0/Const" has no entry', (model) => entry(model, { name: "other" })],
  ["is a constant", (model) => ({ ...model, signature: { outputs: { o: { name: "n0/Const" } } } })],
  [".shape[0] is -1", (model) => entry(model, { shape: [-1] })],
  [".shape[0] is no integer", (model) => entry(model, { shape: [1.5] })],
  [".shape has 9 entries, the limit is 8", (model) => entry(model, { shape: Array(9).fill(1) })],
  ["is complex64 stored as complex64", (model) => entry(model, { dtype: "complex64" })],
  ["is float32 stored as int8", (model) => entry(model, { quantization: { dtype: "int8" } })],
  ["is float32 stored as quantised int32", (model) => entry(model, { quantization: { dtype: "int32" } })],
  ["is float32 stored as constructor", (model) => entry(model, { quantization: { dtype: "constructor" } })],
  [".quantization.scale is no number", (model) => entry(model, { quantization: { dtype: "uint8", scale: "1" } })],
  ["needs bytes up to 40, but the weight files have 24", (model) => entry(model, { shape: [10] })],
  ["needs bytes up to 6.7", (model) => entry(model, { shape: Array(8).fill(2 ** 52) })],
  ["the manifest describes 4 bytes, but the weight files have 24", (model) => entry(model, { shape: [1] })],
  ['input "input_1" has no shape', (model) => withAttr(model, "Placeholder", {})],
  ['input "input_1" has no shape', (model) => withAttr(model, "Placeholder", { shape: { shape: {} } })],
  ['attribute "padding" of node', (model) => withAttr(model, "Conv2D", { padding: { s: "%" } })],
  ["is no text", (model) => withAttr(model, "Conv2D", { padding: { s: 3 } })],
  ["is no integer", (model) => withAttr(model, "Conv2D", { ...conv, strides: { list: { i: ["x"] } } })],
  ["is no object", (model) => withAttr(model, "Conv2D", { padding: 3 })],
];

function entry(model: Sound, change: Json): unknown {
  const [group] = model.weightsManifest as [Json];
  const [weight] = group.weights as [Json];
  return { ...model, weightsManifest: [{ ...group, weights: [{ ...weight, ...change }] }] };
}

function withAttr(model: Sound, op: string, attributes: Json): unknown {
  const node = model.modelTopology.node.map((each) => (each.op === op ? { ...each, attr: attributes } : each));
  return { ...model, modelTopology: { node } };
}

test.each(brokenModels)("broken: %s", (message, change) => {
  const { model, bytes } = sound();
  expect(() => readTfjs(model, bytes)).not.toThrow();
  expect(() => readTfjs(change(model), bytes)).toThrow(
    expect.objectContaining({ code: "bad-input", message: expect.stringContaining(message) }),
  );
});

test("a loop of TensorFlow 1 is no broken file", () => {
  const { model, bytes } = sound();
  const loop = [
    { name: "merge", op: "Merge", input: ["input_1", "next"] },
    { name: "next", op: "NextIteration", input: ["merge"] },
  ];
  const node = [...model.modelTopology.node, ...loop];
  expect(() => readTfjs({ ...model, modelTopology: { node } }, bytes)).toThrow(
    expect.objectContaining({
      code: "unsupported-model",
      message: expect.stringMatching(/a loop, through node "next"/),
    }),
  );
});

test("broken: a number or a boolean of another type", () => {
  const tf = new TfjsWriter();
  const leaky = tf.node("LeakyRelu", [image(tf)], { alpha: { f: "1" } });
  expect(() => readTfjs(tf.model(leaky), tf.bytes())).toThrow("is no number");
  const resize = tf.node("ResizeNearestNeighbor", ["input_1", tf.ints([8, 8])], { align_corners: { b: 1 } });
  expect(() => readTfjs(tf.model(resize), tf.bytes())).toThrow("is no boolean");
});

test("a model.json changed at random gives a model or a WhyboxError, nothing else", () => {
  const { model, bytes } = sound();
  const text = JSON.stringify(model);
  fc.assert(
    fc.property(
      fc.nat(text.length - 1),
      fc.nat(12),
      fc.stringMatching(/^[-{}[\]":,0-9a-z]{0,6}$/),
      (at, count, put) => {
        try {
          readTfjs(text.slice(0, at) + put + text.slice(at + count), bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(WhyboxError);
        }
      },
    ),
    { numRuns: 500 },
  );
});
