import { describe, expect, it } from "vitest";
import { buildBackward } from "../../src/autodiff/backward.js";
import { GraphBuilder } from "../../src/onnx/builder.js";
import { intTensor } from "../../src/onnx/tensors.js";
import { checkVjp, type InputSpec, joinBackward } from "../support/check-vjp.js";
import { runGraph } from "../support/ort.js";

/** Operand shapes: [a, b, what many seeds do]. */
const shapes: readonly [readonly number[], readonly number[], "equal" | "refused" | "skip"][] = [
  [[1, 3, 5, 7], [1, 3, 5, 7], "equal"],
  [[1, 3, 5, 7], [1, 3, 1, 1], "equal"],
  [[1, 1, 5, 1], [1, 3, 1, 7], "equal"],
  [[1, 3, 5, 7], [3, 1, 1], "refused"],
  [[1, 3, 5, 7], [], "refused"],
  [[1, 3, 5], [1], "refused"],
  [[2, 3, 5], [3, 1], "skip"],
  [[2, 1, 5], [2, 3, 1], "skip"],
  [[5], [3, 2, 1], "skip"],
  [[], [], "skip"],
];

const away: Partial<InputSpec> = { range: [0.4, 1.6] };

describe("broadcasting rules agree with differences", () => {
  for (const op of ["Add", "Sub", "Mul", "Div", "Pow", "Sum", "Mean"]) {
    it.each(shapes)(`${op} %j %j: many seeds %s`, async (a, b, manySeeds) => {
      await checkVjp({
        build: (builder, { x, y }) => builder.op(op, [x!, y!]),
        inputs: { x: { dims: a, ...away }, y: { dims: b, ...away } },
        manySeeds,
      });
    });
  }

  it.each(["Max", "Min"])("%s of three, broadcast", async (op) => {
    await checkVjp({
      build: (b, { all }) => {
        const [x, y] = b.ops("Split", [all!, b.ints([35, 7])], 2, { axis: 1 });
        const wide = b.op("Reshape", [x!, b.ints([-1, 5, 7])]);
        return b.op(op, [wide, b.op("Reshape", [y!, b.ints([-1, 1, 7])]), b.float(0.03)]);
      },
      inputs: { all: { dims: [1, 42], distinct: true } },
      manySeeds: "skip",
    });
    await checkVjp({
      build: (b, { x, y }) => b.op(op, [x!, y!, b.float(0.2)]),
      inputs: {
        x: { dims: [1, 3, 5], range: [-1, 1], avoid: [0.2, 0.45] },
        y: { dims: [1, 3, 1], data: [0.45, 0.45, 0.45] },
      },
    });
  });

  it("Max of one", () => checkVjp({ build: (b, { x }) => b.op("Max", [x!]), inputs: { x: { dims: [1, 4] } } }));

  it("Where, both branches broadcast", () =>
    checkVjp({
      build: (b, { c, x, y }) => b.op("Where", [b.op("Greater", [c!, b.float(0)]), x!, y!]),
      inputs: { c: { dims: [1, 3, 5], avoid: [0] }, x: { dims: [1, 1, 5] }, y: { dims: [1, 3, 1] } },
      wanted: ["x", "y"],
    }));

  it.each([[[1, 3, 1, 1], "equal"] as const, [[3, 1, 1], "refused"] as const, [[1], "refused"] as const])(
    "PRelu with slopes %j",
    (slope, manySeeds) =>
      checkVjp({
        build: (b, { x, slope }) => b.op("PRelu", [x!, slope!]),
        inputs: { x: { dims: [1, 3, 5, 7], avoid: [0] }, slope: { dims: slope } },
        manySeeds,
      }),
  );

  it("one value as both operands", () =>
    checkVjp({
      build: (b, { x }) => b.op("Mul", [x!, b.op("Sub", [x!, b.op("Div", [x!, x!])])]),
      inputs: { x: { dims: [1, 7], ...away } },
    }));
});

