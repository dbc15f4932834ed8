import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type GradientReduction,
  meansOverCells,
  reduceGradients,
  sumOverChannels,
} from "../../src/autodiff/reduce-gradients.js";
import { channelMeans, sumOfTerms } from "../../src/methods/channels.js";
import type { AnyCamMethod } from "../../src/methods/index.js";
import type { CamMethod, Evidence, ProductNeed } from "../../src/methods/method.js";
import type { MethodId } from "../../src/methods/method-id.js";
import { productNeeds, productTerm, productTerms } from "../../src/methods/products.js";
import { GraphBuilder } from "../../src/onnx/builder.js";
import { buildPrefix } from "../../src/onnx/cut.js";
import type { Model } from "../../src/onnx/model.js";
import { sizeOf, type Tensor } from "../../src/tensor/tensor.js";
import { modelOf } from "../onnx/support.js";
import { backwardModelOf, runBackwardModel } from "../support/backward-run.js";
import { MINI_SIZE, makeImage, miniDetector } from "../support/mini-detector.js";
import { miniYolo } from "../support/mini-yolo.js";
import { runGraph } from "../support/ort.js";
import { randomSource } from "../support/random.js";
import { randomTensor } from "../support/tensors.js";

type Reduced = "gradientMeans" | ProductNeed;
const needs: readonly Reduced[] = ["gradientMeans", ...productNeeds];

/** The reduced evidence, from whole gradients. */
function reducedOf(need: Reduced, activations: Tensor, gradients: Tensor): Float32Array {
  if (need === "gradientMeans") return new Float32Array(channelMeans(gradients));
  return sumOfTerms(activations.dims, productTerm(need, { activations, gradients })).data;
}

function expectNear(found: ArrayLike<number>, wanted: Float32Array): void {
  const most = Math.max(1e-30, ...wanted.map(Math.abs));
  expect(found).toHaveLength(wanted.length);
  for (const [i, value] of wanted.entries()) expect(Math.abs(found[i]! - value) / most).toBeLessThan(1e-5);
}

describe.each(needs)("%s alone", (need) => {
  const common = { title: "Probe", paper: "none" };
  const nothing = { height: 1, width: 1, data: new Float32Array(1) };
  const valuesOf = (evidence: Pick<Evidence, Reduced>) => {
    const value = evidence[need];
    return value instanceof Float32Array ? value : value.data;
  };

  it.each(["image", "class", "detection"] as const)("equals that of whole gradients, per %s", async (per) => {
    const seen: { alone: Float32Array[]; beside: Float32Array[]; made: Float32Array[] } = {
      alone: [],
      beside: [],
      made: [],
    };
    const alone = {
      ...{ ...common, id: "alone", needs: [need] },
      map: (evidence) => {
        seen.alone.push(valuesOf(evidence).slice());
        return nothing;
      },
    } satisfies CamMethod<Reduced>;
    const beside = {
      ...{ ...common, id: "beside", needs: ["activations", "gradients", need] },
      map: (evidence) => {
        seen.beside.push(valuesOf(evidence).slice());
        seen.made.push(reducedOf(need, evidence.activations, evidence.gradients));
        return nothing;
      },
    } satisfies CamMethod<Reduced | "activations" | "gradients">;
    const detector = await miniDetector({ methods: [alone, beside] as AnyCamMethod[] });
    const ask = (method: string, layer: number | "auto") =>
      detector.explain(makeImage(), {
        imageSize: MINI_SIZE,
        confidence: 0.01,
        maxDetections: 5,
        per,
        method: method as MethodId,
        layer,
      });
    for (const layer of ["auto", -2, 1] as const) {
      const [found, whole] = [await ask("alone", layer), await ask("beside", layer)];
      expect(found.layers.map(({ name, size }) => [name, size])).toEqual(
        whole.layers.map(({ name, size }) => [name, size]),
      );
      found.layers.forEach(({ gradientMax }, i) => {
        expect(gradientMax! / whole.layers[i]!.gradientMax! || 1).toBeCloseTo(1, 6);
      });
    }
    await detector.dispose();
    expect(seen.alone.some((values) => values.some((value) => value !== 0))).toBe(true);
    expect(seen.alone).toHaveLength(seen.made.length);
    expect(seen.beside).toEqual(seen.made);
    for (const [i, values] of seen.alone.entries()) expectNear(values, seen.made[i]!);
  });
});

const reductions: readonly (readonly [Reduced, GradientReduction])[] = needs.map((need) => [
  need,
  need === "gradientMeans" ? meansOverCells : sumOverChannels(need, productTerms[need]),
]);

interface Pass {
  readonly model: Model;
  readonly taps: readonly string[];
  readonly output: string;
  readonly forwardValues: "saved" | "recomputed";
  readonly feeds: Readonly<Record<string, Tensor>>;
  /** `[N, …]`. */
  readonly seed: Tensor;
}

