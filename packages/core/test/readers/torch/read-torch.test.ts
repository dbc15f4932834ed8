import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { encodeModel } from "../../../src/onnx/encode.js";
import type { Model } from "../../../src/onnx/model.js";
import { floatsOf } from "../../../src/onnx/tensors.js";
import { modelFormat } from "../../../src/readers/model-format.js";
import { readCheckpoint, readTorch } from "../../../src/readers/torch/read-torch.js";
import { errorOf } from "../../explain/error-of.js";
import { distance, runOnnx } from "../run-onnx.js";
import { legacyCheckpoint, module, Network, tensor } from "./checkpoint-writer.js";
import * as py from "./pickle-writer.js";

const fixture = (name: string) => readFileSync(new URL(`../../../../../fixtures/torch/${name}`, import.meta.url));
const from = (f: number) => ({ f: py.number(f) });

describe.each(["yolov5-v7", "yolov5-v5"])("%s, made by PyTorch", (name) => {
  const expected = JSON.parse(fixture(`${name}.json`).toString()) as {
    input: number[];
    output: number[];
    values: number[];
  };

  it("gives PyTorch's numbers", async () => {
    const [N = 0, C = 0, H = 0, W = 0] = expected.input;
    const input = Float32Array.from({ length: N * C * H * W }, (_, i) => (i * 0.6180339887) % 1);
    const { output0 } = Object.fromEntries(await runOnnx(readTorch(fixture(`${name}.pt`)), expected.input, input));
    expect(output0!.dims).toEqual(expected.output);
    const scale = Float32Array.from(expected.values, (value) => Math.max(1, Math.abs(value)));
    const ours = output0!.data.map((value, i) => value / scale[i]!);
    const theirs = Float32Array.from(expected.values, (value, i) => value / scale[i]!);
    expect(distance(ours, theirs)).toBeLessThan(2e-5);
  });

  it("tells of itself", () => {
    const facts = readCheckpoint(fixture(`${name}.pt`));
    expect(facts).toMatchObject({
      container: name === "yolov5-v7" ? "zip" : "legacy",
      from: name === "yolov5-v7" ? "ema" : "model",
      modelClass: name === "yolov5-v7" ? "models.yolo.DetectionModel" : "models.yolo.Model",
      headClass: "models.yolo.Detect",
      names: ["cat", "it's"],
      strides: [8, 16],
      anchors: [
        [
          [10, 13],
          [16, 30],
          [33, 23],
        ],
        [
          [30, 61],
          [62, 45],
          [59, 119],
        ],
      ],
      epoch: -1,
      date: "2026-01-01",
    });
    expect(facts.yaml).toMatchObject({ nc: 2, depth_multiple: 1 });
    expect(JSON.parse(JSON.stringify(facts.yaml))).toEqual(facts.yaml);
  });

  it("the same file gives the same bytes", () => {
    expect(encodeModel(readTorch(fixture(`${name}.pt`)))).toEqual(encodeModel(readTorch(fixture(`${name}.pt`))));
  });
});

