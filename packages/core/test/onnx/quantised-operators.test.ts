import { describe, expect, it } from "vitest";
import { GraphBuilder, type Value } from "../../src/onnx/builder.js";
import { DataType, type Model } from "../../src/onnx/model.js";
import { expandQuantisedOperators } from "../../src/onnx/normalise/quantised-operators.js";
import { normalise } from "../../src/onnx/normalise.js";
import { validateModel } from "../../src/onnx/validate.js";
import { randomSource } from "../support/random.js";
import { modelOf, noise, runModel } from "./support.js";

const { INT8, UINT8, INT32 } = DataType;
const random = randomSource(9);

function integers(b: GraphBuilder, dataType: number, dims: readonly number[], values?: readonly number[]): Value {
  const name = b.fresh("q");
  const size = dims.reduce((product, dim) => product * dim, 1);
  const drawn =
    values ?? Array.from({ length: size }, () => Math.floor(120 * random()) - (dataType === UINT8 ? 0 : 60));
  const typed =
    dataType === INT32 ? Int32Array.from(drawn) : dataType === INT8 ? Int8Array.from(drawn) : Uint8Array.from(drawn);
  b.initializers.set(name, { name, dims, dataType, bytes: new Uint8Array(typed.buffer) });
  return name;
}

/** Pushes a node of ONNX Runtime's own domain. */
function contrib(
  b: GraphBuilder,
  opType: string,
  inputs: Value[],
  attributes: Parameters<GraphBuilder["node"]>[3] = {},
): Value {
  const output = `${b.fresh(opType)}_quantized`;
  b.node(opType, inputs, [output], attributes);
  b.nodes.push({ ...b.nodes.pop()!, domain: "com.microsoft" });
  return output;
}

/** The operand x, quantised: value, scale, zero point; these as vectors of one, as some operators take them. */
function operand(b: GraphBuilder, dims: readonly number[] = []): [Value, Value, Value] {
  const scalars: [Value, Value] = [b.float(0.02), integers(b, UINT8, [], [120])];
  return [b.op("QuantizeLinear", ["x", ...scalars]), b.floats(dims, [0.02]), integers(b, UINT8, dims, [120])];
}

const scale = (b: GraphBuilder, value: number): [Value, Value] => [b.float(value), integers(b, UINT8, [], [100])];