/** Compares each reduction in the graph with the same reduction of whole gradients. */
async function expectSameReductions({ model, taps, output, forwardValues, feeds, seed }: Pass): Promise<void> {
  const manySeeds = seed.dims[0]! > 1;
  const backward = backwardModelOf(model, { taps, outputs: [output], forwardValues, manySeeds });
  const whole = await runBackwardModel(model, backward, feeds, { [output]: seed });
  const inner = taps.filter((tap) => feeds[tap] === undefined);
  const read = await runGraph(buildPrefix(model, inner).graph, feeds, inner);
  const values = new Map([...Object.entries(feeds), ...inner.map((tap, i) => [tap, read[i]!] as const)]);
  for (const [need, reduction] of reductions) {
    const reduced = reduceGradients(backward, reduction, new Map(taps.map((tap) => [tap, tap])));
    const found = await runBackwardModel(model, reduced, feeds, { [output]: seed });
    for (const tap of taps) {
      const { dims, data } = whole.get(tap)!;
      const activations = { dims: dims.slice(1), data: values.get(tap)!.data };
      const sums = found.get(tap)!;
      const [own, length] = [sizeOf(activations.dims), sums.dims[1]!];
      expect(sums.dims[0]).toBe(seed.dims[0]);
      for (let n = 0; n < dims[0]!; n++) {
        const gradients = { dims: activations.dims, data: data.slice(n * own, (n + 1) * own) };
        const one = sums.data.subarray(n * length, (n + 1) * length);
        expectNear(one.subarray(0, -1), reducedOf(need, activations, gradients));
        expect(one.at(-1)).toBeCloseTo(Math.max(...gradients.data.map(Math.abs)), 5);
      }
    }
  }
}

describe("a reduction in the graph", () => {
  it.each(["saved", "recomputed"] as const)("equals that of whole gradients, forward values %s", async (values) => {
    const { model, head, layers } = miniYolo();
    const random = randomSource(4);
    const taps = ["images", ...[0, 2, 6, 8, 9, 10, 17, 23].map((index) => layers[index]!)];
    const feeds = { images: randomTensor([1, 3, 64, 96], random, 0, 1) };
    const seed = randomTensor([1, 378, 9], random);
    await expectSameReductions({ model, taps, output: head.output, forwardValues: values, feeds, seed });
  });

  it("equals that of whole gradients in random networks, with several seeds", async () => {
    const conv = fc.record({
      op: fc.constant("Conv" as const),
      kernel: fc.integer({ min: 1, max: 3 }),
      stride: fc.integer({ min: 1, max: 2 }),
      out: fc.integer({ min: 1, max: 3 }).map((n) => 2 * n),
      group: fc.integer({ min: 1, max: 2 }),
    });
    const block = fc.oneof(conv, fc.constant({ op: "SiLU" as const }), fc.constant({ op: "Relu" as const }));
    const networks = fc.record({
      blocks: fc.array(block, { minLength: 1, maxLength: 5 }),
      height: fc.integer({ min: 5, max: 11 }),
      width: fc.integer({ min: 5, max: 11 }),
      seeds: fc.integer({ min: 1, max: 3 }),
      number: fc.integer({ min: 0, max: 999 }),
    });
    await fc.assert(
      fc.asyncProperty(networks, async ({ blocks, height, width, seeds, number }) => {
        const random = randomSource(number);
        const build = new GraphBuilder("v");
        const taps = [build.input("images", [1, 2, height, width])];
        let channels = 2;
        for (const one of blocks) {
          const from = taps.at(-1)!;
          if (one.op === "Relu") taps.push(build.op("Relu", [from]));
          else if (one.op === "SiLU") taps.push(build.op("Mul", [from, build.op("Sigmoid", [from])]));
          else {
            const dims = [one.out, channels / one.group, one.kernel, one.kernel];
            const weights = build.floats(dims, randomTensor(dims, random).data);
            const { kernel, stride, group } = one;
            const attributes = {
              kernel_shape: [kernel, kernel],
              strides: [stride, stride],
              pads: [1, 1, 1, 1],
              group,
            };
            taps.push(build.op("Conv", [from, weights], attributes));
            channels = one.out;
          }
        }
        const output = build.op("Mul", [taps.at(-1)!, taps.at(-1)!]);
        build.output(output);
        const model = modelOf(build.graph("random"));
        const feeds = { images: randomTensor([1, 2, height, width], random) };
        const [{ dims }] = (await runGraph(model.graph, feeds, [output])) as [Tensor];
        const seed = randomTensor([seeds, ...dims.slice(1)], random);
        await expectSameReductions({ model, taps, output, forwardValues: "saved", feeds, seed });
      }),
      { seed: 7, numRuns: 15 },
    );
  });
});