describe("Pow with a constant exponent", () => {
  it.each([0, 1, 2, 3, 4, 0.5, -1, 1.5])("%d", (exponent) =>
    checkVjp({
      build: (b, { x }) => b.op("Pow", [x!, b.float(exponent)]),
      inputs: { x: { dims: [1, 3, 5], ...away } },
    }),
  );

  it("of int64, one value or several", async () => {
    const withExponent = (values: readonly number[], dims: readonly number[]) =>
      checkVjp({
        build: (b, { x }) => {
          b.initializers.set("p", intTensor("p", values, dims));
          return b.op("Pow", [x!, "p"]);
        },
        inputs: { x: { dims: [1, 3, 2], range: [-1.5, 1.5] } },
      });
    await withExponent([2], []);
    await withExponent([3], [1]);
    await withExponent([3, 2], [2]);
  });

  it("squares negative numbers", () =>
    checkVjp({ build: (b, { x }) => b.op("Pow", [x!, b.float(2)]), inputs: { x: { dims: [1, 9], range: [-2, 2] } } }));
});

describe("Clip", () => {
  const x = { dims: [1, 3, 5], range: [-2, 2], avoid: [-1, 1] } as const;
  it.each([
    ["both bounds", -1, 1],
    ["a lower bound", -1, undefined],
    ["an upper bound", undefined, 1],
    ["no bounds", undefined, undefined],
  ] as const)("%s", (_, low, high) =>
    checkVjp({
      build: (b, { x }) => {
        const bound = (value: number | undefined) => (value === undefined ? "" : b.float(value));
        return b.op("Clip", [x!, bound(low), bound(high)]);
      },
      inputs: { x },
    }),
  );

  it("gives wanted bounds what they cut off", () =>
    checkVjp({
      build: (b, { x, low, high }) => b.op("Clip", [x!, low!, high!]),
      inputs: { x, low: { dims: [], data: [-1] }, high: { dims: [], data: [1] } },
      manySeeds: "refused",
    }));
});

/** Gradients at the point, for a seed of ones. */
async function gradientsAt(op: string, values: readonly (readonly number[])[]): Promise<number[][]> {
  const b = new GraphBuilder("m");
  const names = values.map((value, i) => b.input(`x${i}`, [value.length]));
  const y = b.op(op, names);
  b.output(y);
  const graph = b.graph("ties");
  const backward = buildBackward(graph, { taps: names, outputs: [y], manySeeds: false });
  const dims = [values[0]!.length];
  const feeds = Object.fromEntries(values.map((value, i) => [`x${i}`, { dims, data: Float32Array.from(value) }]));
  feeds[backward.seeds.get(y)!] = { dims, data: new Float32Array(dims[0]!).fill(1) };
  const outputs = await runGraph(
    joinBackward(graph, backward),
    feeds,
    names.map((name) => backward.gradients.get(name)!),
  );
  return outputs.map((output) => [...output.data]);
}

describe("at the edges, as in PyTorch", () => {
  it("ties of Max and Min share the gradient evenly", async () => {
    expect(
      await gradientsAt("Max", [
        [1, 2],
        [1, 5],
      ]),
    ).toEqual([
      [0.5, 0],
      [0.5, 1],
    ]);
    expect(
      await gradientsAt("Min", [
        [4, 4],
        [4, 5],
        [4, 4],
      ]),
    ).toEqual([
      [expect.closeTo(1 / 3, 6), 0.5],
      [expect.closeTo(1 / 3, 6), 0],
      [expect.closeTo(1 / 3, 6), 0.5],
    ]);
  });

  it("0 to the power of 0, 1 and 2 gives no NaN", async () => {
    const [base, exponent] = await gradientsAt("Pow", [
      [0, 0, 0],
      [0, 1, 2],
    ]);
    expect(base).toEqual([0, 1, 0]);
    expect(exponent).toEqual([0, 0, 0]);
  });
});
