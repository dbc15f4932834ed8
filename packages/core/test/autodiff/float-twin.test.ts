import * as ort from "onnxruntime-node";
import { describe, expect, it } from "vitest";
import { buildBackwardModel } from "../../src/autodiff/backward-model.js";
import { floatTwin } from "../../src/autodiff/float-twin.js";
import { defaultRules } from "../../src/autodiff/rules/index.js";
import { GraphBuilder, type Value } from "../../src/onnx/builder.js";
import { buildPrefix } from "../../src/onnx/cut.js";
import { castHalfInputs } from "../../src/onnx/half-inputs.js";
import { DataType, type Graph, type Model } from "../../src/onnx/model.js";
import { floatsOf } from "../../src/onnx/tensors.js";
import { modelOf, runModel } from "../onnx/support.js";
import { halfTensor } from "../support/half.js";

const { FLOAT, FLOAT16, DOUBLE } = DataType;

/** A float32 constant, stored in `type`. */
function constant(b: GraphBuilder, type: number, dims: readonly number[], values: readonly number[]): Value {
  const name = b.floats(dims, values);
  const tensor = b.initializers.get(name)!;
  if (type === FLOAT16) b.initializers.set(name, halfTensor(tensor));
  const bytes = new Uint8Array(Float64Array.from(values).buffer);
  if (type === DOUBLE) b.initializers.set(name, { ...tensor, dataType: DOUBLE, bytes });
  return name;
}

/** Two steps of x · tanh(x), the second in float32 when `mixed`: between Casts as converters put them around ops that must stay wide. */
function network(type: number, mixed: boolean, slope: number): Model {
  const b = new GraphBuilder("m");
  b.input("x", [1, 2, 3]);
  const bend = (value: Value) => b.op("Mul", [value, b.op("Tanh", [value])]);
  const inner = b.op("Cast", ["x"], { to: type });
  const first = bend(b.op("MatMul", [inner, constant(b, type, [3, 3], [1, -2, 0.5, 0.25, 3, -1, 2, 1, -0.5])]));
  const back = mixed ? b.op("Cast", [first], { to: FLOAT }) : first;
  const second = bend(b.op("MatMul", [back, constant(b, mixed ? FLOAT : type, [3, 2], [1, 2, -1, 0.5, 0.25, -2])]));
  const again = mixed ? b.op("Cast", [second], { to: type }) : second;
  const factor = constant(b, type, [], [slope]);
  const small = b.op("Mul", [b.op("Mul", [again, factor]), factor]);
  b.node("Cast", [small], ["y"], { to: FLOAT });
  b.output("y");
  return { ...modelOf(b, 21), graph: b.graph("network") };
}

async function gradientOf(model: Model, tap: Value, forwardValues: "saved" | "recomputed"): Promise<number[]> {
  const backward = buildBackwardModel(model, {
    taps: [tap],
    outputs: ["y"],
    rules: defaultRules,
    manySeeds: false,
    forwardValues,
  });
  const x = new ort.Tensor("float32", Float32Array.of(0.5, -1, 2, 1.5, 0.25, -0.75), [1, 2, 3]);
  const saved = await runModel(castHalfInputs(buildPrefix(model, backward.saved, backward.forwardNodes)), { x });
  const seed = new ort.Tensor("float32", Float32Array.of(1, -0.5, 0.25, 2), [1, 2, 2]);
  const found = await runModel(backward.model, { ...saved, [backward.seeds.get("y")!]: seed });
  return [...(found[backward.gradients.get(tap)!]!.data as Float32Array)];
}

describe("the gradient of a model in another precision", () => {
  const cases = [FLOAT16, DOUBLE].flatMap((type) => [false, true].map((mixed) => [type, mixed] as const));
  it.each(cases)("data type %i, mixed with float32: %s", async (type, mixed) => {
    for (const forwardValues of ["saved", "recomputed"] as const) {
      const tap = network(type, mixed, 1).graph.nodes[1]!.outputs[0]!;
      const wanted = await gradientOf(network(FLOAT, false, 1), tap, forwardValues);
      const found = await gradientOf(network(type, mixed, 1), tap, forwardValues);
      const tolerance = type === DOUBLE ? 1e-5 : 4e-3;
      for (const [i, value] of found.entries()) expect(Math.abs(value - wanted[i]!)).toBeLessThan(tolerance);
      expect(Math.max(...wanted)).toBeGreaterThan(0.5);
    }
  });

  it("does not underflow where float16 would", async () => {
    const slope = 2 ** -13; // Twice: 2^-26, below the smallest float16, 2^-24.
    const tap = network(FLOAT, false, 1).graph.nodes[1]!.outputs[0]!;
    const wanted = await gradientOf(network(FLOAT, false, slope), tap, "saved");
    const found = await gradientOf(network(FLOAT16, false, slope), tap, "saved");
    expect(Math.max(...wanted.map(Math.abs))).toBeLessThan(2 ** -24);
    for (const [i, value] of found.entries()) expect(Math.abs(value / wanted[i]! - 1)).toBeLessThan(0.02);
  });
});

