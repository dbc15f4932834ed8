import { describe, expect, it } from "vitest";
import { GraphBuilder } from "../../src/onnx/builder.js";
import { DataType, type Graph } from "../../src/onnx/model.js";
import { precisionOf } from "../../src/onnx/precision.js";

const tensor = (dataType: number, count: number) => ({ name: "", dims: [count], dataType, bytes: new Uint8Array() });

function graphOf(constants: readonly (readonly [type: number, count: number])[], op = "Identity"): Graph {
  const b = new GraphBuilder();
  b.op(op, ["x"]);
  const initializers = new Map(constants.map(([type, count], i) => [`w${i}`, tensor(type, count)]));
  return { ...b.graph("g"), initializers };
}

describe("precisionOf", () => {
  it.each([
    ["float32", [[DataType.FLOAT, 10]], "Identity"],
    [
      "float16",
      [
        [DataType.FLOAT16, 10],
        [DataType.FLOAT, 9],
        [DataType.INT64, 100],
      ],
      "Identity",
    ],
    ["bfloat16", [[DataType.BFLOAT16, 1]], "Identity"],
    ["float64", [[DataType.DOUBLE, 1]], "Identity"],
    [
      "int8",
      [
        [DataType.INT8, 10],
        [DataType.FLOAT, 4],
      ],
      "DequantizeLinear",
    ],
    [
      "int8",
      [
        [DataType.UINT8, 10],
        [DataType.FLOAT, 4],
      ],
      "QLinearConv",
    ],
    [
      "float32",
      [
        [DataType.UINT8, 10],
        [DataType.FLOAT, 4],
      ],
      "Identity",
    ],
    ["float32", [], "Identity"],
  ] as const)("%s, by most of the values", (expected, constants, op) => {
    expect(precisionOf(graphOf(constants, op))).toBe(expected);
  });
});
