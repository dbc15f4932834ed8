import { describe, expect, it } from "vitest";
import { GraphBuilder } from "../../src/onnx/builder.js";
import { asDeployed } from "../../src/onnx/deployed-outputs.js";
import { elementType } from "../../src/onnx/element-type.js";
import { widened } from "../../src/onnx/half.js";
import { DataType } from "../../src/onnx/model.js";
import { validateModel } from "../../src/onnx/validate.js";
import { halfToFloat } from "../../src/tensor/half.js";
import { modelOf, noise, runModel } from "./support.js";

function zero(b: GraphBuilder, dataType: number, value: number): string {
  const name = b.fresh("zero");
  b.initializers.set(name, { name, dims: [], dataType, bytes: Uint8Array.of(value) });
  return name;
}

/** x ─ pair ─ Conv (8-bit weight) ─ pair ─ Relu → y, with names for what is asked in the middle. */
function quantised(): GraphBuilder {
  const b = new GraphBuilder("m");
  b.input("x", [1, 1, 4, 5]);
  const pair = (value: string, scale: number, name: string): string => {
    const parts = [b.float(scale), zero(b, DataType.UINT8, 128)];
    b.node("QuantizeLinear", [value, ...parts], [`${name}_q`]);
    b.node("DequantizeLinear", [`${name}_q`, ...parts], [name]);
    return name;
  };
  const weight = {
    name: "w_q",
    dims: [1, 1, 3, 3],
    dataType: DataType.INT8,
    bytes: Uint8Array.from([1, 250, 3, 4, 251, 6, 7, 8, 9]),
  };
  b.initializers.set("w_q", weight);
  b.node("DequantizeLinear", ["w_q", b.float(0.1)], ["w"]);
  b.node("Conv", [pair("x", 0.02, "x_dq"), "w"], ["conv"], { pads: [1, 1, 1, 1] });
  b.node("Relu", [pair("conv", 0.05, "conv_dq")], ["y"]);
  return b;
}

describe("asDeployed", () => {
  it("gives what the next op sees, under the names that were asked for", async () => {
    const b = quantised();
    for (const name of ["y", "conv", "conv_dq", "x_dq"]) b.output(name);
    const model = modelOf(b, 21);
    const found = await runModel(validateModel(asDeployed(model)), { x: noise([1, 1, 4, 5]) });
    expect(found.conv!.data).toEqual(found.conv_dq!.data);
    expect([...(found.y!.data as Float32Array)]).toEqual(
      [...(found.conv!.data as Float32Array)].map((v) => Math.max(v, 0)),
    );
    const steps = [...(found.conv!.data as Float32Array)].map((value) => value / 0.05);
    for (const step of steps) expect(Math.abs(step - Math.round(step))).toBeLessThan(1e-4);
    const graph = asDeployed(model).graph;
    expect(graph.nodes.filter(({ opType }) => opType === "DequantizeLinear")).toHaveLength(6);
  });

  it("leaves alone what is read as it is too, and models that nothing is quantised in", () => {
    const b = quantised();
    b.node("Neg", ["conv"], ["other"]);
    for (const name of ["other", "conv", "x", "y"]) b.output(name);
    const model = modelOf(b, 21);
    expect(asDeployed(model)).toBe(model);
    const plain = new GraphBuilder();
    plain.input("x", [1]);
    plain.node("Relu", ["x"], ["y"]);
    plain.output("y");
    expect(asDeployed(modelOf(plain))).toEqual(modelOf(plain));
  });
});

describe("elementType", () => {
  it("knows what quantisation gives", () => {
    const b = new GraphBuilder();
    b.input("x", [1]);
    const parts = [b.float(1), zero(b, DataType.INT8, 0)];
    const q = b.op("QuantizeLinear", ["x", ...parts]);
    const values = [
      q,
      b.op("DequantizeLinear", [q, ...parts]),
      b.op("QuantizeLinear", ["x", b.float(1)]),
      b.op("QuantizeLinear", ["x", b.float(1)], { output_dtype: DataType.INT16 }),
      ...b.ops("DynamicQuantizeLinear", ["x"], 3),
    ];
    const { FLOAT, INT8, UINT8, INT16 } = DataType;
    const graph = b.graph("g");
    expect(values.map((value) => elementType(graph, value))).toEqual([INT8, FLOAT, UINT8, INT16, UINT8, FLOAT, UINT8]);
  });

  it("knows what constants are that stay nodes, because they are outputs", () => {
    const b = new GraphBuilder();
    const half = { name: "", dims: [1], dataType: DataType.FLOAT16, bytes: Uint8Array.of(0, 0x3c) };
    const values = [
      b.op("Neg", [b.op("Constant", [], { value: { tensor: half } })]),
      b.op("Constant", [], { value_int: 1 }),
      b.op("Constant", [], { value_ints: [1, 2] }),
      b.op("Constant", [], { value_float: { float: 1 } }),
    ];
    const { FLOAT, FLOAT16, INT64 } = DataType;
    const graph = b.graph("g");
    expect(values.map((value) => elementType(graph, value))).toEqual([FLOAT16, INT64, INT64, FLOAT]);
  });
});

describe("widened", () => {
  it.each<[number, number]>([
    [0x0000, 0],
    [0x8000, -0],
    [0x0001, 2 ** -24],
    [0x03ff, 1023 * 2 ** -24],
    [0x0400, 2 ** -14],
    [0xbc01, -1 - 1 / 1024],
    [0x7bff, 65504],
    [0xfc00, -Infinity],
    [0x7e00, Number.NaN],
  ])("float16 %i is %d", (bits, value) => expect(halfToFloat(Uint16Array.of(bits))[0]).toBe(value));

  it("refuses a tensor of another length when it is read", () => {
    const tensor = widened({ name: "w", dims: [2], dataType: DataType.FLOAT16, bytes: new Uint8Array(3) });
    expect(() => tensor.bytes).toThrow(
      expect.objectContaining({ code: "bad-input", message: expect.stringMatching(/"w".*3 bytes/) }),
    );
  });
});
