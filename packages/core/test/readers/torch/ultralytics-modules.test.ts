import { describe, expect, it } from "vitest";
import { errorOf } from "../../explain/error-of.js";
import { runOnnx } from "../run-onnx.js";
import { type ModuleParts, module, Network, tensor } from "./checkpoint-writer.js";
import * as py from "./pickle-writer.js";
import {
  block,
  expectClose,
  from,
  identity,
  image,
  numbers,
  plain,
  read,
  result,
  sequence,
  sequenceOf,
} from "./ultralytics-network.js";

const sum = (...parts: readonly { readonly data: Float32Array }[]) =>
  parts[0]!.data.map((_, i) => parts.reduce((total, { data }) => total + data[i]!, 0));

describe("parallel convolutions are one", () => {
  it("RepConv: 3×3, 1×1 and the input itself, each with its normalisation", async () => {
    const n = new Network(3);
    const [large, small, norm] = [plain(n, 3, 3, 3), plain(n, 3, 3, 1), n.batchNorm(3)];
    const whole = module("ultralytics.nn.modules.conv.RepConv", {
      attributes: from(-1),
      modules: { conv1: large, conv2: small, bn: norm, act: identity() },
    });
    const found = await result(n, [whole], 3);
    const alone = (part: py.PyValue) => result(n, [sequenceOf(part)], 3);
    expectClose(found.data, sum(await alone(large), await alone(small), await alone(norm)));
  });

  it("of several groups", async () => {
    const n = new Network(4);
    const groups = { groups: py.number(3) };
    const wide = (kernel: number) => {
      const weight = n.floats([3, 1, kernel, kernel]);
      const pad = py.number(kernel >> 1);
      const attributes = { kernel_size: py.number(kernel), stride: py.number(1), padding: pad, dilation: py.number(1) };
      const conv = module("torch.nn.modules.conv.Conv2d", {
        attributes: { ...attributes, ...groups },
        parameters: { weight },
      });
      return module("ultralytics.nn.modules.conv.Conv", { modules: { conv, bn: n.batchNorm(3), act: identity() } });
    };
    const [large, small] = [wide(7), wide(3)];
    const whole = block("RepVGGDW", { conv: large, conv1: small, act: identity() });
    const found = await result(n, [whole], 3);
    expectClose(found.data, sum(await result(n, [sequenceOf(large)], 3), await result(n, [sequenceOf(small)], 3)));
  });

  it("and what a fused checkpoint has instead", async () => {
    const n = new Network(5);
    const conv = n.conv2d(3, 3, 3, 1, true);
    const fused = [
      module("ultralytics.nn.modules.conv.RepConv", { attributes: from(-1), modules: { conv, act: identity() } }),
      block("RepVGGDW", { conv, act: identity() }),
    ];
    const alone = await result(n, [sequenceOf(conv)], 3);
    for (const layer of fused) expectClose((await result(n, [layer], 3)).data, alone.data);
  });

  it.each<[string, (n: Network) => ModuleParts["modules"], RegExp]>([
    [
      "other channels",
      (n) => ({ conv1: plain(n, 3, 3, 3), conv2: plain(n, 3, 4, 1) }),
      /"model\.0\.conv2\.conv" .*does not fit the branch beside it/,
    ],
    [
      "other padding",
      (n) => ({ conv1: plain(n, 3, 3, 3), conv2: plain(n, 3, 3, 1, { padding: py.number(1) }) }),
      /does not fit the branch beside it/,
    ],
    [
      "the input beside other channels",
      (n) => ({ conv1: plain(n, 3, 4, 3), conv2: plain(n, 3, 4, 1), bn: n.batchNorm(4) }),
      /stands beside a convolution that changes the size/,
    ],
    [
      "an activation inside",
      (n) => ({ conv1: n.conv(3, 3, 3), conv2: plain(n, 3, 3, 1) }),
      /"model\.0\.conv1" .*is a branch of another module and has an activation/,
    ],
  ])("are refused with %s", (_, modules, message) => {
    const n = new Network();
    const layer = module("ultralytics.nn.modules.conv.RepConv", {
      attributes: from(-1),
      modules: { ...modules(n), act: identity() },
    });
    expect(errorOf(() => read(n, [layer], 3)).message).toMatch(message);
  });
});

