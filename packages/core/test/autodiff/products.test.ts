import { describe, expect, it } from "vitest";
import { buildBackward } from "../../src/autodiff/backward.js";
import { GraphBuilder } from "../../src/onnx/builder.js";
import { checkVjp, joinBackward } from "../support/check-vjp.js";
import { runGraph } from "../support/ort.js";

type Mode = "equal" | "refused";

const variants: readonly [readonly number[] | undefined, number, Mode][] = [
  [[2, 3], 1, "equal"],
  [[-1], 0, "equal"],
  [[0, 2], 1, "equal"],
  [[0, 2], 0, "refused"],
  [undefined, 1, "equal"],
  [undefined, 0, "refused"],
];

describe.each(["ReduceProd", "ReduceLogSum"])("%s agrees with differences", (op) => {
  it.each(variants)("over %j, keepdims %d: many seeds %s", (axes, keepdims, manySeeds) =>
    checkVjp({
      build: (b, { x }) => b.op(op, axes ? [x!, b.ints(axes)] : [x!], { keepdims }),
      inputs: { x: { dims: [1, 3, 2, 2], range: [0.5, 1.6] } },
      manySeeds,
    }),
  );
});

async function gradientOf(op: string, x: number[][], seed: readonly number[]): Promise<number[]> {
  const b = new GraphBuilder("m");
  const dims = [x.length, x[0]!.length];
  const y = b.op(op, [b.input("x", dims), b.ints([1])], { keepdims: 0 });
  b.output(y);
  const graph = b.graph("g");
  const backward = buildBackward(graph, { taps: ["x"], outputs: [y], manySeeds: false });
  const feeds = {
    x: { dims, data: Float32Array.from(x.flat()) },
    [backward.seeds.get(y)!]: { dims: [x.length], data: Float32Array.from(seed) },
  };
  const [gradient] = await runGraph(joinBackward(graph, backward), feeds, [backward.gradients.get("x")!]);
  return [...gradient!.data];
}

it("ReduceProd of rows with no, one and two zeros, as in PyTorch", async () => {
  const rows = [
    [2, 3, 4],
    [2, 0, 4],
    [0, 3, 0],
  ];
  expect(await gradientOf("ReduceProd", rows, [1, 10, 100])).toEqual([12, 8, 6, 0, 80, 0, 0, 0, 0]);
});

it("ReduceMax and ReduceMin share between ties, as torch.amax and torch.amin do", async () => {
  expect(await gradientOf("ReduceMax", [[1, 3, 3, 3]], [6])).toEqual([0, 2, 2, 2]);
  expect(await gradientOf("ReduceMin", [[1, 3, 1, 3]], [6])).toEqual([3, 0, 3, 0]);
});

it("ReduceL2 of the zero vector has no slope, as in PyTorch", async () => {
  expect(
    await gradientOf(
      "ReduceL2",
      [
        [0, 0],
        [3, 4],
      ],
      [1, 5],
    ),
  ).toEqual([0, 0, 3, 4]);
});

it.each(["Max", "Min"])("%s of three and more agrees with differences, broadcast", (op) =>
  checkVjp({
    build: (b, { x, y, z }) => b.op(op, [x!, y!, z!, b.float(0)]),
    inputs: {
      x: { dims: [1, 3, 5], data: Array.from({ length: 15 }, (_, i) => ((i * 7) % 15) * 0.3 - 2.2) },
      y: { dims: [1, 3, 1], data: [0.75, -1.05, -0.15] },
      z: { dims: [1, 1, 5], data: [0.4, -0.5, 1.3, -1.7, 0.4] },
    },
  }),
);