/** Nodes as the official exporter names them (read off an export by YOLOv5 v7.0's export.py). */
describe("names", () => {
  const names = (file: string) => readTorch(fixture(file)).graph.nodes.map((node) => node.name);

  it("of C3, SPPF and Upsample", () => {
    const nodes = names("yolov5-v7.pt");
    expect(nodes.filter((name) => name.startsWith("/model.3/"))).toEqual([
      ...["conv/Conv", "act/Sigmoid", "act/Mul"].map((op) => `/model.3/cv1/${op}`),
      ...["conv/Conv", "act/Sigmoid", "act/Mul"].map((op) => `/model.3/m/m.0/cv1/${op}`),
      ...["conv/Conv", "act/Sigmoid", "act/Mul"].map((op) => `/model.3/m/m.0/cv2/${op}`),
      "/model.3/m/m.0/Add",
      ...["conv/Conv", "act/Sigmoid", "act/Mul"].map((op) => `/model.3/cv2/${op}`),
      "/model.3/Concat",
      ...["conv/Conv", "act/Sigmoid", "act/Mul"].map((op) => `/model.3/cv3/${op}`),
    ]);
    expect(nodes).toEqual(
      expect.arrayContaining(["/model.5/m/MaxPool", "/model.5/m_1/MaxPool", "/model.5/m_2/MaxPool"]),
    );
    expect(nodes).toEqual(expect.arrayContaining(["/model.6/Resize", "/model.7/Concat", "/model.9/m.0/Conv"]));
  });

  it("of Focus, SPP and BottleneckCSP", () => {
    const nodes = names("yolov5-v5.pt");
    expect(nodes.slice(0, 6)).toEqual([
      "/model.0/Slice",
      "/model.0/Slice_1",
      "/model.0/Slice_2",
      "/model.0/Slice_3",
      "/model.0/Concat",
      "/model.0/conv/conv/Conv",
    ]);
    expect(nodes).toEqual(
      expect.arrayContaining(["/model.3/cv3/Conv", "/model.3/cv2/Conv", "/model.3/bn/BatchNormalization"]),
    );
    expect(nodes).toEqual(expect.arrayContaining(["/model.5/m.0/MaxPool", "/model.5/m.1/MaxPool"]));
  });

  it("of weights and values", () => {
    const { graph } = readTorch(fixture("yolov5-v7.pt"));
    expect([...graph.initializers.keys()]).toEqual(
      expect.arrayContaining(["model.0.conv.weight", "model.3.m.0.cv1.conv.bias", "model.9.m.1.weight"]),
    );
    expect(graph.nodes[0]).toMatchObject({
      inputs: ["images", "model.0.conv.weight", "model.0.conv.bias"],
      outputs: ["/model.0/conv/Conv_output_0"],
    });
  });
});

