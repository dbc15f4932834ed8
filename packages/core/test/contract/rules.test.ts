import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { defaultRules, ruleTable } from "../../src/autodiff/rules/index.js";
import { stopsGradient } from "../../src/autodiff/stops.js";
import { WhyboxError } from "../../src/errors.js";
import { GraphBuilder } from "../../src/onnx/builder.js";

const folder = new URL("../autodiff/", import.meta.url);

/** The sources of the tests that check rules against differences. */
const tests = readdirSync(folder)
  .filter((name) => name.endsWith(".test.ts"))
  .map((name) => readFileSync(new URL(name, folder), "utf8"))
  .filter((source) => source.includes("checkVjp({"));

describe("every gradient rule", () => {
  it.each(defaultRules)("$op is checked against differences", ({ op }) => {
    const quoted = new RegExp(`["\`]${op}["\`]|\\b${op}: \\{`);
    expect(
      tests.some((source) => quoted.test(source)),
      `No test in packages/core/test/autodiff that uses checkVjp names "${op}".`,
    ).toBe(true);
  });

  it.each(defaultRules)("$op is no stop as well", ({ op }) => {
    const b = new GraphBuilder();
    b.op(op, ["x"]);
    expect(stopsGradient(b.nodes[0]!, 0)).toBe(false);
  });

  it("has an op to itself: a duplicate throws, naming it", () => {
    expect(ruleTable(defaultRules).size).toBe(defaultRules.length);
    const twice = () => ruleTable([...defaultRules, ...defaultRules.slice(2, 3)]);
    expect(twice).toThrow(WhyboxError);
    expect(twice).toThrow(defaultRules[2]!.op);
  });
});

/** The ops that exports of YOLOv5 to YOLO26 and RT-DETR, in float and quantised, have between backbone and output. */
const PROMISED = [
  ..."Conv ConvTranspose Sigmoid Tanh Relu LeakyRelu HardSwish HardSigmoid Softplus Mish Clip Exp Log Sqrt Pow Neg Abs".split(
    " ",
  ),
  ..."Add Sub Mul Div Concat Split Slice Gather Pad Reshape Flatten Squeeze Unsqueeze Expand Transpose".split(" "),
  ..."MaxPool AveragePool GlobalAveragePool ReduceMean ReduceSum Resize Identity Cast BatchNormalization".split(" "),
  ..."MatMul Gemm Softmax Where".split(" "),
  ..."LayerNormalization InstanceNormalization GroupNormalization Gelu Erf Einsum GridSample TopK GatherElements GatherND".split(
    " ",
  ),
  ..."ScatterND ScatterElements Tile Sin Cos Atan ReduceMax ReduceMin ReduceL2 ReduceProd LogSoftmax ReduceLogSumExp".split(
    " ",
  ),
  ..."Max Min QuantizeLinear DequantizeLinear".split(" "),
];

it("there is a rule for every op that is promised", () => {
  const table = ruleTable(defaultRules);
  expect(PROMISED.filter((op) => !table.has(op))).toEqual([]);
});

/** Flat functions, and what is counted, chosen or made. */
const STOPS = [
  ..."Round Floor Ceil Sign ArgMax ArgMin NonMaxSuppression Range ConstantOfShape NonZero Shape Size Equal Greater Less".split(
    " ",
  ),
];

it("the ops that are promised as stops are, and have no rule", () => {
  const stops = (opType: string) => stopsGradient({ ...nodeOf(opType), outputs: ["y"] }, 0);
  const table = ruleTable(defaultRules);
  expect(STOPS.filter((op) => !stops(op) || table.has(op))).toEqual([]);
  expect(stopsGradient(nodeOf("TopK"), 1)).toBe(true);
});

function nodeOf(opType: string) {
  const b = new GraphBuilder();
  b.ops(opType, ["x"], 2);
  return b.nodes[0]!;
}
