import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type BackwardGraph, buildBackward } from "../../src/autodiff/backward.js";
import { GraphBuilder } from "../../src/onnx/builder.js";
import type { Graph } from "../../src/onnx/model.js";
import type { Tensor } from "../../src/tensor/tensor.js";
import { expectClose, joinBackward } from "../support/check-vjp.js";
import { runGraph } from "../support/ort.js";
import { randomSource } from "../support/random.js";
import { randomTensor } from "../support/tensors.js";

interface ConvCase {
  /** Of the input: height and width. */
  readonly size: readonly number[];
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  /** Top, left, bottom, right. */
  readonly pads: readonly number[];
  readonly group: number;
  /** Channels of the input and the output, for each group. */
  readonly channels: readonly [number, number];
  readonly static: boolean;
  readonly seeds: number;
}

const pair = (min: number, max: number) => fc.tuple(fc.integer({ min, max }), fc.integer({ min, max }));

const cases: fc.Arbitrary<ConvCase> = fc
  .record({
    size: pair(1, 17),
    kernel: pair(1, 6),
    strides: pair(1, 3),
    dilations: fc.constantFrom([1, 1], [1, 1], [2, 1], [2, 3]),
    pads: fc.tuple(pair(0, 2), pair(0, 2)).map((pads) => pads.flat()),
    group: fc.constantFrom(1, 1, 2, 16),
    channels: fc.constantFrom<readonly [number, number]>([1, 1], [3, 16], [16, 16], [17, 32], [5, 7]),
    static: fc.boolean(),
    seeds: fc.constantFrom(1, 3),
  })
  .filter(({ size, kernel, dilations, pads }) =>
    size.every((n, i) => n + pads[i]! + pads[i + 2]! > dilations[i]! * (kernel[i]! - 1)),
  );

interface Differentiated {
  readonly graph: Graph;
  readonly backward: BackwardGraph;
}

/** The Conv and its gradient. With a computed weight, the gradient is a ConvTranspose. */
function differentiate(spec: ConvCase, weight: "constant" | "computed", w: Tensor): Differentiated {
  const { group, kernel, strides, dilations, pads } = spec;
  const b = new GraphBuilder("m");
  b.input("x", spec.static ? [1, spec.channels[0] * group, ...spec.size] : [1, null, null, null]);
  const constant = b.floats(w.dims, w.data);
  const read = weight === "constant" ? constant : b.op("Identity", [constant]);
  const y = b.op("Conv", ["x", read], { kernel_shape: kernel, strides, dilations, pads, group });
  b.output(y);
  const graph = b.graph("conv");
  return { graph, backward: buildBackward(graph, { taps: ["x"], outputs: [y], manySeeds: spec.seeds > 1 }) };
}

async function gradient({ graph, backward }: Differentiated, x: Tensor, seed: Tensor): Promise<Tensor> {
  const feeds = { x, [[...backward.seeds.values()][0]!]: seed };
  const [dx] = await runGraph(joinBackward(graph, backward), feeds, [backward.gradients.get("x")!]);
  return dx!;
}

const opsOf = ({ backward }: Differentiated) => backward.builder.nodes.map((node) => node.opType);

const base: ConvCase = {
  ...{ size: [12, 8], kernel: [3, 3], strides: [2, 2], dilations: [1, 1], pads: [1, 1, 1, 1], group: 1 },
  ...{ channels: [16, 16], static: false, seeds: 1 },
};

/** Checks the gradient against the one with ConvTranspose. Returns the ops of the former. */
async function check(spec: ConvCase): Promise<string[]> {
  const random = randomSource(5);
  const { channels, group, kernel } = spec;
  const w = randomTensor([channels[1] * group, channels[0], ...kernel], random);
  const x = randomTensor([1, channels[0] * group, ...spec.size], random);
  const phased = differentiate(spec, "constant", w);
  const transposed = differentiate(spec, "computed", w);
  expect(opsOf(transposed)).toContain("ConvTranspose");
  const [y] = await runGraph(phased.graph, { x });
  const seed = randomTensor([spec.seeds, ...y!.dims.slice(1)], random);
  const [found, expected] = [await gradient(phased, x, seed), await gradient(transposed, x, seed)];
  expect(found.dims).toEqual([spec.seeds, ...x.dims.slice(1)]);
  expectClose(found.data, expected.data, "dx");
  return opsOf(phased);
}

describe("the gradient of a strided Conv", () => {
  it("equals that of ConvTranspose", async () => {
    let phased = 0;
    const property = fc.asyncProperty(cases, async (spec) => {
      const ops = await check(spec);
      if (spec.strides.some((stride) => stride > 1) && !ops.includes("ConvTranspose")) phased++;
    });
    await fc.assert(property, { seed: 1, numRuns: 150 });
    expect(phased).toBeGreaterThan(20);
  }, 60_000);

  it.each<[string, Partial<ConvCase>, number]>([
    ["a convolution for each phase", {}, 4],
    ["one convolution for few channels", { channels: [3, 16], kernel: [6, 6], pads: [2, 2, 2, 2] }, 1],
    ["only the phase that a dilated kernel reaches", { dilations: [2, 2], pads: [2, 2, 2, 2] }, 1],
    ["depthwise convolutions", { group: 16, channels: [1, 1] }, 4],
  ])("runs %s", async (_, changes, count) => {
    const ops = await check({ ...base, ...changes });
    expect(ops).not.toContain("ConvTranspose");
    expect(ops.filter((op) => op === "Conv").length).toBe(count);
  });

  it("cuts nothing off where the strides divide a known size", async () => {
    expect(await check({ ...base, static: true })).not.toContain("Slice");
    expect(await check({ ...base, static: true, size: [11, 8] })).toContain("Slice");
  });

  it.each<[string, Partial<ConvCase>]>([
    ["more padding than the kernel reaches", { pads: [3, 3, 3, 3] }],
    ["many phases", { strides: [5, 5], kernel: [6, 6] }],
    ["windows that do not overlap", { kernel: [2, 2], pads: [0, 0, 0, 0] }],
    ["a small kernel for few channels", { channels: [3, 16] }],
    ["channels that fill no block", { channels: [16, 20] }],
  ])("is a ConvTranspose with %s", async (_, changes) => {
    expect(await check({ ...base, ...changes })).toContain("ConvTranspose");
  });
});
