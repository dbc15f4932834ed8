import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { encodeModel } from "../../../src/onnx/encode.js";
import { readCheckpoint, readTorch } from "../../../src/readers/torch/read-torch.js";
import { runOnnx } from "../run-onnx.js";

const fixture = (name: string) => readFileSync(new URL(`../../../../../fixtures/torch/${name}`, import.meta.url));

interface Expected {
  readonly input: readonly number[];
  readonly task: string;
  readonly end2end: boolean;
  readonly strides: readonly number[];
  readonly outputs: readonly { readonly shape: readonly number[]; readonly values: readonly number[] }[];
}

const checkpoint = (name: string) => gunzipSync(fixture(`${name}.pt.gz`));
const expectedOf = (name: string) => JSON.parse(fixture(`${name}.json`).toString()) as Expected;
const nodeNames = (name: string) => readTorch(checkpoint(name)).graph.nodes.map((node) => node.name);

/** Largest difference of each channel over the largest value of that channel. */
function worstChannel(ours: Float32Array, theirs: readonly number[], channels: number): number {
  const size = theirs.length / channels;
  return Math.max(
    ...Array.from({ length: channels }, (_, c) => {
      const [a, b] = [ours.subarray(c * size, (c + 1) * size), theirs.slice(c * size, (c + 1) * size)];
      const gap = Math.max(
        ...b.map((value, i) => (Number.isNaN(a[i]) ? Number.POSITIVE_INFINITY : Math.abs(a[i]! - value))),
      );
      return gap / Math.max(...b.map(Math.abs));
    }),
  );
}

const heads: Readonly<Record<string, string>> = {
  "yolov3-tiny": "ultralytics.nn.modules.head.Detect",
  yolov5u: "ultralytics.nn.modules.Detect",
  yolov6: "ultralytics.nn.modules.head.Detect",
  yolov8: "ultralytics.nn.modules.head.Detect",
  "yolov8-p2-ghost": "ultralytics.nn.modules.head.Detect",
  "yolov8-seg": "ultralytics.nn.modules.head.Segment",
  "yolov8-pose": "ultralytics.nn.modules.head.Pose",
  "yolov8-obb": "ultralytics.nn.modules.head.OBB",
  yolov9: "ultralytics.nn.modules.head.Detect",
  yolov10: "ultralytics.nn.modules.head.v10Detect",
  yolo11: "ultralytics.nn.modules.head.Detect",
  "yolo11-seg": "ultralytics.nn.modules.head.Segment",
  yolo12: "ultralytics.nn.modules.head.Detect",
  yolo26: "ultralytics.nn.modules.head.Detect",
  "yolo26-nms": "ultralytics.nn.modules.head.Detect",
  "yolo26-seg": "ultralytics.nn.modules.head.Segment26",
  "yolo26-pose": "ultralytics.nn.modules.head.Pose26",
  "yolo26-obb": "ultralytics.nn.modules.head.OBB26",
};

describe.each(Object.entries(heads))("%s, made by PyTorch", (name, headClass) => {
  const expected = expectedOf(name);

  it("gives PyTorch's numbers", async () => {
    const input = Float32Array.from(
      { length: expected.input.reduce((a, b) => a * b) },
      (_, i) => (i * 0.6180339887) % 1,
    );
    const results = await runOnnx(readTorch(checkpoint(name)), expected.input, input);
    expect([...results.keys()]).toEqual(expected.outputs.map((_, i) => `output${i}`));
    for (const [i, { shape, values }] of expected.outputs.entries()) {
      const { dims, data } = results.get(`output${i}`)!;
      expect(dims).toEqual(shape);
      expect(worstChannel(data, values, shape[1]!)).toBeLessThan(1e-4);
    }
  });

  it("says what it is, as the official export does", () => {
    const { metadata, graph } = readTorch(checkpoint(name));
    expect(Object.fromEntries(metadata)).toEqual({
      stride: String(Math.max(...expected.strides)),
      task: expected.task,
      head: headClass.split(".").at(-1),
      description: readCheckpoint(checkpoint(name)).modelClass,
      channels: "3",
      end2end: expected.end2end ? "True" : "False",
      names: `{0: 'cat', 1: "it's", 2: 'dog'}`,
      ...(expected.task === "pose" ? { kpt_shape: name === "yolo26-pose" ? "[3, 2]" : "[5, 3]" } : {}),
    });
    expect(graph.inputs).toMatchObject([{ name: "images", shape: ["batch", 3, "height", "width"] }]);
    expect(graph.outputs[0]).toMatchObject({
      name: "output0",
      shape: ["batch", expected.outputs[0]!.shape[1], "anchors"],
    });
    expect(readCheckpoint(checkpoint(name))).toMatchObject({
      container: "zip",
      from: "ema",
      headClass,
      names: ["cat", "it's", "dog"],
      strides: expected.strides,
      anchors: undefined,
      date: "2026-01-01",
    });
  });
});

