import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { readCheckpoint, readTorch } from "../../../src/readers/torch/read-torch.js";
import { errorOf } from "../../explain/error-of.js";
import { distance, runOnnx } from "../run-onnx.js";
import { type ModuleParts, module, Network } from "./checkpoint-writer.js";
import * as py from "./pickle-writer.js";
import { block, expectClose, from, identity, image, plain, read, result, sequence } from "./ultralytics-network.js";

const fixture = (name: string) => readFileSync(new URL(`../../../../../fixtures/torch/${name}`, import.meta.url));

describe("RT-DETR, made by PyTorch", () => {
  const bytes = gunzipSync(fixture("rtdetr.pt.gz"));
  const model = readTorch(bytes);

  it("gives PyTorch's numbers", async () => {
    const { input, outputs } = JSON.parse(fixture("rtdetr.json").toString());
    const data = Float32Array.from({ length: 3 * 32 * 64 }, (_, i) => (i * 0.6180339887) % 1);
    const { dims, data: found } = (await runOnnx(model, input, data)).get("output0")!;
    expect(dims).toEqual(outputs[0].shape);
    expect(distance(found, Float32Array.from(outputs[0].values))).toBeLessThan(1e-4);
  });

  it("takes any size and batch", async () => {
    const small = await runOnnx(model, [1, 3, 32, 32], new Float32Array(3 * 32 * 32).fill(0.5));
    const large = await runOnnx(model, [2, 3, 64, 32], new Float32Array(2 * 3 * 64 * 32).fill(0.5));
    expect([small.get("output0")!.dims, large.get("output0")!.dims]).toEqual([
      [1, 12, 7],
      [2, 12, 7],
    ]);
    expect(model.graph.outputs[0]!.shape).toEqual(["batch", "queries", 7]);
  });

  it("says what it is", () => {
    expect(Object.fromEntries(model.metadata)).toEqual({
      stride: "32",
      task: "detect",
      head: "RTDETRDecoder",
      description: "ultralytics.nn.tasks.RTDETRDetectionModel",
      channels: "3",
      end2end: "False",
      names: `{0: 'cat', 1: "it's", 2: 'dog'}`,
    });
    const headClass = "ultralytics.nn.modules.head.RTDETRDecoder";
    expect(readCheckpoint(bytes)).toMatchObject({ headClass, strides: undefined, anchors: undefined });
  });
});

const parameters = (n: Network, dims: readonly (readonly number[])[]) =>
  Object.fromEntries(dims.map((size, i) => [["weight", "bias"][i]!, n.floats(size)]));
const linear = (n: Network, inputs: number, outputs: number) =>
  module("torch.nn.modules.linear.Linear", { parameters: parameters(n, [[outputs, inputs], [outputs]]) });
const layerNorm = (n: Network, width: number) =>
  module("torch.nn.modules.normalization.LayerNorm", {
    attributes: { eps: py.number(1e-5) },
    parameters: parameters(n, [[width], [width]]),
  });
const attention = (n: Network, width: number, heads: number) =>
  module("torch.nn.modules.activation.MultiheadAttention", {
    attributes: { num_heads: py.number(heads) },
    parameters: { in_proj_weight: n.floats([3 * width, width]), in_proj_bias: n.floats([3 * width]) },
    modules: { out_proj: linear(n, width, width) },
  });
const gelu = (approximate = "none") =>
  module("torch.nn.modules.activation.GELU", { attributes: { approximate: py.text(approximate) } });
const perceptron = (n: Network, sizes: readonly number[], more: ModuleParts["attributes"] = {}) =>
  module("ultralytics.nn.modules.transformer.MLP", {
    attributes: more,
    modules: { layers: sequence(sizes.slice(1).map((size, i) => linear(n, sizes[i]!, size))) },
  });