describe("checkpoints", () => {
  const bias = (model: Model) => [...floatsOf(model.graph.initializers.get("model.0.conv.bias")!)];
  const network = new Network();
  const [average, trained] = [network.tiny(), network.tiny()];
  const read = (root: py.PyValue) => readTorch(network.zip(root));

  it("take ema before model, model without ema, or the file itself", () => {
    const [ofAverage, ofTrained] = [bias(read(average)), bias(read(trained))];
    expect(ofAverage).not.toEqual(ofTrained);
    expect(bias(read(py.dict({ model: trained, ema: average })))).toEqual(ofAverage);
    expect(bias(read(py.dict({ model: trained, ema: py.none })))).toEqual(ofTrained);
    expect(bias(read(py.dict({ model: trained, ema: py.orderedDict({}) })))).toEqual(ofTrained);
    expect(readCheckpoint(network.zip(trained)).from).toBe("file");
  });

  it("of both formats are one", () => {
    const root = py.dict({ model: trained, other: average });
    const old = legacyCheckpoint(root, network.storages);
    expect(encodeModel(readTorch(old))).toEqual(encodeModel(read(root)));
    expect([modelFormat(old), modelFormat(network.zip(root)), modelFormat(encodeModel(readTorch(old)))]).toEqual([
      "torch",
      "torch",
      "onnx",
    ]);
    expect(encodeModel(readTorch(network.zip(root, 5)))).toEqual(encodeModel(readTorch(old)));
  });

  it("lose wrappers for several GPUs and for inference", () => {
    const wrapped = module("torch.nn.parallel.data_parallel.DataParallel", { modules: { module: trained } });
    const shaped = module("models.common.AutoShape", { modules: { model: wrapped } });
    expect(encodeModel(read(shaped))).toEqual(encodeModel(read(trained)));
  });

  it("keep weights that need no change as views into the file", () => {
    const file = network.zip(trained);
    const weight = readTorch(file).graph.initializers.get("model.2.m.0.weight")!;
    expect(weight.bytes.buffer).toBe(file.buffer);
  });

  it("of a fused network give the same as before fusing", async () => {
    const plain = readTorch(network.zip(trained));
    const { initializers } = plain.graph;
    const fused = new Network();
    const conv = (layer: number, stride: number, kernel: number) => {
      const write = (part: string) => {
        const { dims, bytes } = initializers.get(`model.${layer}.conv.${part}`)!;
        return tensor(fused.storages.add("FloatStorage", new Float32Array(new Uint8Array(bytes).buffer)), dims);
      };
      const pair = (value: number) => py.tuple(py.number(value), py.number(value));
      const attributes = {
        kernel_size: pair(kernel),
        stride: pair(stride),
        padding: pair(kernel >> 1),
        dilation: pair(1),
        groups: py.number(1),
      };
      const conv2d = module("torch.nn.modules.conv.Conv2d", {
        attributes,
        parameters: { weight: write("weight"), bias: write("bias") },
      });
      return module("models.common.Conv", {
        attributes: from(-1),
        modules: { conv: conv2d, act: module("torch.nn.modules.activation.SiLU") },
      });
    };
    const again = readTorch(fused.zip(fused.model([conv(0, 2, 3), conv(1, 2, 1), fused.detect(6, 2, 4, from(-1))])));
    expect(bias(again)).toEqual(bias(plain));
    const image = Float32Array.from({ length: 3 * 8 * 8 }, (_, i) => (i % 7) / 7);
    const value = "/model.1/act/Mul_output_0";
    const [a, b] = await Promise.all([plain, again].map((model) => runOnnx(model, [1, 3, 8, 8], image, [value])));
    expect(b!.get(value)).toEqual(a!.get(value));
  });

  it.each<[string, (n: Network) => py.PyValue, RegExp]>([
    [
      "a state_dict",
      (n) => py.orderedDict({ "model.0.conv.weight": n.floats([2]) }),
      /is a state_dict: weights by name.*export it to ONNX/,
    ],
    ["a state_dict as model", (n) => py.dict({ model: py.orderedDict({ w: n.floats([2]) }) }), /is a state_dict/],
    ["no network", () => py.dict({ epoch: py.number(3) }), /is a dict with the entries "epoch"; expected a checkpoint/],
    ["a number", () => py.number(3), /PyTorch file is 3;/],
    [
      "a network without layers",
      () => module("torchvision.models.resnet.ResNet"),
      /torchvision\.models\.resnet\.ResNet, which is not a YOLO model/,
    ],
    [
      "C3TR",
      (n) => n.model([module("models.common.C3TR", { attributes: from(-1) })]),
      /module "model\.0" \(models\.common\.C3TR\) that is not supported/,
    ],
    [
      "attention to text of YOLO-World",
      (n) => n.model([module("ultralytics.nn.modules.block.C2fAttn", { attributes: from(-1) })]),
      /"model\.0" \(ultralytics\.nn\.modules\.block\.C2fAttn\) that is not supported.*yolo export/,
    ],
    [
      "a Conv of another part of Ultralytics",
      (n) => n.model([module("ultralytics.models.common.Conv", { attributes: from(-1) })]),
      /"model\.0" \(ultralytics/,
    ],
    [
      "a head that classifies and has a part of its own",
      (n) =>
        n.model([
          module("ultralytics.nn.modules.head.Classify", { attributes: from(-1), modules: { extra: n.batchNorm(3) } }),
        ]),
      /"model\.0" .*part "extra" of its own/,
    ],
    [
      "a Conv with a part of its own",
      (n) => n.model([module("models.common.Conv", { attributes: from(-1), modules: { extra: n.batchNorm(3) } })]),
      /"model\.0" .*part "extra" of its own/,
    ],
    ["grey images", (n) => n.model([n.conv(1, 4, 1, 1, from(-1))]), /takes images of one channel.*RGB images/],
    ["four channels", (n) => n.model([n.conv(4, 4, 1, 1, from(-1))]), /takes images of 4 channels/],
    ["no head", (n) => n.model([n.conv(3, 4, 1, 1, from(-1))]), /"model\.0" .*stands last/],
    [
      "a head in the middle",
      (n) => n.model([n.detect(3, 2, 8, from(-1)), n.detect(3, 2, 8, from(-1))]),
      /a head is built as the last layer only/,
    ],
    [
      "padding with reflections",
      (n) =>
        n.model([
          module("models.common.Conv", {
            attributes: from(-1),
            modules: { conv: n.conv2d(3, 4, 1, 1, false, { padding_mode: py.text("reflect") }), act: py.none },
          }),
        ]),
      /does not pad with zeros/,
    ],
  ])("are refused: %s", (_, root, message) => {
    const other = new Network();
    const error = errorOf(() => readTorch(other.zip(root(other))));
    expect(error.code).toBe("unsupported-model");
    expect(error.message).toMatch(message);
  });

  it.each<[string, (n: Network) => py.PyValue, RegExp]>([
    [
      "channels that do not fit",
      (n) => n.model([n.conv(3, 4, 1, 1, from(-1)), n.conv(5, 4, 1, 1, from(-1))]),
      /"weight" of module "model\.1\.conv" .*expected a tensor \[4, 4, 1, 1\] \(4 channels come in\)/,
    ],
    ["a layer that reads itself", (n) => n.model([n.conv(3, 4, 1, 1, from(0))]), /"f" of module "model\.0" .*is 0/],
    ["a layer from before the first", (n) => n.model([n.conv(3, 4, 1, 1, from(-2))]), /"f" of module "model\.0"/],
    [
      "a head with too few inputs",
      (n) => n.model([n.detect(3, 2, 8, { f: py.list() })]),
      /1 convolutions and 0 inputs for 1 levels/,
    ],
    [
      "a head without strides",
      (n) => n.model([n.detect(3, 2, 8, { ...from(-1), stride: py.none })]),
      /"stride" of .* is None/,
    ],
    [
      "fractions of classes",
      (n) => n.model([n.detect(3, 2, 8, { ...from(-1), nc: py.number(0.5) })]),
      /"nc" of .* is 0\.5/,
    ],
    ["a billion classes", (n) => n.model([n.detect(3, 2, 8, { ...from(-1), nc: py.number(1e9) })]), /"nc" of/],
    ["names that are no list", (n) => n.model([n.detect(3, 2, 8, from(-1))], { names: py.number(1) }), /"names" of/],
    [
      "a gap in the names",
      (n) => n.model([n.detect(3, 2, 8, from(-1))], { names: py.dict([[py.number(1), py.text("a")]]) }),
      /no name for class 0/,
    ],
    [
      "a weight that is text",
      (n) =>
        n.model([
          module("models.common.Conv", {
            attributes: from(-1),
            modules: {
              conv: module("torch.nn.modules.conv.Conv2d", { parameters: { weight: py.text("w") } }),
              act: py.none,
            },
          }),
        ]),
      /of module "model\.0\.conv"/,
    ],
    [
      "a child that is text",
      (n) => n.model([module("models.common.Conv", { attributes: from(-1), modules: { conv: py.text("w") } })]),
      /"conv" of module "model\.0" .*is "w", expected a module/,
    ],
    [
      "layers that are not numbered",
      () =>
        module("models.yolo.Model", {
          modules: { model: module("torch.nn.modules.container.Sequential", { modules: { "1": py.none } }) },
        }),
      /are not numbered/,
    ],
  ])("are broken: %s", (_, root, message) => {
    const other = new Network();
    const error = errorOf(() => readTorch(other.zip(root(other))));
    expect(error.code).toBe("bad-input");
    expect(error.message).toMatch(message);
  });
});
