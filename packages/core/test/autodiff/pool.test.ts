import { describe, expect, it } from "vitest";
import { buildBackward } from "../../src/autodiff/backward.js";
import type { GradRule } from "../../src/autodiff/rule.js";
import { defaultRules } from "../../src/autodiff/rules/index.js";
import { maxPoolRule, maxPoolWithIndices } from "../../src/autodiff/rules/max-pool.js";
import { maxPoolWithoutIndices } from "../../src/autodiff/rules/max-pool-without-indices.js";
import type { AttributeLiteral } from "../../src/onnx/attributes.js";
import { GraphBuilder, type Value } from "../../src/onnx/builder.js";
import { sizeOf, type Tensor } from "../../src/tensor/tensor.js";
import { checkVjp, expectClose, joinBackward } from "../support/check-vjp.js";
import { runGraph } from "../support/ort.js";
import { randomSource } from "../support/random.js";

interface PoolCase {
  readonly x: readonly number[];
  readonly attributes: Readonly<Record<string, AttributeLiteral>>;
}

const windows: Readonly<Record<string, PoolCase>> = {
  "5 × 5 stride 1, as in SPPF": { x: [1, 3, 7, 6], attributes: { kernel_shape: [5, 5], pads: [2, 2, 2, 2] } },
  "2 × 2 stride 2": { x: [1, 3, 8, 6], attributes: { kernel_shape: [2, 2], strides: [2, 2] } },
  "no padding, batch 2": { x: [2, 3, 7, 5], attributes: { kernel_shape: [3, 2] } },
  "strides that do not divide": {
    x: [1, 2, 11, 13],
    attributes: { kernel_shape: [3, 4], strides: [2, 5], pads: [1, 2, 0, 1] },
  },
  ceil_mode: {
    x: [1, 3, 8, 11],
    attributes: { kernel_shape: [3, 3], strides: [2, 3], pads: [1, 0, 1, 1], ceil_mode: 1 },
  },
  dilations: {
    x: [2, 2, 11, 9],
    attributes: { kernel_shape: [3, 2], strides: [1, 2], dilations: [2, 3], pads: [1, 1, 2, 0] },
  },
  "stride beyond the kernel": { x: [1, 2, 11, 9], attributes: { kernel_shape: [2, 1], strides: [4, 3] } },
  SAME_UPPER: { x: [1, 2, 8, 11], attributes: { kernel_shape: [3, 2], strides: [2, 3], auto_pad: "SAME_UPPER" } },
  SAME_LOWER: { x: [1, 2, 8, 11], attributes: { kernel_shape: [3, 2], strides: [2, 3], auto_pad: "SAME_LOWER" } },
  "SAME_LOWER, stride 1": { x: [1, 2, 5, 7], attributes: { kernel_shape: [2, 4], auto_pad: "SAME_LOWER" } },
  VALID: { x: [1, 2, 8, 11], attributes: { kernel_shape: [3, 2], strides: [2, 3], auto_pad: "VALID" } },
  "one spatial axis": { x: [1, 3, 11], attributes: { kernel_shape: [3], strides: [2], pads: [1, 0] } },
  "three spatial axes": { x: [1, 2, 5, 4, 3], attributes: { kernel_shape: [2, 3, 1], pads: [1, 1, 0, 0, 1, 0] } },
};

const forms = { default: maxPoolRule, "with indices": maxPoolWithIndices, "without indices": maxPoolWithoutIndices };

function rulesWith(maxPool: GradRule): readonly GradRule[] {
  return [...defaultRules.filter((rule) => rule.op !== "MaxPool"), maxPool];
}

describe.each(Object.entries(forms))("the gradient of MaxPool, %s", (_, form) => {
  for (const [name, { x, attributes }] of Object.entries(windows)) {
    it(name, () =>
      checkVjp({
        build: (b, v) => b.op("MaxPool", [v.x!], attributes),
        inputs: { x: { dims: x, distinct: true } },
        rules: rulesWith(form),
      }),
    );
    it(`${name}, ties`, () => checkTies(form, x, attributes));
  }

  it("a chain of pools, as in SPPF, whose ties come by construction", async () => {
    const attributes = windows["5 × 5 stride 1, as in SPPF"]!.attributes;
    const x = { dims: [1, 2, 7, 9], data: fewValues(126) };
    const found = await gradient(form, x, (b, v) => b.op("MaxPool", [b.op("MaxPool", [v], attributes)], attributes));
    const middle = poolByHand(x, attributes);
    const g = middle.pull(x, poolByHand({ dims: x.dims, data: middle.y }, attributes).pull(x, found.seed.data));
    expectClose(found.dx.data, g, "dx");
  });
});

/** Few distinct values: most windows hold their maximum several times. */
function fewValues(size: number): Float32Array {
  const random = randomSource(5);
  return Float32Array.from({ length: size }, () => Math.floor(random() * 3));
}

/** The rule's gradient is that of a pool written out in loops, where the first maximum in row-major order gets all. */
async function checkTies(form: GradRule, dims: readonly number[], attributes: PoolCase["attributes"]): Promise<void> {
  const x = { dims, data: fewValues(sizeOf(dims)) };
  const { y, seed, dx } = await gradient(form, x, (b, v) => b.op("MaxPool", [v], attributes));
  const expected = poolByHand(x, attributes, y.dims);
  expectClose(y.data, expected.y, "y");
  expectClose(dx.data, expected.pull(x, seed.data), "dx");
}