describe("modules of RT-DETR", () => {
  it("GELU", async () => {
    const n = new Network();
    const layer = module("torch.nn.modules.activation.GELU", {
      attributes: { approximate: py.text("none"), ...from(-1) },
    });
    const { data } = await result(n, [layer], 3);
    // Φ(x) by Simpson's rule on the density from −8 to x.
    const normal = (x: number) => {
      const step = (x + 8) / 200;
      const weight = (i: number) => (i === 0 || i === 200 ? 1 : i % 2 === 1 ? 4 : 2);
      const sum = Array.from({ length: 201 }, (_, i) => weight(i) * Math.exp(-((-8 + i * step) ** 2) / 2)).reduce(
        (a, b) => a + b,
      );
      return (sum * step) / 3 / Math.sqrt(2 * Math.PI);
    };
    expectClose(
      data,
      image.map((x) => x * normal(x)),
    );
  });

  it("HGBlock with a way around it, HGStem at a quarter of the size", async () => {
    const n = new Network();
    const modules = {
      m: sequence([plain(n, 3, 2, 3), plain(n, 2, 2, 3)]),
      sc: plain(n, 7, 4, 1),
      ec: plain(n, 4, 3, 1),
    };
    const without = await result(n, [block("HGBlock", modules)], 3);
    const around = await result(n, [block("HGBlock", modules, { add: py.bool(true) })], 3);
    expectClose(
      around.data,
      without.data.map((value, i) => value + image[i]!),
    );
    const halving = { stride: py.number(2) };
    const small = { padding: py.number(0) };
    const pool = module("torch.nn.modules.pooling.MaxPool2d", {
      attributes: {
        kernel_size: py.number(2),
        stride: py.number(1),
        padding: py.number(0),
        dilation: py.number(1),
        ceil_mode: py.bool(true),
      },
    });
    const stem = block("HGStem", {
      stem1: plain(n, 3, 4, 3, halving),
      stem2a: plain(n, 4, 2, 2, small),
      stem2b: plain(n, 2, 4, 2, small),
      stem3: plain(n, 8, 4, 3, halving),
      stem4: plain(n, 4, 5, 1),
      pool,
    });
    expect((await result(n, [stem], 5)).dims).toEqual([1, 5, 1, 2]);
  });

  it("ResNetBlock: negative sums are cut off", async () => {
    const n = new Network();
    const parts = { cv1: plain(n, 3, 2, 1), cv2: plain(n, 2, 2, 3), cv3: plain(n, 2, 3, 1), shortcut: identity() };
    const layer = block("ResNetLayer", { layer: block("ResNetBlock", parts) });
    const { data } = await result(n, [layer], 3);
    expect(Math.min(...data)).toBe(0);
    expect(Math.max(...data)).toBeGreaterThan(0.1);
  });

  const encoder = (n: Network, width: number, change: ModuleParts["modules"] = {}) => ({
    ma: attention(n, width, 1),
    fc1: linear(n, width, 4),
    fc2: linear(n, 4, width),
    norm1: layerNorm(n, width),
    norm2: layerNorm(n, width),
    act: gelu(),
    ...change,
  });
  const aifi = (n: Network, width: number, change: ModuleParts["modules"] = {}, more: ModuleParts["attributes"] = {}) =>
    module("ultralytics.nn.modules.transformer.AIFI", {
      attributes: { ...from(-1), ...more },
      modules: encoder(n, width, change),
    });
  const stem = (n: Network) => plain(n, 3, 4, 1, {}, from(-1));

  it.each<[string, (n: Network) => readonly py.PyValue[], RegExp]>([
    ["three channels", (n) => [aifi(n, 3)], /its 3 channels cannot be divided by 4/],
    [
      "normalisation first",
      (n) => [stem(n), aifi(n, 4, {}, { normalize_before: py.bool(true) })],
      /normalises before attention/,
    ],
    ["an approximation of GELU", (n) => [stem(n), aifi(n, 4, { act: gelu("tanh") })], /it is an approximation/],
    ["heads that do not divide", (n) => [stem(n), aifi(n, 4, { ma: attention(n, 4, 3) })], /has 3 heads of 4/],
    ["another attention", (n) => [stem(n), aifi(n, 4, { ma: sequence([]) })], /"num_heads"/],
    ["another width", (n) => [stem(n), aifi(n, 4, { fc1: linear(n, 5, 4) })], /"weight" .*a tensor \[outputs, 4\]/],
    ["fewer rows", (n) => [stem(n), aifi(n, 4, { ma: narrow(n) })], /"in_proj_weight" .*a tensor \[12, 4\]/],
    ["another linear layer", (n) => [stem(n), aifi(n, 4, { fc1: identity() })], /expected torch\.nn\.Linear/],
    ["another normalisation", (n) => [stem(n), aifi(n, 4, { norm1: identity() })], /expected torch\.nn\.LayerNorm/],
  ])("AIFI is refused with %s", (_, layers, message) => {
    const n = new Network();
    expect(errorOf(() => read(n, layers(n), 4)).message).toMatch(message);
  });

  const narrow = (n: Network) =>
    module("torch.nn.modules.activation.MultiheadAttention", {
      attributes: { num_heads: py.number(1) },
      parameters: { in_proj_weight: n.floats([8, 4]) },
      modules: { out_proj: linear(n, 4, 4) },
    });
});

