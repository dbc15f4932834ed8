import { expect, test } from "vitest";
import { pythonDict } from "../../src/detector/python-names.js";
import type { Attribute, Model } from "../../src/onnx/model.js";
import { readTfjs } from "../../src/readers/tfjs/read-tfjs.js";
import { restoreYolov5 } from "../../src/readers/yolov5/restore-yolov5.js";
import { sizeOf } from "../../src/tensor/tensor.js";
import { type DetectWriter, type TinyYolov5, writeOnnx, writeTfDetect, writeTfjs } from "./make-yolov5.js";
import { distance, runOnnx } from "./run-onnx.js";
import { randomNumbers, type TfjsWriter } from "./tfjs-writer.js";

const small: TinyYolov5 = { size: [64, 96], depths: [1, 2, 3, 1], levels: 3, classCount: 4, seed: 1 };
const large: TinyYolov5 = { size: [128, 64], depths: [1, 1, 2, 1, 1], levels: 4, classCount: 2, seed: 2 };

function makeImage(dims: readonly number[], seed = 3): Float32Array {
  const random = randomNumbers(seed);
  return Float32Array.from({ length: sizeOf(dims) }, () => (random() + 1) / 2);
}

function generic(net: TinyYolov5, detect?: DetectWriter): Model {
  const { json, bytes } = writeTfjs(net, detect);
  return readTfjs(JSON.stringify(json), bytes);
}

/** Rows of the made network, box numbers apart from the probabilities, which are far smaller. */
function expectRows(found: Float32Array, expected: Float32Array): void {
  expect(found.length).toBe(expected.length);
  expect(expected.some((value) => value > 8)).toBe(true);
  expect(distance(found, expected)).toBeLessThan(1e-4);
}

test("the generic translation gives the network's output, boxes in parts of the input", async () => {
  const model = generic(small);
  expect(model.graph.inputs[0]!.shape).toEqual([1, 3, 64, 96]);
  expect(model.graph.nodes.some(({ opType }) => opType === "Pad")).toBe(false);
  const x = makeImage([1, 3, 64, 96]);
  const found = (await runOnnx(model, [1, 3, 64, 96], x)).get("Identity:0")!;
  const expected = (await runOnnx(writeOnnx(small), [1, 3, 64, 96], x)).get("rows")!;
  expect(found.dims).toEqual(expected.dims);
  const unit = [96, 64, 96, 64];
  const pixels = found.data.map((value, i) => (i % 9 < 4 ? value * unit[i % 9]! : value));
  expectRows(pixels, expected.data);
});

for (const net of [small, large]) {
  test(`${net.levels} levels: rows and every layer as in an independent NCHW graph`, async () => {
    const model = restoreYolov5(generic(net));
    const dims = [1, 3, ...net.size];
    const expected = await runOnnx(writeOnnx(net), dims, makeImage(dims));
    const layers = [...expected.keys()].filter((name) => name.startsWith("layer."));
    const values = layers.map((_, i) => lastValueOf(model, i));
    const found = await runOnnx(model, dims, makeImage(dims), ["output0", ...values]);
    expect(layers.length).toBe(net.levels === 3 ? 24 : 33);
    expectRows(found.get("output0")!.data, expected.get("rows")!.data);
    layers.forEach((name, i) => {
      expect(distance(found.get(values[i]!)!.data, expected.get(name)!.data), values[i]!).toBeLessThan(1e-5);
    });
  });

  test(`${net.levels} levels: other sizes and batches than the file's`, async () => {
    const model = restoreYolov5(generic(net));
    const size = [192, 128] as const;
    const dims = [2, 3, ...size];
    const expected = await runOnnx(writeOnnx({ ...net, size }), dims, makeImage(dims), ["rows"]);
    const found = await runOnnx(model, dims, makeImage(dims));
    expect(found.get("output0")!.dims).toEqual(expected.get("rows")!.dims);
    expectRows(found.get("output0")!.data, expected.get("rows")!.data);
  });
}

function lastValueOf(model: Model, layer: number): string {
  return model.graph.nodes.filter(({ name }) => name.startsWith(`/model.${layer}/`)).at(-1)!.outputs[0]!;
}

