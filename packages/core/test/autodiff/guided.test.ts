import { describe, expect, it } from "vitest";
import { buildBackward } from "../../src/autodiff/backward.js";
import { guidedRules } from "../../src/autodiff/guided.js";
import { defaultRules } from "../../src/autodiff/rules/index.js";
import { GraphBuilder, type Value } from "../../src/onnx/builder.js";
import { joinBackward } from "../support/check-vjp.js";
import { runGraph } from "../support/ort.js";

/** d ⟨g, f(x)⟩ / dx under guided rules. */
async function guided(f: (b: GraphBuilder, x: Value) => Value, x: readonly number[], g: readonly number[]) {
  const b = new GraphBuilder("m");
  b.input("x", [1, 1, 1, x.length]);
  b.output(f(b, "x"));
  const graph = b.graph("test");
  const outputs = graph.outputs.map((output) => output.name);
  const backward = buildBackward(graph, {
    ...{ taps: ["x"], outputs, manySeeds: false, rules: guidedRules(graph, defaultRules) },
  });
  const tensor = (values: readonly number[]) => ({ dims: [1, 1, 1, values.length], data: Float32Array.from(values) });
  const feeds = { x: tensor(x), [backward.seeds.get(outputs[0]!)!]: tensor(g) };
  const [found] = await runGraph(joinBackward(graph, backward), feeds, [backward.gradients.get("x")!]);
  return [...found!.data];
}

const x = [-2, -1, 0, 1, 2, 3];
const sigmoid = (v: number) => 1 / (1 + Math.exp(-v));
/** d (v · sigmoid(v)) / dv */
const silu = (v: number) => sigmoid(v) * (1 + v * (1 - sigmoid(v)));
const up = [1, 1, 1, 1, 1, 1];
const mixed = [1, -1, 1, -1, 1, 0];

describe("guided rules", () => {
  it("pass through ReLU what is positive on the way forward and back", async () => {
    expect(await guided((b, v) => b.op("Relu", [v]), x, up)).toEqual([0, 0, 0, 1, 1, 1]);
    expect(await guided((b, v) => b.op("Relu", [v]), x, mixed)).toEqual([0, 0, 0, 0, 1, 0]);
  });

  it("through LeakyReLU too", async () => {
    const leaky = (b: GraphBuilder, v: Value) => b.op("LeakyRelu", [v], { alpha: { float: 0.1 } });
    expect(await guided(leaky, x, mixed)).toEqual([0, 0, 0, 0, 1, 0]);
  });

  it.each([
    ["x · sigmoid(x)", false],
    ["sigmoid(x) · x", true],
  ])("through SiLU, written %s, with its own derivative", async (_, swapped) => {
    const f = (b: GraphBuilder, v: Value) => {
      const s = b.op("Sigmoid", [v]);
      return b.op("Mul", swapped ? [s, v] : [v, s]);
    };
    const all = await guided(f, x, up);
    const some = await guided(f, x, mixed);
    x.forEach((v, i) => {
      expect(all[i]).toBeCloseTo(v > 0 ? silu(v) : 0, 6);
      expect(some[i]).toBeCloseTo(v > 0 && mixed[i]! > 0 ? silu(v) : 0, 6);
    });
  });

  it("leave other products, and other ops, as they are", async () => {
    const square = await guided((b, v) => b.op("Mul", [v, v]), x, mixed);
    expect(square).toEqual(x.map((v, i) => 2 * v * mixed[i]! + 0));
    // A gate of another value is no SiLU.
    const gate = await guided((b, v) => b.op("Mul", [v, b.op("Sigmoid", [b.op("Neg", [v])])]), [1], [-1]);
    expect(gate[0]).toBeCloseTo(-(sigmoid(-1) - sigmoid(-1) * (1 - sigmoid(-1))), 6);
    expect(guidedRules(new GraphBuilder("").graph("e"), defaultRules).map(({ op }) => op)).toEqual(
      defaultRules.map(({ op }) => op),
    );
  });

  it("stop at the first rectifier that is shut, through two in a row", async () => {
    const twice = (b: GraphBuilder, v: Value) => b.op("Relu", [b.op("Neg", [b.op("Relu", [v])])]);
    expect((await guided(twice, x, up)).every((value) => value === 0)).toBe(true);
  });
});
