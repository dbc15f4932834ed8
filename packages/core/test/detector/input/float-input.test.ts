import { describe, expect, it } from "vitest";
import { floatInput } from "../../../src/detector/input/float-input.js";
import { GraphBuilder, type Value } from "../../../src/onnx/builder.js";
import { encodeModel } from "../../../src/onnx/encode.js";
import { DataType, type Model } from "../../../src/onnx/model.js";
import { readOnnx } from "../../../src/readers/onnx/read-onnx.js";
import { errorOf } from "../../explain/error-of.js";
import { modelOf } from "../../onnx/support.js";
import { runGraph } from "../../support/ort.js";

type Change = (b: GraphBuilder, x: Value) => Value;

const SHAPE = [1, 2, 2, 3];
const PIXELS = [0, 1, 2, 3, 60, 70, 80, 90, 127, 128, 254, 255];

function bytesModel(change: Change, type: number = DataType.UINT8): Model {
  const b = new GraphBuilder("");
  const x = b.input("x", SHAPE, type);
  b.output(b.op("Identity", [change(b, x)]));
  return readOnnx(encodeModel(modelOf(b.graph("g"))));
}

const toFloat = (b: GraphBuilder, x: Value): Value => b.op("Cast", [x], { to: DataType.FLOAT });
const scalar = (b: GraphBuilder, zero: number): Value => {
  const name = b.fresh("zero");
  b.initializers.set(name, { name, dims: [], dataType: DataType.UINT8, bytes: Uint8Array.of(zero) });
  return name;
};

describe("floatInput", () => {
  it.each<[string, Change, readonly number[]]>([
    ["a Cast", toFloat, PIXELS],
    [
      "a Cast behind a Transpose",
      (b, x) => toFloat(b, b.op("Transpose", [x], { perm: [0, 3, 1, 2] })),
      [0, 3, 80, 128, 1, 60, 90, 254, 2, 70, 127, 255],
    ],
    ["two Casts", (b, x) => toFloat(b, b.op("Cast", [x], { to: DataType.INT32 })), PIXELS],
    [
      "a DequantizeLinear",
      (b, x) => b.op("DequantizeLinear", [x, b.float(0.5), scalar(b, 127)]),
      PIXELS.map((v) => (v - 127) / 2),
    ],
    [
      "a DequantizeLinear without zero point",
      (b, x) => b.op("DequantizeLinear", [x, b.float(2)]),
      PIXELS.map((v) => 2 * v),
    ],
    [
      "halves joined",
      (b, x) => {
        const [first, second] = b.ops("Split", [x, b.ints([1, 1])], 2, { axis: 1 });
        return toFloat(b, b.op("Concat", [second!, first!], { axis: 1 }));
      },
      [...PIXELS.slice(6), ...PIXELS.slice(0, 6)],
    ],
  ])("takes floats where bytes go through %s", async (_, change, wanted) => {
    const model = floatInput(bytesModel(change));
    expect(model.graph.inputs[0]!.elemType).toBe(DataType.FLOAT);
    const [found] = await runGraph(
      model.graph,
      { x: { dims: SHAPE, data: Float32Array.from(PIXELS) } },
      model.graph.outputs.map(({ name }) => name),
    );
    expect([...found!.data]).toEqual(wanted);
  });

  it.each<[string, Change]>([
    ["Add", (b, x) => toFloat(b, b.op("Add", [x, scalar(b, 1)]))],
    [
      "Gather",
      (b, x) => b.op("Gather", [b.floats([256], new Float32Array(256)), b.op("Cast", [x], { to: DataType.INT32 })]),
    ],
    [
      "Concat",
      (b, x) => {
        const other = b.fresh("other");
        b.initializers.set(other, { name: other, dims: SHAPE, dataType: DataType.UINT8, bytes: new Uint8Array(12) });
        return toFloat(b, b.op("Concat", [x, other], { axis: 1 }));
      },
    ],
  ])("refuses bytes that %s computes with", (op, change) => {
    const { code, message } = errorOf(() => floatInput(bytesModel(change)));
    expect(code).toBe("unsupported-model");
    expect(message).toMatch(new RegExp(`integer pixels, and node .*\\(${op}\\) computes with them`));
  });
});
