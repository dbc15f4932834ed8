import { describe, expect, it } from "vitest";
import { readTorch } from "../../../src/readers/torch/read-torch.js";
import { errorOf } from "../../explain/error-of.js";
import { runOnnx } from "../run-onnx.js";
import { type ModuleParts, module, Network, tensor } from "./checkpoint-writer.js";
import * as py from "./pickle-writer.js";

const from = (f: number) => ({ f: py.number(f) });
const numbers = (...values: readonly number[]) => py.tuple(...values.map(py.number));
const leaf = (name: string, attributes: ModuleParts["attributes"] = {}) =>
  module(`torch.nn.modules.x.${name}`, { attributes });

/** The network: the layers, and a head that takes the last one's channels. */
function read(network: Network, layers: readonly py.PyValue[], channels: number) {
  return readTorch(network.zip(network.model([...layers, network.detect(channels, 2, 4, from(-1))])));
}

/** Values of layer 0, which is this module, for the image `[1, 3, h, w]`. */
async function layer(
  type: string,
  attributes: ModuleParts["attributes"],
  image: readonly number[],
  h: number,
  w: number,
) {
  const network = new Network();
  const model = read(network, [module(type, { attributes: { ...attributes, ...from(-1) } })], 3);
  const value = model.graph.nodes.findLast(({ name }) => name.startsWith("/model.0/"))!.outputs[0]!;
  const data = Float32Array.from([0, 1, 2].flatMap(() => image));
  const found = (await runOnnx(model, [1, 3, h, w], data, [value])).get(value)!;
  return { dims: found.dims, values: [...found.data.subarray(0, found.data.length / 3)] };
}

