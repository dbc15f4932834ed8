import { expect } from "vitest";
import { readTorch } from "../../../src/readers/torch/read-torch.js";
import { runOnnx } from "../run-onnx.js";
import { type ModuleParts, module, type Network } from "./checkpoint-writer.js";
import * as py from "./pickle-writer.js";

export type Parts = ModuleParts["attributes"];

export const from = (...layers: readonly number[]) => ({
  f: layers.length === 1 ? py.number(layers[0]!) : py.list(...layers.map(py.number)),
});
export const numbers = (...values: readonly number[]) => py.list(...values.map(py.number));
export const identity = () => module("torch.nn.modules.linear.Identity");
export const sequence = (items: readonly py.PyValue[], type = "ModuleList") =>
  module(`torch.nn.modules.container.${type}`, {
    modules: Object.fromEntries(items.map((item, i) => [String(i), item])),
  });
export const block = (name: string, modules: ModuleParts["modules"] = {}, attributes: Parts = {}) =>
  module(`ultralytics.nn.modules.block.${name}`, { attributes: { ...from(-1), ...attributes }, modules });

/** A Conv without activation. */
export function plain(
  n: Network,
  inputs: number,
  outputs: number,
  kernel: number,
  more: Parts = {},
  at: Parts = {},
): py.PyValue {
  const modules = {
    conv: n.conv2d(inputs, outputs, kernel, 1, false, more),
    bn: n.batchNorm(outputs),
    act: identity(),
  };
  return module("ultralytics.nn.modules.conv.Conv", { attributes: at, modules });
}

/** The network: these layers, and a head of YOLOv5 that takes the last one's channels. */
export const read = (n: Network, layers: readonly py.PyValue[], channels: number) =>
  readTorch(n.zip(n.model([...layers, n.detect(channels, 2, 4, from(-1))])));

export const image = Float32Array.from({ length: 3 * 4 * 6 }, (_, i) => ((i * 37) % 19) / 19 - 0.5);

/** The result of the last of these layers for the image `[1, 3, 4, 6]`. */
export async function result(n: Network, layers: readonly py.PyValue[], channels: number) {
  const model = read(n, layers, channels);
  const head = model.graph.nodes.find(({ name }) => name === `/model.${layers.length}/m.0/Conv`)!;
  return (await runOnnx(model, [1, 3, 4, 6], image, [head.inputs[0]!])).get(head.inputs[0]!)!;
}

export function expectClose(found: Float32Array, expected: readonly number[] | Float32Array): void {
  expect(found.length).toBe(expected.length);
  for (const [i, value] of expected.entries()) expect(found[i]).toBeCloseTo(value, 4);
}

/** A layer of one module. */
export function sequenceOf(item: py.PyValue): py.PyValue {
  return module("torch.nn.modules.container.Sequential", { attributes: from(-1), modules: { "0": item } });
}