test("nodes have the names of the official export", () => {
  const model = restoreYolov5(generic(small));
  const names = new Set(model.graph.nodes.map(({ name }) => name));
  for (const name of [
    "/model.0/conv/Conv",
    "/model.0/act/Sigmoid",
    "/model.2/cv1/act/Mul",
    "/model.2/m/m.0/Add",
    "/model.2/Concat",
    "/model.6/m/m.2/cv2/conv/Conv",
    "/model.9/cv1/conv/Conv",
    "/model.9/m/MaxPool",
    "/model.9/m_2/MaxPool",
    "/model.11/Resize",
    "/model.12/Concat",
    "/model.13/m/m.0/cv2/act/Mul",
    "/model.17/cv3/act/Mul",
    "/model.18/conv/Conv",
    "/model.22/Concat",
    "/model.23/cv3/act/Mul",
    "/model.24/m.0/Conv",
    "/model.24/m.2/Conv",
    "/model.24/Sigmoid_2",
  ]) {
    expect(names.has(name), name).toBe(true);
  }
  expect(names.size).toBe(model.graph.nodes.length);
  expect(names.has("/model.13/m/m.0/Add")).toBe(false);
  expect(model.graph.initializers.has("model.2.m.0.cv1.conv.weight")).toBe(false);
  expect(model.graph.initializers.has("model.2.m.m.0.cv1.conv.weight")).toBe(true);
});

test("stride, names and the caller's entries become metadata", () => {
  const names = ["cat", "dog's", 'a "b"', "c\\d"];
  const model = restoreYolov5(generic(small), { names, metadata: { licence: "made up" } });
  expect([...model.metadata]).toEqual([
    ["stride", "32"],
    ["names", `{0: 'cat', 1: "dog's", 2: 'a "b"', 3: 'c\\\\d'}`],
    ["licence", "made up"],
  ]);
  expect(pythonDict([`'"`])).toBe(`{0: '\\'"'}`);
  expect(restoreYolov5(generic(large)).metadata).toEqual(new Map([["stride", "64"]]));
});

test("anchors and strides are read from the constants", () => {
  const { initializers } = restoreYolov5(generic(small)).graph;
  const scale = initializers.get("model.24.anchor_scale.1")!;
  const values = new Float32Array(scale.bytes.slice().buffer);
  expect([...values].map((value) => value / 4)).toEqual(
    [16, 14, 21, 18, 26, 22].map((value) => expect.closeTo(value, 4)),
  );
});

test("boxes in pixels and other foldings of the same arithmetic are recognised", async () => {
  const model = restoreYolov5(generic(small, writePixelDetect));
  const dims = [1, 3, ...small.size];
  const expected = await runOnnx(writeOnnx(small), dims, makeImage(dims), ["rows"]);
  const found = await runOnnx(model, dims, makeImage(dims));
  expectRows(found.get("output0")!.data, expected.get("rows")!.data);
});

test("names that do not fit the classes are the caller's mistake", () => {
  expect(() => restoreYolov5(generic(small), { names: ["a"] })).toThrow(
    expect.objectContaining({ code: "usage", message: "The model has 4 classes, but 1 names were given." }),
  );
});

/** A head that is YOLOv5's but for one change to a node or constant. */
function changed(change: (tf: TfjsWriter, from: number) => void): DetectWriter {
  return (tf, convs, shape) => {
    const from = tf.nodes.length;
    const output = writeTfDetect(tf, convs, shape);
    change(tf, from);
    return output;
  };
}

function nodeOf(tf: TfjsWriter, from: number, op: string, which = 0): Record<string, unknown> {
  return tf.nodes.slice(from).filter((node) => node.op === op)[which]!;
}

/** Boxes in pixels, with a division and a factor on the left. */
const writePixelDetect = changed((tf, from) => {
  const [height, width] = small.size;
  for (const join of tf.nodes
    .slice(from)
    .filter(({ op, input }) => op === "ConcatV2" && (input as string[])[2]?.includes("Slice"))) {
    const [xy, wh] = join.input as [string, string];
    (join.input as string[])[0] = tf.node("RealDiv", [xy, tf.floats([2], [1 / width, 1 / height])]);
    (join.input as string[])[1] = tf.node("Mul", [tf.floats([1, 1, 1, 2], [width, height]), wh]);
  }
});

