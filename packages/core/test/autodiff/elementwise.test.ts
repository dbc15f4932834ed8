import { describe, expect, it } from "vitest";
import { buildBackward } from "../../src/autodiff/backward.js";
import type { AttributeLiteral } from "../../src/onnx/attributes.js";
import { GraphBuilder } from "../../src/onnx/builder.js";
import { DataType } from "../../src/onnx/model.js";
import { checkVjp, type InputSpec, joinBackward } from "../support/check-vjp.js";
import { runGraph } from "../support/ort.js";

interface UnaryCase extends Partial<InputSpec> {
  readonly op: string;
  readonly attributes?: Readonly<Record<string, AttributeLiteral>>;
  readonly tolerance?: number;
  readonly opset?: number;
}

const cases: readonly UnaryCase[] = [
  { op: "Sigmoid", range: [-4, 4] },
  { op: "Tanh", range: [-3, 3] },
  { op: "Relu", avoid: [0] },
  { op: "LeakyRelu", avoid: [0] },
  { op: "LeakyRelu", attributes: { alpha: { float: 0.3 } }, avoid: [0] },
  { op: "Elu", avoid: [0] },
  { op: "Elu", attributes: { alpha: { float: 0.7 } }, avoid: [0] },
  { op: "Celu", avoid: [0] },
  { op: "Celu", attributes: { alpha: { float: 0.6 } } },
  { op: "Selu", avoid: [0] },
  { op: "Selu", attributes: { alpha: { float: 1.2 }, gamma: { float: 0.8 } }, avoid: [0] },
  { op: "HardSigmoid", range: [-4, 4], avoid: [-2.5, 2.5] },
  { op: "HardSigmoid", attributes: { alpha: { float: 0.5 }, beta: { float: 0.3 } }, avoid: [-0.6, 1.4] },
  { op: "HardSwish", range: [-5, 5], avoid: [-3, 3] },
  { op: "Softplus", range: [-4, 4] },
  { op: "Softsign", range: [-3, 3], avoid: [0] },
  { op: "Mish", range: [-4, 4] },
  { op: "Gelu", range: [-3, 3] },
  { op: "Gelu", attributes: { approximate: "tanh" }, range: [-3, 3] },
  { op: "Swish", opset: 24 },
  { op: "Swish", attributes: { alpha: { float: 1.7 } }, range: [-3, 3], opset: 24 },
  { op: "Erf", range: [-2, 2] },
  { op: "Exp" },
  { op: "Log", range: [0.3, 3] },
  { op: "Sqrt", range: [0.3, 3] },
  { op: "Reciprocal", range: [0.4, 2] },
  { op: "Reciprocal", range: [-2, -0.4] },
  { op: "Neg" },
  { op: "Abs", avoid: [0] },
  { op: "Sin", range: [-3, 3] },
  { op: "Cos", range: [-3, 3] },
  { op: "Tan", range: [-1, 1] },
  { op: "Atan", range: [-3, 3] },
  { op: "Identity" },
  { op: "Cast", attributes: { to: DataType.FLOAT } },
];

describe("element-wise rules agree with differences", () => {
  it.each(cases)("$op $attributes $range", async ({ op, attributes, tolerance, opset, ...x }) => {
    await checkVjp({
      build: (b, { x }) => b.op(op, [x!], attributes),
      inputs: { x: { dims: [1, 3, 5, 7], ...x } },
      ...(tolerance === undefined ? {} : { tolerance }),
      ...(opset === undefined ? {} : { opset }),
    });
  });

  it("casts back to the type it came from", () =>
    checkVjp({
      build: (b, { x }) => {
        const half = b.op("Cast", [x!], { to: DataType.DOUBLE });
        return b.op("Cast", [half], { to: DataType.FLOAT });
      },
      inputs: { x: { dims: [2, 5] } },
    }));
});

/** The gradient for a seed of ones at chosen points. */
async function slopes(op: string, points: readonly number[], bounds: readonly number[] = []): Promise<number[]> {
  const b = new GraphBuilder("m");
  b.input("x", [points.length]);
  const y = b.op(op, ["x", ...bounds.map((bound) => b.float(bound))]);
  b.output(y);
  const graph = b.graph("slopes");
  const backward = buildBackward(graph, { taps: ["x"], outputs: [y], manySeeds: false });
  const dims = [points.length];
  const feeds = {
    x: { dims, data: Float32Array.from(points) },
    [backward.seeds.get(y)!]: { dims, data: new Float32Array(points.length).fill(1) },
  };
  const [gradient] = await runGraph(joinBackward(graph, backward), feeds, [backward.gradients.get("x")!]);
  return [...gradient!.data];
}

describe("where the derivative jumps, it is PyTorch's", () => {
  it("Relu and Abs are flat at 0", async () => {
    expect(await slopes("Relu", [-1, -0, 0, 2])).toEqual([0, 0, 0, 1]);
    expect(await slopes("Abs", [-1, 0, 2])).toEqual([-1, 0, 1]);
  });

  it("LeakyRelu has the slope of its negative side at 0", async () => {
    const [at0] = await slopes("LeakyRelu", [0]);
    expect(at0).toBeCloseTo(0.01, 7);
  });

  it("Clip passes at its bounds", async () => {
    expect(await slopes("Clip", [-0.5, 0, 0.5, 1, 1.5], [0, 1])).toEqual([0, 1, 1, 1, 0]);
  });

  it("does not overflow far out", async () => {
    expect(await slopes("Sigmoid", [-200, 200])).toEqual([0, 0]);
    expect(await slopes("Softplus", [-200, 200])).toEqual([0, 1]);
    expect(await slopes("Mish", [-60, 60])).toEqual([expect.closeTo(0, 20), 1]);
    expect(await slopes("Softsign", [-1e30, 1e30])).toEqual([0, 0]);
    expect(await slopes("Gelu", [-60, 60])).toEqual([expect.closeTo(0, 20), 1]);
  });
});