describe("modules of PyTorch", () => {
  const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));
  it.each<[string, ModuleParts["attributes"], (x: number) => number]>([
    ["SiLU", {}, (x) => x * sigmoid(x)],
    ["Mish", {}, (x) => x * Math.tanh(Math.log1p(Math.exp(x)))],
    ["Hardswish", {}, (x) => (x * Math.min(Math.max(x + 3, 0), 6)) / 6],
    ["LeakyReLU", { negative_slope: py.number(0.1) }, (x) => (x < 0 ? 0.1 * x : x)],
    ["ReLU", {}, (x) => Math.max(x, 0)],
    ["Sigmoid", {}, sigmoid],
    ["Tanh", {}, Math.tanh],
  ])("%s", async (name, attributes, formula) => {
    const image = [-4, -2.5, -0.5, 0, 0.25, 1, 2.75, 3.5];
    const { values } = await layer(`torch.nn.modules.activation.${name}`, attributes, image, 2, 4);
    for (const [i, x] of image.entries()) expect(values[i]).toBeCloseTo(formula(x), 5);
  });

  it("activations of early YOLOv5 are the same", async () => {
    expect((await layer("utils.activations.SiLU", {}, [2], 1, 1)).values[0]).toBeCloseTo(1.7615942, 5);
  });

  it("MaxPool2d with a stride of None or its own, and padding", async () => {
    const image = [5, 1, 2, 3, 4, 9, 7, 8, 6];
    const pool = (kernel: number, stride: py.PyValue, padding: number) =>
      layer(
        "torch.nn.modules.pooling.MaxPool2d",
        { kernel_size: py.number(kernel), stride, padding: py.number(padding), dilation: py.number(1) },
        image,
        3,
        3,
      );
    expect(await pool(3, py.none, 0)).toEqual({ dims: [1, 3, 1, 1], values: [9] });
    expect((await pool(2, numbers(1, 1), 0)).values).toEqual([5, 9, 8, 9]);
    expect((await pool(3, py.number(2), 1)).values).toEqual([5, 9, 8, 9]);
  });

  it("ZeroPad2d, on each side its own", async () => {
    const padding = { padding: numbers(1, 2, 0, 1) };
    const { dims, values } = await layer("torch.nn.modules.padding.ZeroPad2d", padding, [-1, -2], 1, 2);
    expect([dims, values]).toEqual([
      [1, 3, 2, 5],
      [0, -1, -2, 0, 0, 0, 0, 0, 0, 0],
    ]);
  });

  it("Upsample by different factors", async () => {
    const scale = { mode: py.text("nearest"), size: py.none, scale_factor: py.tuple(py.number(2), py.number(1.0)) };
    const { dims, values } = await layer("torch.nn.modules.upsampling.Upsample", scale, [1, 2], 1, 2);
    expect([dims, values]).toEqual([
      [1, 3, 2, 2],
      [1, 2, 1, 2],
    ]);
  });

  it.each<[string, ModuleParts["attributes"], string, RegExp]>([
    [
      "Upsample",
      { mode: py.text("bilinear"), scale_factor: py.number(2) },
      "unsupported-model",
      /only nearest upsampling/,
    ],
    ["Upsample", { mode: py.text("nearest"), scale_factor: py.number(0) }, "bad-input", /"scale_factor"/],
    [
      "MaxPool2d",
      { kernel_size: py.number(2), stride: py.none, padding: py.number(0), dilation: py.number(2) },
      "unsupported-model",
      /dilated/,
    ],
    [
      "MaxPool2d",
      { kernel_size: py.number(0), stride: py.none, padding: py.number(0) },
      "bad-input",
      /kernel and stride from 1/,
    ],
    ["MaxPool2d", { kernel_size: py.text("same") }, "bad-input", /"kernel_size" .* is "same"/],
    ["LeakyReLU", {}, "bad-input", /"negative_slope" .* is nothing, expected a number/],
    ["BatchNorm2d", { eps: py.number(1e-5) }, "unsupported-model", /no running statistics/],
    ["LSTM", {}, "unsupported-model", /torch\.nn\.modules\.x\.LSTM\) that is not supported/],
    ["ZeroPad2d", { padding: numbers(0, 1, 0) }, "bad-input", /"padding" .* four whole numbers/],
    ["ZeroPad2d", { padding: numbers(0, 1, 0, -1) }, "bad-input", /"padding" .* four whole numbers/],
  ])("%s is refused where it is not what is built", (name, attributes, code, message) => {
    const network = new Network();
    const error = errorOf(() => read(network, [leaf(name, { ...attributes, ...from(-1) })], 3));
    expect(error.code).toBe(code);
    expect(error.message).toMatch(message);
  });

  it.each<[string, (n: Network) => py.PyValue, RegExp]>([
    ["a stride of 0", (n) => n.conv2d(3, 4, 1, 0), /"stride" .* numbers from 1 on/],
    [
      "groups that do not divide",
      (n) => n.conv2d(3, 4, 1, 1, false, { groups: py.number(2) }),
      /expected a tensor \[4, 1\.5, 1, 1\]/,
    ],
    ["another convolution", () => leaf("Conv3d"), /expected torch\.nn\.Conv2d/],
  ])("a convolution with %s is refused", (_, conv, message) => {
    const network = new Network();
    const modules = { conv: conv(network), act: leaf("Identity") };
    const layers = [module("models.common.Conv", { attributes: from(-1), modules })];
    expect(errorOf(() => read(network, layers, 4)).message).toMatch(message);
  });

  it("another normalisation is refused", () => {
    const network = new Network();
    const modules = { conv: network.conv2d(3, 4), bn: leaf("GroupNorm"), act: leaf("Identity") };
    const layers = [module("models.common.Conv", { attributes: from(-1), modules })];
    expect(errorOf(() => read(network, layers, 4)).message).toMatch(/GroupNorm\) .*expected torch\.nn\.BatchNorm2d/);
  });
});

