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

/** The ops that the issue promises. */
const PROMISED = [
  ..."Conv ConvTranspose Sigmoid Tanh Relu LeakyRelu HardSwish HardSigmoid Softplus Mish Clip Exp Log Sqrt Pow Neg Abs".split(
    " ",
  ),
  ..."Add Sub Mul Div Concat Split Slice Gather Pad Reshape Flatten Squeeze Unsqueeze Expand Transpose".split(" "),
  ..."MaxPool AveragePool GlobalAveragePool ReduceMean ReduceSum Resize Identity Cast BatchNormalization".split(" "),
  ..."MatMul Gemm Softmax Where".split(" "),
];

it("there is a rule for every op that is promised", () => {
  const table = ruleTable(defaultRules);
  expect(PROMISED.filter((op) => !table.has(op))).toEqual([]);
});