/** Each builds the operator on x [1, 2, 5, 6] and gives what it makes, with the scale that this is read by. */
type Build = (b: GraphBuilder) => [q: Value, by: [Value, Value]];
const out = (b: GraphBuilder, value: number, make: (by: [Value, Value]) => Value): ReturnType<Build> => {
  const by = scale(b, value);
  return [make(by), by];
};
const cases: [string, Build][] = [
  [
    "QLinearConv with a bias, by channel",
    (b) =>
      out(b, 0.05, (by) => {
        const weight = [
          integers(b, INT8, [3, 2, 3, 3]),
          b.floats([3], [0.01, 0.02, 0.005]),
          integers(b, INT8, [3], [0, 0, 0]),
        ];
        return b.op("QLinearConv", [...operand(b, [1]), ...weight, ...by, integers(b, INT32, [3], [300, -900, 20])], {
          pads: [1, 1, 1, 1],
          strides: [2, 1],
        });
      }),
  ],
  [
    "QLinearMatMul",
    (b) =>
      out(b, 0.05, (by) =>
        b.op("QLinearMatMul", [
          ...operand(b),
          integers(b, UINT8, [6, 4]),
          b.float(0.01),
          integers(b, UINT8, [], [60]),
          ...by,
        ]),
      ),
  ],
  ["QLinearAdd", (b) => out(b, 0.04, (by) => contrib(b, "QLinearAdd", [...operand(b), ...operand(b), ...by]))],
  ["QLinearMul", (b) => out(b, 0.01, (by) => contrib(b, "QLinearMul", [...operand(b), ...operand(b), ...by]))],
  ["QLinearSigmoid", (b) => out(b, 0.004, (by) => contrib(b, "QLinearSigmoid", [...operand(b), ...by]))],
  [
    "QLinearLeakyRelu",
    (b) => out(b, 0.02, (by) => contrib(b, "QLinearLeakyRelu", [...operand(b), ...by], { alpha: { float: 0.1 } })),
  ],
  [
    "QLinearConcat",
    (b) => out(b, 0.03, (by) => contrib(b, "QLinearConcat", [...by, ...operand(b), ...operand(b)], { axis: 1 })),
  ],
  [
    "QLinearAveragePool",
    (b) => out(b, 0.02, (by) => contrib(b, "QLinearAveragePool", [...operand(b), ...by], { kernel_shape: [3, 2] })),
  ],
  [
    "QLinearGlobalAveragePool",
    (b) => out(b, 0.01, (by) => contrib(b, "QLinearGlobalAveragePool", [...operand(b), ...by])),
  ],
  ...[
    ["opset 17, the last axis", 17, -1],
    ["opset 17, another axis", 17, 1],
    ["opset 12, the last axis as a number", 12, 3],
    ["opset 12, all from an axis on", 12, 2],
  ].map(([title, opset, axis]): [string, Build] => [
    `QLinearSoftmax, ${title}`,
    (b) => out(b, 0.004, (by) => contrib(b, "QLinearSoftmax", [...operand(b), ...by], { opset, axis } as never)),
  ]),
  [
    "QLinearWhere",
    (b) =>
      out(b, 0.03, (by) => {
        const condition = b.op("Greater", ["x", b.float(0.1)]);
        return contrib(b, "QLinearWhere", [
          condition,
          ...operand(b),
          b.op("Identity", [integers(b, UINT8, [1], [9])]),
          b.float(0.1),
          integers(b, UINT8, [], [3]),
          ...by,
        ]);
      }),
  ],
  ...[0, 1].map((transB): [string, Build] => [
    `QGemm by column, with a bias, ${transB === 1 ? "weights as PyTorch has them" : "weights as they are multiplied"}`,
    (b) =>
      out(b, 0.05, (by) => {
        const [q, ...from] = operand(b);
        const rows = b.op("Reshape", [q, b.ints([10, 6])]);
        const weight = [
          integers(b, INT8, transB === 1 ? [3, 6] : [6, 3]),
          b.floats([3], [0.01, 0.02, 0.005]),
          integers(b, INT8, [3], [0, 0, 0]),
        ];
        const bias = integers(b, INT32, [3], [300, -900, 20]);
        return contrib(b, "QGemm", [rows, ...from, ...weight, bias, ...by], { transB, alpha: { float: 0.5 } });
      }),
  ]),
  [
    "MaxPool of quantised values",
    (b) => {
      const [q, ...by] = operand(b);
      return [b.op("MaxPool", [q], { kernel_shape: [3, 3] }), by];
    },
  ],
  [
    "Split and Transpose of quantised values",
    (b) => {
      const [q] = operand(b);
      const [, part] = b.ops("Split", [q, b.ints([1, 1])], 2, { axis: 1 });
      return [b.op("Transpose", [part!], { perm: [0, 1, 3, 2] }), [b.float(0.02), integers(b, UINT8, [], [120])]];
    },
  ],
];

function built(build: Build): Model {
  const b = new GraphBuilder("m");
  b.input("x", [1, 2, 5, 6]);
  const [q, by] = build(b);
  b.node("DequantizeLinear", [q, ...by], ["y"]);
  b.output("y");
  const model = modelOf(b, 17);
  return { ...model, opsets: new Map([...model.opsets, ["com.microsoft", 1]]) };
}

async function floatsOf(model: Model): Promise<Float32Array> {
  const { y } = await runModel(model, { x: noise([1, 2, 5, 6]) });
  return y!.data as Float32Array;
}