describe("convolutions", () => {
  it("ConvTranspose2d, 2×2 in steps of two: each value times the kernel", async () => {
    const n = new Network();
    const weight = Float32Array.from({ length: 3 * 2 * 4 }, (_, i) => i - 5);
    const transposed = module("torch.nn.modules.conv.ConvTranspose2d", {
      attributes: {
        kernel_size: numbers(2, 2),
        stride: numbers(2, 2),
        padding: numbers(0, 0),
        output_padding: numbers(0, 0),
        dilation: numbers(1, 1),
        groups: py.number(1),
        ...from(-1),
      },
      parameters: {
        weight: tensor(n.storages.add("FloatStorage", weight), [3, 2, 2, 2]),
        bias: tensor(n.storages.add("FloatStorage", Float32Array.of(0.5, -1)), [2]),
      },
    });
    const found = await result(n, [transposed], 2);
    expect(found.dims).toEqual([1, 2, 8, 12]);
    const expected = Array.from({ length: 2 * 8 * 12 }, (_, i) => {
      const [c, y, x] = [Math.floor(i / 96), Math.floor(i / 12) % 8, i % 12];
      const parts = [0, 1, 2].map(
        (k) => image[k * 24 + (y >> 1) * 6 + (x >> 1)]! * weight[k * 8 + c * 4 + (y & 1) * 2 + (x & 1)]!,
      );
      return [0.5, -1][c]! + parts.reduce((a, b) => a + b);
    });
    expectClose(found.data, expected);
  });

  it("ConvTranspose2d for other channels is refused", () => {
    const n = new Network();
    const sizes = Object.fromEntries(["kernel_size", "stride", "dilation"].map((name) => [name, py.number(2)]));
    const attributes = {
      ...sizes,
      padding: py.number(0),
      output_padding: py.number(0),
      groups: py.number(1),
      ...from(-1),
    };
    const layer = module("torch.nn.modules.conv.ConvTranspose2d", {
      attributes,
      parameters: { weight: n.floats([4, 2, 2, 2]) },
    });
    expect(errorOf(() => read(n, [layer], 2)).message).toMatch(
      /expected a tensor \[3, 2, 2, 2\] \(3 channels come in\)/,
    );
  });

  it("LightConv: one behind the other", async () => {
    const n = new Network();
    const [first, second] = [plain(n, 3, 4, 1), plain(n, 4, 4, 3)];
    const light = module("ultralytics.nn.modules.conv.LightConv", {
      attributes: from(-1),
      modules: { conv1: first, conv2: second },
    });
    const both = module("torch.nn.modules.container.Sequential", {
      attributes: from(-1),
      modules: { "0": first, "1": second },
    });
    expectClose((await result(n, [light], 4)).data, (await result(n, [both], 4)).data);
  });
});