async function gradient(form: GradRule, x: Tensor, build: (b: GraphBuilder, x: Value) => Value) {
  const b = new GraphBuilder("m");
  b.input(
    "x",
    x.dims.map(() => null),
  );
  const output = build(b, "x");
  b.output(output);
  const graph = b.graph("test");
  const backward = buildBackward(graph, { taps: ["x"], outputs: [output], manySeeds: false, rules: rulesWith(form) });
  const [y] = await runGraph(graph, { x });
  const random = randomSource(9);
  const seed = { dims: y!.dims, data: y!.data.map(() => 2 * random() - 1) };
  const feeds = { x, [backward.seeds.get(output)!]: seed };
  const [dx] = await runGraph(joinBackward(graph, backward), feeds, [backward.gradients.get("x")!]);
  return { y: y!, seed, dx: dx! };
}

/** MaxPool in loops over any number of spatial axes, remembering the first maximum of each window. */
function poolByHand(x: Tensor, attributes: PoolCase["attributes"], yDims: readonly number[] = x.dims) {
  const ints = (name: string, fallback: number) =>
    (attributes[name] as readonly number[] | undefined) ?? [...size, ...size].fill(fallback);
  const size = x.dims.slice(2);
  const out = yDims.slice(2);
  const [kernel, strides, dilations] = [ints("kernel_shape", 1), ints("strides", 1), ints("dilations", 1)];
  const same = String(attributes.auto_pad ?? "").startsWith("SAME");
  const begin = size.map((n, i) => {
    const total = Math.max(0, (out[i]! - 1) * strides[i]! + dilations[i]! * (kernel[i]! - 1) + 1 - n);
    if (!same) return attributes.auto_pad === "VALID" ? 0 : ints("pads", 0)[i]!;
    return attributes.auto_pad === "SAME_UPPER" ? Math.floor(total / 2) : Math.ceil(total / 2);
  });
  const y: number[] = [];
  const first: number[] = [];
  for (let plane = 0; plane < x.dims[0]! * x.dims[1]!; plane++) {
    for (const at of points(out)) {
      let best = -1;
      for (const tap of points(kernel)) {
        const from = at.map((o, i) => o * strides[i]! + tap[i]! * dilations[i]! - begin[i]!);
        if (from.some((entry, i) => entry < 0 || entry >= size[i]!)) continue;
        const flat = from.reduce((sum, entry, i) => sum * size[i]! + entry, plane);
        if (best < 0 || x.data[flat]! > x.data[best]!) best = flat;
      }
      first.push(best);
      y.push(x.data[best]!);
    }
  }
  const pull = (like: Tensor, g: ArrayLike<number>): Float32Array => {
    const dx = new Float32Array(like.data.length);
    first.forEach((entry, i) => {
      dx[entry]! += g[i]!;
    });
    return dx;
  };
  return { y: Float32Array.from(y), pull };
}

/** Every point of a box in row-major order. */
function points(box: readonly number[]): number[][] {
  return box.reduce<number[][]>(
    (all, size) => all.flatMap((point) => Array.from({ length: size }, (_, i) => [...point, i])),
    [[]],
  );
}

describe("MaxPool that cannot be differentiated", () => {
  it.each<[string, GradRule, PoolCase["attributes"], number]>([
    ["storage_order", maxPoolRule, { kernel_shape: [2], storage_order: 1 }, 2],
    ["kernel_shape", maxPoolWithoutIndices, { kernel_shape: [513] }, 1],
  ])("says that its %s is not supported", (word, form, attributes, outputs) => {
    const b = new GraphBuilder("m");
    b.input("x", [1, 1, 999]);
    const y = b.ops("MaxPool", ["x"], outputs, attributes)[0]!;
    b.output(y);
    const request = { taps: ["x"], outputs: [y], manySeeds: false, rules: rulesWith(form) };
    expect(() => buildBackward(b.graph("test"), request)).toThrowError(
      expect.objectContaining({ code: "no-gradient", message: expect.stringContaining(word) }),
    );
  });
});

describe("the gradient of AveragePool", () => {
  for (const [name, { x, attributes }] of Object.entries(windows)) {
    for (const count_include_pad of [0, 1]) {
      it(`${name}, count_include_pad ${count_include_pad}`, () =>
        checkVjp({
          build: (b, v) => b.op("AveragePool", [v.x!], { ...attributes, count_include_pad }),
          inputs: { x: { dims: x } },
        }));
    }
  }
});

describe("the gradients of global pools", () => {
  it.each([[[1, 3, 5, 7]], [[2, 3, 7]], [[1, 2, 3, 2, 5]]])("GlobalAveragePool of %j", (dims) =>
    checkVjp({ build: (b, { x }) => b.op("GlobalAveragePool", [x!]), inputs: { x: { dims } } }),
  );
  it.each([[[1, 3, 5, 7]], [[2, 3, 7]], [[1, 2, 3, 2, 5]]])("GlobalMaxPool of %j", (dims) =>
    checkVjp({ build: (b, { x }) => b.op("GlobalMaxPool", [x!]), inputs: { x: { dims, distinct: true } } }),
  );
});