const strangeHeads: Record<string, DetectWriter> = {
  "another activation": changed((tf, from) => {
    nodeOf(tf, from, "Sigmoid").op = "Tanh";
  }),
  "no square": changed((tf, from) => {
    nodeOf(tf, from, "Square").op = "Identity";
  }),
  "an exponential for the size": changed((tf, from) => {
    nodeOf(tf, from, "Square").op = "Exp";
  }),
  "columns cut elsewhere": changed((tf, from) => {
    const slice = nodeOf(tf, from, "StridedSlice");
    (slice.input as string[])[1] = tf.ints([0, 1]);
    (slice.input as string[])[2] = tf.ints([0, 3]);
  }),
  "a grid that is moved": changed((tf, from) => {
    const add = nodeOf(tf, from, "Add");
    add.op = "Sub";
  }),
  "cells of different scale": changed((tf, from) => {
    const scale = Array.from({ length: 192 }, (_, i) => (i < 2 ? 2 : 3));
    const grid = Array.from({ length: 96 }, (_, i) => [(i % 12) - 0.5, Math.floor(i / 12) - 0.5]).flat();
    (nodeOf(tf, from, "Mul").input as string[])[1] = tf.floats([1, 1, 96, 2], scale);
    (nodeOf(tf, from, "Add").input as string[])[1] = tf.floats(
      [1, 1, 96, 2],
      grid.map((value, i) => value + 1 - scale[i]! / 2), // so that s = ½ gives the right place
    );
  }),
  "boxes in another unit": changed((tf, from) => {
    const mul = nodeOf(tf, from, "Mul", 1);
    (mul.input as string[])[1] = tf.floats([1, 2], [0.3, 0.3]);
  }),
};

for (const [what, detect] of Object.entries(strangeHeads)) {
  test(`refused: ${what}`, () => {
    const { json, bytes } = writeTfjs(small, detect);
    const model = readTfjs(json, bytes);
    expect(() => restoreYolov5(model)).toThrow(
      expect.objectContaining({
        code: "unsupported-model",
        message: expect.stringContaining("2 of 3 detection levels at the output decode boxes as YOLOv5 does"),
      }),
    );
  });
}

test("refused: an output that is no detection head, and an input that is no image of fixed size", () => {
  const model = generic(small);
  const first = model.graph.nodes[0]!.outputs[0]!;
  const headless = { ...model.graph, outputs: [{ name: first, elemType: 1, shape: undefined }] };
  expect(() => restoreYolov5({ ...model, graph: headless })).toThrow("0 of 0 detection levels");
  const dynamic = { ...model.graph, inputs: [{ name: "input_1", elemType: 1, shape: [1, 3, null, null] }] };
  expect(() => restoreYolov5({ ...model, graph: dynamic })).toThrow("one input [N, 3, h, w] of fixed size");
});

test("refused: levels of different width, or without classes", () => {
  const model = generic({ ...small, classCount: 0 });
  expect(() => restoreYolov5(model)).toThrow("its levels have 5, 5, 5 columns");
});

test("refused: a node in the body that belongs to no module, a head beside the modules, an upsampling by 4", () => {
  const model = generic(small);
  const swap = (opType: string, to: Partial<Model["graph"]["nodes"][number]>): Model => {
    const which = model.graph.nodes.findIndex((node) => node.opType === opType);
    const nodes = model.graph.nodes.map((node, i) => (i === which ? { ...node, ...to } : node));
    return { ...model, graph: { ...model.graph, nodes } };
  };
  expect(() => restoreYolov5(swap("MaxPool", { opType: "AveragePool" }))).toThrow(
    /after 10 modules, node .* fits none/,
  );
  expect(() => restoreYolov5(swap("Resize", { inputs: [resizeInput(model), "", "none"] }))).toThrow(
    "resizes by [a fixed size], expected [1, 1, 2, 2]",
  );
  const inner = model.graph.nodes.find(({ opType }) => opType === "MaxPool")!.inputs[0]!;
  const conv = model.graph.nodes.filter(({ opType }) => opType === "Conv").at(-1)!;
  const nodes = model.graph.nodes.map((node) =>
    node === conv ? { ...node, inputs: [inner, ...node.inputs.slice(1)] } : node,
  );
  expect(() => restoreYolov5({ ...model, graph: { ...model.graph, nodes } })).toThrow("which is no module's output");
});

test("refused: a prediction convolution that is not 1×1 with stride 1", () => {
  const model = generic(small);
  const conv = model.graph.nodes.filter(({ opType }) => opType === "Conv").at(-1)!;
  for (const [name, value] of [["strides", [2, 2]] as const, ["kernel_shape", [3, 3]] as const]) {
    const attributes = new Map([...conv.attributes, [name, { type: "ints", value }]] as [string, Attribute][]);
    const nodes = model.graph.nodes.map((node) => (node === conv ? { ...node, attributes } : node));
    expect(() => restoreYolov5({ ...model, graph: { ...model.graph, nodes } })).toThrow("2 of 3 detection levels");
  }
});

function resizeInput(model: Model): string {
  return model.graph.nodes.find(({ opType }) => opType === "Resize")!.inputs[0]!;
}