describe("modules of YOLOv5", () => {
  const names = (network: Network, layers: readonly py.PyValue[], channels: number) =>
    read(network, layers, channels)
      .graph.nodes.map(({ name }) => name)
      .filter((name) => /Conv$|Add|Concat$/.test(name) && !name.startsWith(`/model.${layers.length}/`));

  it("Ghost modules", () => {
    const n = new Network();
    const ghost = () => module("models.common.GhostConv", { modules: { cv1: n.conv(4, 2), cv2: n.conv(2, 2) } });
    const conv = module("torch.nn.modules.container.Sequential", {
      modules: { "0": ghost(), "1": leaf("Identity"), "2": ghost() },
    });
    const bottleneck = module("models.common.GhostBottleneck", {
      attributes: from(-1),
      modules: { conv, shortcut: leaf("Identity") },
    });
    expect(names(n, [n.conv(3, 4, 1, 1, from(-1)), bottleneck], 4)).toEqual([
      "/model.0/conv/Conv",
      "/model.1/conv/conv.0/cv1/conv/Conv",
      "/model.1/conv/conv.0/cv2/conv/Conv",
      "/model.1/conv/conv.0/Concat",
      "/model.1/conv/conv.2/cv1/conv/Conv",
      "/model.1/conv/conv.2/cv2/conv/Conv",
      "/model.1/conv/conv.2/Concat",
      "/model.1/Add",
    ]);
  });

  it("several of one module in a layer", () => {
    const n = new Network();
    const bottleneck = () =>
      module("models.common.Bottleneck", {
        attributes: { add: py.bool(true) },
        modules: { cv1: n.conv(3, 2), cv2: n.conv(2, 3) },
      });
    const layer = module("torch.nn.modules.container.Sequential", {
      attributes: from(-1),
      modules: { "0": bottleneck(), "1": bottleneck() },
    });
    expect(names(n, [layer], 3)).toEqual(
      [0, 1].flatMap((i) => [
        `/model.0/model.0.${i}/cv1/conv/Conv`,
        `/model.0/model.0.${i}/cv2/conv/Conv`,
        `/model.0/model.0.${i}/Add`,
      ]),
    );
  });

  it("what is added must have the same channels, what is joined must be channels", () => {
    const n = new Network();
    const modules = { cv1: n.conv(3, 2), cv2: n.conv(2, 4) };
    const bottleneck = module("models.common.Bottleneck", { attributes: { add: py.bool(true), ...from(-1) }, modules });
    expect(errorOf(() => read(n, [bottleneck], 4)).message).toMatch(/adds 3 channels and 4 channels/);
    const concat = (d: number, f: py.PyValue) => module("models.common.Concat", { attributes: { d: py.number(d), f } });
    expect(errorOf(() => read(n, [concat(2, py.list(py.number(-1)))], 3)).message).toMatch(/does not join channels/);
    expect(errorOf(() => read(n, [concat(1, py.list())], 3)).message).toMatch(/is given no inputs/);
    const two = module("models.common.Conv", {
      attributes: { f: py.list(py.number(0), py.number(0)) },
      modules: { conv: n.conv2d(4, 4), act: leaf("Identity") },
    });
    expect(errorOf(() => read(n, [n.conv(3, 4, 1, 1, from(-1)), two], 4)).message).toMatch(
      /is given 2 inputs, expected one/,
    );
  });

  it("Segment: mask coefficients as they are behind the classes, prototypes beside them", async () => {
    const n = new Network();
    const upsample = leaf("Upsample", { mode: py.text("nearest"), scale_factor: py.number(2) });
    const proto = module("models.common.Proto", {
      modules: { cv1: n.conv(3, 4), upsample, cv2: n.conv(4, 4), cv3: n.conv(4, 3) },
    });
    const m = module("torch.nn.modules.container.ModuleList", {
      modules: { "0": n.conv2d(3, 2 * (5 + 2 + 3), 1, 1, true) },
    });
    const values = (...list: readonly number[]) => n.storages.add("FloatStorage", Float32Array.from(list));
    const segment = module("models.yolo.Segment", {
      attributes: { nc: py.number(2), nm: py.number(3), stride: tensor(values(1), [1]), ...from(-1) },
      buffers: { anchors: tensor(values(1, 2, 3, 4), [1, 2, 2]) },
      modules: { m, proto },
    });
    const model = readTorch(n.zip(n.model([segment])));
    expect(model.graph.outputs.map(({ name, shape }) => [name, shape])).toEqual([
      ["output0", ["batch", "anchors", 10]],
      ["output1", ["batch", 3, "mask_height", "mask_width"]],
    ]);
    const image = Float32Array.from({ length: 12 }, (_, i) => i - 6);
    const results = await runOnnx(model, [1, 3, 2, 2], image, ["output0", "output1", "/model.0/m.0/Conv_output_0"]);
    expect(results.get("output1")!.dims).toEqual([1, 3, 4, 4]);
    const [rows, raw] = [results.get("output0")!, results.get("/model.0/m.0/Conv_output_0")!];
    expect(rows.dims).toEqual([1, 8, 10]);
    // Row 5 is cell 1 of anchor 1; its column c is channel 10 + c.
    const logits = Array.from({ length: 10 }, (_, c) => raw.data[(10 + c) * 4 + 1]!);
    const row = [...rows.data.subarray(50, 60)];
    expect(row.slice(7)).toEqual(logits.slice(7));
    const s = logits.map((x) => 1 / (1 + Math.exp(-x)));
    const expected = [
      2 * s[0]! - 0.5 + 1,
      2 * s[1]! - 0.5,
      (2 * s[2]!) ** 2 * 3,
      (2 * s[3]!) ** 2 * 4,
      s[4]!,
      s[5]!,
      s[6]!,
    ];
    for (const [c, value] of expected.entries()) expect(row[c]).toBeCloseTo(value, 4);
  });
});