describe("quantised operators as pairs around float ones", () => {
  it.each(cases)(
    "%s computes what the runtime's own kernel does, up to one rounding in the last place",
    async (_, build) => {
      const model = validateModel(built(build));
      const expanded = normalise(model);
      for (const { domain, opType } of expanded.graph.nodes)
        expect(`${domain} ${opType}`).not.toMatch(/QLinear|microsoft/);
      const [expected, found] = [await floatsOf(model), await floatsOf(expanded)];
      expect(found.length).toBe(expected.length);
      expect(new Set(expected).size).toBeGreaterThan(1);
      const step = Math.min(...[...new Set(expected)].filter((v) => v !== 0).map(Math.abs)) * 1.001;
      for (const [i, value] of found.entries()) expect(Math.abs(value - expected[i]!)).toBeLessThanOrEqual(step);
      expect(expandQuantisedOperators(expanded)).toBe(expanded);
    },
  );

  it.each([
    ["by tensor", [0.01]],
    ["by column", [0.01, 0.02, 0.03, 0.04]],
  ])("MatMulInteger of dynamic quantisation, %s", async (_, scales) => {
    const b = new GraphBuilder("m");
    b.input("x", [1, 2, 5, 6]);
    const [q, s, zero] = b.ops("DynamicQuantizeLinear", ["x"], 3) as [Value, Value, Value];
    const by = scales.length > 1 ? integers(b, INT8, [4], [0, 0, 0, 0]) : integers(b, INT8, [], [0]);
    const product = b.op("MatMulInteger", [q, integers(b, INT8, [6, 4]), zero, by]);
    const factor = b.op("Mul", [s, b.floats(scales.length > 1 ? [4] : [], scales)]);
    b.node("Mul", [b.op("Cast", [product], { to: DataType.FLOAT }), factor], ["y"]);
    b.output("y");
    const model = validateModel(modelOf(b, 17));
    const expanded = normalise(model);
    expect(expanded.graph.nodes.map(({ opType }) => opType)).toContain("MatMul");
    const [expected, found] = [await floatsOf(model), await floatsOf(expanded)];
    const largest = Math.max(...expected.map(Math.abs));
    for (const [i, value] of found.entries()) expect(Math.abs(value - expected[i]!)).toBeLessThan(1e-5 * largest);
  });

  it("takes the runtime's own spelling of QuantizeLinear and DequantizeLinear for ONNX's", async () => {
    const b = new GraphBuilder("m");
    b.input("x", [1, 2, 5, 6]);
    const parts = [b.float(0.02), integers(b, UINT8, [], [120])];
    const y = contrib(b, "DequantizeLinear", [contrib(b, "QuantizeLinear", ["x", ...parts]), ...parts]);
    b.node("Identity", [y], ["y"]);
    b.output("y");
    const model = validateModel({
      ...modelOf(b, 17),
      opsets: new Map([
        ["", 17],
        ["com.microsoft", 1],
      ]),
    });
    expect(await floatsOf(normalise(model))).toEqual(await floatsOf(model));
  });
});

describe("what is not known is refused by name", () => {
  const refused: [string, RegExp, (b: GraphBuilder) => void][] = [
    [
      "an operator of com.microsoft",
      /com\.microsoft\.FusedConv × 2/,
      (b) => {
        contrib(b, "FusedConv", ["x"]);
        contrib(b, "FusedConv", ["x"]);
      },
    ],
    [
      "channels last",
      /QLinearAveragePool.*channels_last/,
      (b) => contrib(b, "QLinearAveragePool", [...operand(b), ...scale(b, 1)], { channels_last: 1 }),
    ],
    [
      "an integer product that is not scaled",
      /ConvInteger.*not cast to float/,
      (b) => b.op("ConvInteger", [operand(b)[0], integers(b, INT8, [1, 2, 1, 1])]),
    ],
  ];
  it.each(refused)("%s", (_, message, build) => {
    const b = new GraphBuilder("m");
    b.input("x", [1, 2, 5, 6]);
    build(b);
    b.node("Relu", ["x"], ["y"]);
    b.output("y");
    expect(() => normalise(modelOf(b, 17))).toThrow(
      expect.objectContaining({ code: "unsupported-model", message: expect.stringMatching(message) }),
    );
  });
});
