import { describe, expect, it } from "vitest";
import { errorOf } from "../../explain/error-of.js";
import { runOnnx } from "../run-onnx.js";
import { module, Network, tensor } from "./checkpoint-writer.js";
import * as py from "./pickle-writer.js";
import { block, expectClose, from, image, type Parts, plain, read, result, sequence } from "./ultralytics-network.js";

describe("attention", () => {
  const attributes = { num_heads: py.number(2), key_dim: py.number(1), head_dim: py.number(2), scale: py.number(0.7) };
  const parts = (n: Network) => ({ qkv: plain(n, 4, 8, 1), proj: plain(n, 4, 4, 1), pe: plain(n, 4, 4, 3) });
  const stem = (n: Network) => plain(n, 3, 4, 1, {}, from(-1));

  /** Softmax attention by hand: q, k, v `[channels][cells]`. */
  function attend(q: number[][], k: number[][], v: number[][], scale: number): number[][] {
    const cells = q[0]!.length;
    const seen = v.map(() => new Array<number>(cells).fill(0));
    for (let i = 0; i < cells; i++) {
      const weights = Array.from({ length: cells }, (_, j) =>
        Math.exp(scale * q.reduce((total, row, c) => total + row[i]! * k[c]![j]!, 0)),
      );
      const total = weights.reduce((a, b) => a + b);
      for (const [c, row] of v.entries())
        seen[c]![i] = row.reduce((mean, value, j) => mean + (value * weights[j]!) / total, 0);
    }
    return seen;
  }

  it.each<[string, Parts, number, number]>([
    ["Attention", attributes, 8, 1],
    ["AAttn", { num_heads: py.number(2), head_dim: py.number(2), area: py.number(2) }, 12, 2],
  ])("%s: each cell sees the others of its area", async (name, facts, width, areas) => {
    const n = new Network(9);
    const modules = { ...parts(n), qkv: plain(n, 4, width, 1) };
    const model = read(n, [stem(n), block(name, modules, facts)], 4);
    const values = ["qkv", "pe", "proj"].map((part) => `/model.1/${part}/conv/Conv_output_0`);
    const projected = model.graph.nodes.find(({ name: node }) => node === "/model.1/proj/conv/Conv")!.inputs[0]!;
    const all = await runOnnx(model, [1, 3, 4, 6], image, [...values, projected]);
    const [qkv, pe] = values.map((value) => all.get(value)!.data);
    const channel = (index: number, start: number, end: number) => [
      ...qkv!.subarray(index * 24 + start, index * 24 + end),
    ];
    const expected = Float32Array.from(pe!);
    const per = width / 2;
    const keys = (per - 2) / 2;
    for (const head of [0, 1]) {
      for (let area = 0; area < areas; area++) {
        const [start, end] = [(area * 24) / areas, ((area + 1) * 24) / areas];
        const rows = (offset: number, count: number) =>
          Array.from({ length: count }, (_, c) => channel(head * per + offset + c, start, end));
        const seen = attend(rows(0, keys), rows(keys, keys), rows(2 * keys, 2), areas === 1 ? 0.7 : 2 ** -0.5);
        for (const [c, row] of seen.entries()) {
          for (const [i, value] of row.entries()) expected[(head * 2 + c) * 24 + start + i]! += value;
        }
      }
    }
    expectClose(all.get(projected)!.data, expected);
  });

  it.each<[string, Parts, RegExp]>([
    [
      "heads that do not fit",
      { ...attributes, num_heads: py.number(3) },
      /has 8 channels for 3 heads of 4, and 4 come in/,
    ],
    ["no heads", { ...attributes, num_heads: py.number(0) }, /"num_heads" .*from 1 to 4096/],
    ["no scale", { ...attributes, scale: py.none }, /"scale" .*a number/],
  ])("is refused with %s", (_, facts, message) => {
    const n = new Network();
    expect(errorOf(() => read(n, [stem(n), block("Attention", parts(n), facts)], 4)).message).toMatch(message);
  });

  it("A2C2f adds to its input, times gamma", async () => {
    const n = new Network(2);
    const modules = { cv1: plain(n, 3, 2, 1), cv2: plain(n, 4, 3, 1), m: sequence([plain(n, 2, 2, 1)]) };
    const gamma = tensor(n.storages.add("FloatStorage", Float32Array.of(0, 1, 2)), [3]);
    const scaled = module("ultralytics.nn.modules.block.A2C2f", {
      attributes: from(-1),
      modules,
      parameters: { gamma },
    });
    const without = await result(n, [block("A2C2f", modules)], 3);
    const found = await result(n, [scaled], 3);
    expectClose(
      found.data,
      image.map((value, i) => value + Math.floor(i / 24) * without.data[i]!),
    );
  });
});