it("a batch of two of another size gives two results", async () => {
  const model = readTorch(checkpoint("yolo12"));
  const one = Float32Array.from({ length: 3 * 64 * 32 }, (_, i) => (i % 11) / 11);
  const two = Float32Array.from({ length: 3 * 64 * 32 }, (_, i) => (i % 7) / 7);
  const run = async (...images: readonly Float32Array[]) => {
    const data = Float32Array.from(images.flatMap((image) => [...image]));
    return (await runOnnx(model, [images.length, 3, 64, 32], data)).get("output0")!;
  };
  const [both, first, second] = [await run(one, two), await run(one), await run(two)];
  expect(both.dims).toEqual([2, 7, 42]);
  expect(worstChannel(both.data, [...first.data, ...second.data], 2)).toBeLessThan(1e-5);
  expect(worstChannel(first.data, [...second.data], 1)).toBeGreaterThan(1e-4);
});

it("the same file gives the same bytes", () => {
  const bytes = () => encodeModel(readTorch(checkpoint("yolo26-pose")));
  expect(bytes()).toEqual(bytes());
});

/** Nodes as the official exporter names them (read off exports of ultralytics 8.4). */
describe("names", () => {
  const of = (
    name: string,
    layer: number,
    pattern = /(Conv|Add|Mul|Concat|Split|MatMul|Softmax|MaxPool|Pool)(_\d+)?$/,
  ) => nodeNames(name).filter((node) => node.startsWith(`/model.${layer}/`) && pattern.test(node));

  it("of C2f and its detection head", () => {
    expect(of("yolov8", 2, /Conv|Split|Add|Concat/)).toEqual([
      "/model.2/cv1/conv/Conv",
      "/model.2/Split",
      "/model.2/m.0/cv1/conv/Conv",
      "/model.2/m.0/cv2/conv/Conv",
      "/model.2/m.0/Add",
      "/model.2/Concat",
      "/model.2/cv2/conv/Conv",
    ]);
    expect(of("yolov8", 22, /Conv$/)).toEqual(
      expect.arrayContaining([
        "/model.22/cv2.0/cv2.0.0/conv/Conv",
        "/model.22/cv2.2/cv2.2.2/Conv",
        "/model.22/cv3.1/cv3.1.1/conv/Conv",
        "/model.22/dfl/conv/Conv",
      ]),
    );
  });

  it("of RepConv in YOLOv9, folded to one convolution", () => {
    expect(of("yolov9", 5, /Conv|Add|Split/)).toEqual([
      "/model.5/cv1/conv/Conv",
      "/model.5/Split",
      "/model.5/cv2/cv2.0/cv1/conv/Conv",
      "/model.5/cv2/cv2.0/m/m.0/cv1/conv/Conv",
      "/model.5/cv2/cv2.0/m/m.0/cv2/conv/Conv",
      "/model.5/cv2/cv2.0/m/m.0/Add",
      "/model.5/cv2/cv2.0/cv2/conv/Conv",
      "/model.5/cv2/cv2.0/cv3/conv/Conv",
      "/model.5/cv2/cv2.1/conv/Conv",
      "/model.5/cv3/cv3.0/cv1/conv/Conv",
      "/model.5/cv3/cv3.0/m/m.0/cv1/conv/Conv",
      "/model.5/cv3/cv3.0/m/m.0/cv2/conv/Conv",
      "/model.5/cv3/cv3.0/m/m.0/Add",
      "/model.5/cv3/cv3.0/cv2/conv/Conv",
      "/model.5/cv3/cv3.0/cv3/conv/Conv",
      "/model.5/cv3/cv3.1/conv/Conv",
      "/model.5/cv4/conv/Conv",
    ]);
  });

  it("of attention in YOLO11 and 12", () => {
    expect(of("yolo11", 10, /MatMul|Softmax|attn.*Conv|ffn.*Conv/)).toEqual([
      "/model.10/m/m.0/attn/qkv/conv/Conv",
      "/model.10/m/m.0/attn/MatMul",
      "/model.10/m/m.0/attn/Softmax",
      "/model.10/m/m.0/attn/MatMul_1",
      "/model.10/m/m.0/attn/pe/conv/Conv",
      "/model.10/m/m.0/attn/proj/conv/Conv",
      "/model.10/m/m.0/ffn/ffn.0/conv/Conv",
      "/model.10/m/m.0/ffn/ffn.1/conv/Conv",
    ]);
    expect(nodeNames("yolo12")).toEqual(expect.arrayContaining(["/model.6/m.0/m.0.0/attn/MatMul"]));
  });

  it("of the one-to-one branch, and of the other where the file asks for it", () => {
    const heads = (name: string) =>
      new Set(of(name, 23, /Conv$/).map((node) => /^\/model\.23\/(\w+)\.\d/.exec(node)?.[1]));
    expect(heads("yolo26")).toEqual(new Set(["one2one_cv2", "one2one_cv3"]));
    expect(heads("yolo26-nms")).toEqual(new Set(["cv2", "cv3"]));
  });
});