describe("RT-DETR's decoder", () => {
  interface Change {
    readonly attributes?: ModuleParts["attributes"];
    readonly modules?: (n: Network) => NonNullable<ModuleParts["modules"]>;
    readonly evalIndex?: number;
    readonly cross?: ModuleParts["attributes"];
  }

  /** A decoder of one layer on the image itself, 4 wide. */
  function readDecoder({ attributes, modules, evalIndex = 0, cross }: Change) {
    const n = new Network(3);
    const layer = module("ultralytics.nn.modules.transformer.DeformableTransformerDecoderLayer", {
      modules: {
        self_attn: attention(n, 4, 2),
        cross_attn: module("ultralytics.nn.modules.transformer.MSDeformAttn", {
          attributes: { n_heads: py.number(2), n_points: py.number(1), n_levels: py.number(1), ...cross },
          modules: {
            sampling_offsets: linear(n, 4, 4),
            attention_weights: linear(n, 4, 2),
            value_proj: linear(n, 4, 4),
            output_proj: linear(n, 4, 4),
          },
        }),
        linear1: linear(n, 4, 3),
        linear2: linear(n, 3, 4),
        norm1: layerNorm(n, 4),
        norm2: layerNorm(n, 4),
        norm3: layerNorm(n, 4),
      },
    });
    const decoder = module("ultralytics.nn.modules.transformer.DeformableTransformerDecoder", {
      attributes: { eval_idx: py.number(evalIndex) },
      modules: { layers: sequence([layer]) },
    });
    const facts = { nc: 2, num_queries: 3, hidden_dim: 4, nl: 1 };
    const numbers = Object.fromEntries(Object.entries(facts).map(([key, value]) => [key, py.number(value)]));
    const head = module("ultralytics.nn.modules.head.RTDETRDecoder", {
      attributes: { ...numbers, ...from(-1), ...attributes },
      modules: {
        input_proj: sequence([sequence([n.conv2d(3, 4), n.batchNorm(4)], "Sequential")]),
        decoder,
        enc_output: sequence([linear(n, 4, 4), layerNorm(n, 4)], "Sequential"),
        enc_score_head: linear(n, 4, 2),
        enc_bbox_head: perceptron(n, [4, 4, 4]),
        query_pos_head: perceptron(n, [4, 5, 4]),
        dec_score_head: sequence([linear(n, 4, 2)]),
        dec_bbox_head: sequence([perceptron(n, [4, 4, 4])]),
        ...modules?.(n),
      },
    });
    return readTorch(n.zip(n.model([head])));
  }

  it("gives its queries, with activations that early releases do not name", async () => {
    const found = (await runOnnx(readDecoder({}), [1, 3, 4, 6], image)).get("output0")!;
    expect(found.dims).toEqual([1, 3, 6]);
    expect(found.data.every((value) => value > 0 && value < 1)).toBe(true);
    const two = await runOnnx(readDecoder({}), [1, 3, 1, 2], image.subarray(0, 6));
    expect(two.get("output0")!.dims).toEqual([1, 2, 6]);
  });

  it.each<[string, Change, RegExp]>([
    ["no queries", { attributes: { num_queries: py.number(0) } }, /"num_queries" .*from 1 to 10000/],
    ["queries of its own", { modules: () => ({ tgt_embed: identity() }) }, /it has a part "tgt_embed" of its own/],
    ["no last layer", { evalIndex: -1 }, /"eval_idx" .*from 0 to 63/],
    ["fewer layers", { evalIndex: 1 }, /"model\.0\.decoder\.layers" .*has no module 1/],
    ["more levels", { attributes: { nl: py.number(2) } }, /is given 1 inputs for 2 levels/],
    ["another width", { attributes: { hidden_dim: py.number(5) } }, /gives 4 channels, expected 5/],
    ["other classes", { attributes: { nc: py.number(4) } }, /scores 2 classes of 4/],
    [
      "boxes of three numbers",
      { modules: (n) => ({ dec_bbox_head: sequence([perceptron(n, [4, 3])]) }) },
      /boxes of 3 numbers/,
    ],
    ["no points", { cross: { n_points: py.number(0) } }, /0 points on 1 levels/],
    [
      "another projection",
      { modules: (n) => ({ input_proj: sequence([sequence([linear(n, 3, 4)], "Sequential")]) }) },
      /expected a convolution and its normalisation/,
    ],
    [
      "a residual",
      { modules: (n) => ({ query_pos_head: perceptron(n, [4, 4], { residual: py.bool(true) }) }) },
      /more than linear layers/,
    ],
    ["another module for boxes", { modules: (n) => ({ enc_bbox_head: linear(n, 4, 4) }) }, /expected an MLP/],
  ])("is refused with %s", (_, change, message) => {
    expect(errorOf(() => readDecoder(change)).message).toMatch(message);
  });
});
