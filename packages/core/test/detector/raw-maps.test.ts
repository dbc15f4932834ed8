import * as ort from "onnxruntime-node";
import { expect, it } from "vitest";
import { findHead } from "../../src/detector/find-head.js";
import type { InputOptions } from "../../src/detector/input/pixel-form.js";
import { loadModel } from "../../src/explain/model/load-model.js";
import { GraphBuilder } from "../../src/onnx/builder.js";
import { readOnnx } from "../../src/readers/onnx/read-onnx.js";
import { createOrtPort } from "../../src/runtime/ort-port.js";
import { modelOf } from "../onnx/support.js";
import { deployedBytes } from "../support/deployed.js";

interface Options {
  readonly anchors?: string | readonly number[];
  readonly names?: readonly string[];
  readonly input?: InputOptions;
}
const load = (name: string, options: Options = {}) =>
  loadModel(readOnnx(deployedBytes(name)), createOrtPort(ort as never), { threads: 1, ...options });
const assumed = async (...given: Parameters<typeof load>) => (await load(...given)).head.assumed?.join("; ");

it("the name of a table of anchors decides how boxes are computed, else the body does", async () => {
  expect(await assumed("v3-raw")).toMatch(/Darknet's YOLOv3/);
  expect(await assumed("v3-raw", { anchors: "yolov5" })).toMatch(/as in YOLOv5/);
  expect(await assumed("v4-raw")).toMatch(/Darknet's YOLOv4/);
  expect(await assumed("v5-raw", { anchors: "yolov3" })).toMatch(/Darknet's YOLOv3/);
  expect(await assumed("v5-raw", { anchors: "yolov4" })).toMatch(/Darknet's YOLOv4/);
  const numbers = Array.from({ length: 18 }, (_, i) => i + 1);
  expect(await assumed("v5-raw", { anchors: numbers })).toMatch(/as in YOLOv5/);
  expect(await assumed("v3-raw", { anchors: numbers })).toMatch(/Darknet's YOLOv3/);
});

it("the meaning of a third map follows from prototypes, metadata and its channels", async () => {
  const facts = async (name: string) => {
    const { task, classCount, extraCount, prototypes } = (await load(name)).head;
    return [task, classCount, extraCount, prototypes !== undefined];
  };
  expect(await facts("v5-seg-raw")).toEqual(["segment", 3, 8, true]);
  expect(await facts("v8-seg-split")).toEqual(["segment", 3, 8, true]);
  expect(await facts("v8-pose-split")).toEqual(["pose", 3, 6, false]);
  expect(await facts("v8-obb-split")).toEqual(["obb", 3, 1, false]);
  expect(await facts("scrfd")).toEqual(["pose", 1, 10, false]);
});

it.each(["v8-split", "yolox-raw", "nanodet-plus", "v5-raw", "v3-raw"])(
  "%s: a wrong number of names is said as such",
  async (name) => {
    await expect(load(name, { names: ["a", "b"] })).rejects.toThrow(
      "The model has 3 class columns, and the option names gives 2 names.",
    );
  },
);

it("maps with a softmax beside four values (PNet of MTCNN) are no distances", async () => {
  const b = new GraphBuilder();
  const body = b.op("Conv", [b.input("images", [1, 3, 64, 64]), b.floats([8, 3, 8, 8], new Float32Array(1536))], {
    strides: [8, 8],
  });
  const conv = (channels: number): string =>
    b.op("Conv", [body, b.floats([channels, 8, 1, 1], new Float32Array(8 * channels))]);
  b.output(conv(4), [1, 4, 8, 8]);
  b.output(b.op("Softmax", [conv(2)], { axis: 1 }), [1, 2, 8, 8]);
  const given = { fixedSize: [64, 64], expectedClasses: undefined, anchors: undefined } as const;
  await expect(findHead(modelOf(b, 17), createOrtPort(ort as never), given)).rejects.toMatchObject({
    code: "unsupported-model",
    message: expect.stringMatching(/a softmax over 2 channels beside maps of 4 channels/),
  });
});

it.each([
  ["scrfd", { range: 255, channels: "rgb", mean: [127.5, 127.5, 127.5], std: [128, 128, 128], fit: "letterbox" }],
  ["retinaface", { range: 255, channels: "bgr", mean: [104, 117, 123], std: undefined }],
  ["yunet", { range: 255, channels: "bgr", mean: undefined, std: undefined, normalisationFrom: "default" }],
  ["nanodet-plus", { range: 255, channels: "bgr", mean: [103.53, 116.28, 123.675], fit: "stretch" }],
  ["retinanet-raw", { range: 1, channels: "rgb", mean: [0.485, 0.456, 0.406], rangeFrom: "default" }],
] as const)("images of %s are prepared as its authors do", async (name, wanted) => {
  const rangeFrom = wanted.range === 255 ? "family" : "default";
  expect((await load(name)).input).toMatchObject({ rangeFrom, ...wanted });
});

it("the class of a face detector is a face, unless names are given", async () => {
  expect(await load("scrfd")).toMatchObject({ classNames: ["face"], classNamesFrom: "family" });
  expect(await load("yunet", { names: ["head"] })).toMatchObject({ classNames: ["head"], classNamesFrom: "options" });
});

it("the options come before the preparation of a family, and its mean follows the range", async () => {
  const given = async (input: InputOptions) => (await load("retinaface", { input })).input;
  expect(await given({ channels: "rgb" })).toMatchObject({ channels: "rgb", mean: [104, 117, 123] });
  const unit = await given({ range: 1 });
  expect(unit).toMatchObject({ range: 1, rangeFrom: "options", normalisationFrom: "family" });
  expect(unit.mean).toEqual([104 / 255, 117 / 255, 123 / 255]);
  expect(await given({ mean: [0, 0, 0] })).toMatchObject({ mean: undefined, normalisationFrom: "options" });
});

it("objectness of decoded rows is assumed, unless the names tell it", async () => {
  expect(await assumed("v3-decoded")).toMatch(/the column after the box is the objectness/);
  const named = (await load("v3-decoded", { names: ["a", "b", "c"] })).head;
  expect([named.assumed, named.hasObjectness, named.classCount]).toEqual([undefined, true, 3]);
  const more = (await load("v3-decoded", { names: ["a", "b", "c", "d"] })).head;
  expect([more.assumed, more.hasObjectness, more.classCount]).toEqual([undefined, false, 4]);
});

/** A fixture that takes images of any size. */
function open(name: string) {
  const model = readOnnx(deployedBytes(name));
  const inputs = [{ ...model.graph.inputs[0]!, shape: [1, 3, "height", "width"] }];
  return loadModel({ ...model, graph: { ...model.graph, inputs } }, createOrtPort(ort as never), { threads: 1 });
}

it("constant anchors give the size of a file that takes any", async () => {
  const { head, input } = await open("efficientdet");
  expect(input.sides).toEqual([64, 96]);
  expect(head.levels.map(({ stride, anchors }) => [stride, anchors])).toEqual([
    [8, 3],
    [16, 3],
    [32, 3],
  ]);
});

it("an image of any size has whole cells of the coarsest level, also where its rows are one level", async () => {
  const { head, stride } = await load("efficientdet-open");
  expect([head.hasCells, head.levels.length, stride]).toEqual([false, 1, 32]);
});