describe("floatTwin", () => {
  it("is the graph itself when that is float32", () => {
    const { graph } = network(FLOAT, false, 1);
    expect(floatTwin(graph)).toBe(graph);
  });

  it("holds no other float type, in attributes either, and converts a weight once", () => {
    const b = new GraphBuilder("m");
    b.input("x", [2], FLOAT16);
    const like = { name: "", dims: [1], dataType: FLOAT16, bytes: Uint8Array.of(0, 0x42) };
    const filled = b.op("ConstantOfShape", [b.ints([2])], { value: { tensor: like } });
    const eye = b.op("EyeLike", [b.op("Cast", ["x"], { to: DataType.INT64 })], { dtype: DOUBLE });
    b.node("Sum", [filled, "x", eye, constant(b, FLOAT16, [2], [1.5, -0.25])], ["y"]);
    b.output("y", [2], FLOAT16);
    const twin = floatTwin({ ...b.graph("g"), valueInfo: [{ name: eye, elemType: DOUBLE, shape: [2] }] });
    expect([...twin.inputs, ...twin.outputs, ...twin.valueInfo].map(({ elemType }) => elemType)).toEqual([1, 1, 1]);
    expect(twin.nodes[0]!.attributes.get("value")).toMatchObject({ type: "tensor", value: { dataType: FLOAT } });
    const three = twin.nodes[0]!.attributes.get("value")!;
    expect(three.type === "tensor" && [...floatsOf(three.value)]).toEqual([3]);
    expect(twin.nodes.map(({ attributes }) => attributes.get("dtype")?.value)).toContain(FLOAT);
    const weight = [...twin.initializers.values()].at(-1)!;
    expect([...floatsOf(weight)]).toEqual([1.5, -0.25]);
    expect(weight.bytes).toBe(weight.bytes);
  });

  it("makes constants of weights that are dequantised, by tensor and by any axis", () => {
    const b = new GraphBuilder("m");
    const int8 = (dims: readonly number[], values: readonly number[], dataType: number = DataType.INT8): Value => {
      const name = b.fresh("q");
      b.initializers.set(name, { name, dims, dataType, bytes: new Uint8Array(Int8Array.from(values).buffer) });
      return name;
    };
    const q = int8([2, 3], [1, -2, 3, -4, 5, -6]);
    const outputs = [
      b.op("DequantizeLinear", [q, b.float(0.5)]),
      b.op("DequantizeLinear", [q, b.floats([2], [1, 2]), int8([2], [0, 1])], { axis: 0 }),
      b.op("DequantizeLinear", [q, b.floats([3], [1, 2, 4]), int8([3], [1, 0, -1])], { axis: -1 }),
      b.op("DequantizeLinear", [int8([2], [-1, 1], DataType.UINT8), b.float(1), int8([], [127], DataType.UINT8)]),
    ];
    const blocked = b.op("DequantizeLinear", [q, b.floats([2, 1], [1, 2])], { axis: 1, block_size: 3 });
    const computed = b.op("DequantizeLinear", [b.op("QuantizeLinear", ["x", b.float(1)]), b.float(1)]);
    const twin: Graph = floatTwin(b.graph("g"));
    expect(outputs.map((name) => [...floatsOf(twin.initializers.get(name)!)])).toEqual([
      [0.5, -1, 1.5, -2, 2.5, -3],
      [1, -2, 3, -10, 8, -14],
      [0, -4, 16, -5, 10, -20],
      [128, -126],
    ]);
    expect(twin.nodes.flatMap((node) => node.outputs)).toEqual(expect.arrayContaining([blocked, computed]));
    expect(twin.nodes).toHaveLength(3);
  });
});