describe("blocks", () => {
  /** Names of the nodes of layer 0. */
  const names = (n: Network, layer: py.PyValue, channels: number) =>
    read(n, [layer], channels)
      .graph.nodes.map(({ name }) => name)
      .filter((name) => name.startsWith("/model.0/"));

  it.each<[string, (n: Network) => ModuleParts["modules"], number, readonly string[]]>([
    [
      "C1",
      (n) => ({ cv1: plain(n, 3, 4, 1), m: sequence([plain(n, 4, 4, 3)], "Sequential") }),
      4,
      ["cv1/conv/Conv", "m/m.0/conv/Conv", "Add"],
    ],
    [
      "C2",
      (n) => ({ cv1: plain(n, 3, 4, 1), cv2: plain(n, 4, 5, 1), m: sequence([plain(n, 2, 2, 3)], "Sequential") }),
      5,
      ["cv1/conv/Conv", "Split", "m/m.0/conv/Conv", "Concat", "cv2/conv/Conv"],
    ],
    [
      "C3f",
      (n) => ({
        cv1: plain(n, 3, 2, 1),
        cv2: plain(n, 3, 2, 1),
        cv3: plain(n, 6, 4, 1),
        m: sequence([plain(n, 2, 2, 3)]),
      }),
      4,
      ["cv2/conv/Conv", "cv1/conv/Conv", "m.0/conv/Conv", "Concat", "cv3/conv/Conv"],
    ],
    [
      "RepC3",
      (n) => ({
        cv1: plain(n, 3, 2, 1),
        cv2: plain(n, 3, 2, 1),
        cv3: identity(),
        m: sequence([plain(n, 2, 2, 3)], "Sequential"),
      }),
      2,
      ["cv1/conv/Conv", "m/m.0/conv/Conv", "cv2/conv/Conv", "Add"],
    ],
  ])("%s", async (name, modules, channels, expected) => {
    const n = new Network();
    const layer = block(name, modules(n));
    expect(names(n, layer, channels)).toEqual(expected.map((part) => `/model.0/${part}`));
    expect((await result(n, [layer], channels)).dims).toEqual([1, channels, 4, 6]);
  });

  it("SPPF with one pooling and a way around it", async () => {
    const n = new Network();
    const pool = module("torch.nn.modules.pooling.MaxPool2d", {
      attributes: { kernel_size: py.number(5), stride: py.number(1), padding: py.number(2), dilation: py.number(1) },
    });
    const sppf = block(
      "SPPF",
      { cv1: plain(n, 3, 2, 1), cv2: plain(n, 4, 3, 1), m: pool },
      { n: py.number(1), add: py.bool(true) },
    );
    expect(names(n, sppf, 3)).toEqual(
      ["cv1/conv/Conv", "m/MaxPool", "Concat", "cv2/conv/Conv", "Add"].map((part) => `/model.0/${part}`),
    );
    const none = block("SPPF", { cv1: plain(n, 3, 2, 1), cv2: plain(n, 4, 3, 1), m: pool }, { n: py.number(0) });
    expect(errorOf(() => read(n, [none], 3)).message).toMatch(/"n" .*a number of poolings from 1 to 64/);
  });

  it("halves of odd channels are refused", () => {
    const n = new Network();
    const c2f = block("C2f", { cv1: plain(n, 3, 3, 1), cv2: plain(n, 3, 3, 1), m: sequence([]) });
    expect(errorOf(() => read(n, [c2f], 3)).message).toMatch(/"model\.0" .*halves 3 channels/);
  });

  describe("CBLinear and CBFuse", () => {
    const linear = (n: Network, sizes: py.PyValue) =>
      block("CBLinear", { conv: n.conv2d(3, 5, 1, 1, true) }, { c2s: sizes });
    const halved = (layer: number) =>
      module("torch.nn.modules.pooling.MaxPool2d", {
        attributes: {
          kernel_size: py.number(2),
          stride: py.number(2),
          padding: py.number(0),
          dilation: py.number(1),
          ...from(layer),
        },
      });
    const fuse = (idx: py.PyValue, ...layers: readonly number[]) => block("CBFuse", {}, { idx, ...from(...layers) });
    const stem = () => sequenceOf(identity());

    it("add the chosen part at the size of the last", async () => {
      const n = new Network(7);
      const model = read(n, [stem(), linear(n, numbers(2, 3)), halved(0), fuse(numbers(1), 1, 2)], 3);
      const names = ["/model.1/Split_output_1", "/model.2/MaxPool_output_0", "/model.3/Add_output_0"];
      const all = await runOnnx(model, [1, 3, 4, 6], image, names);
      const [part, small, fused] = names.map((name) => all.get(name)!.data);
      const expected = small!.map((value, i) => {
        const [c, y, x] = [Math.floor(i / 6), Math.floor(i / 3) % 2, i % 3];
        return value + part![c * 24 + 2 * y * 6 + 2 * x]!;
      });
      expectClose(fused!, expected);
    });

    it.each<[string, (n: Network) => readonly py.PyValue[], RegExp]>([
      ["sizes that do not add up", (n) => [linear(n, numbers(2, 2))], /"c2s" .*numbers of channels, 5 together/],
      ["sizes that are text", (n) => [linear(n, py.text("all"))], /"c2s" .*a list of whole numbers/],
      ["a part that is not there", (n) => [stem(), linear(n, numbers(2, 3)), fuse(numbers(2), 1, 0)], /"idx"/],
      ["no parts to choose from", () => [stem(), halved(0), fuse(numbers(0), 0, 1)], /"idx"/],
      ["more choices than inputs", () => [stem(), fuse(numbers(0, 0), 0, 0)], /is given 2 inputs and chooses of 2/],
      ["a module that takes one feature", (n) => [linear(n, numbers(2, 3)), halved(0)], /several outputs feeds it/],
      [
        "Concat",
        (n) => [
          linear(n, numbers(5)),
          module("ultralytics.nn.modules.conv.Concat", { attributes: { d: py.number(1), ...from(0, 0) } }),
        ],
        /several outputs feeds it/,
      ],
    ])("are refused with %s", (_, layers, message) => {
      const n = new Network();
      expect(errorOf(() => read(n, layers(n), 3)).message).toMatch(message);
    });
  });
});
