import { sizeOf } from "../tensor/tensor.js";
import { DataType, type Graph, type Precision } from "./model.js";

const FLOATS: ReadonlyMap<number, Precision> = new Map([
  [DataType.FLOAT, "float32"],
  [DataType.FLOAT16, "float16"],
  [DataType.BFLOAT16, "bfloat16"],
  [DataType.DOUBLE, "float64"],
]);

/** Determines the precision of a graph from the types of its constants, weighted by number of values. Weights outnumber scales and biases. */
export function precisionOf({ nodes, initializers }: Graph): Precision {
  const quantised = nodes.some(({ opType }) => opType === "DequantizeLinear" || opType.startsWith("QLinear"));
  const values = new Map<Precision, number>();
  for (const { dataType, dims } of initializers.values()) {
    const isInteger = dataType === DataType.INT8 || dataType === DataType.UINT8;
    const precision = isInteger && quantised ? "int8" : FLOATS.get(dataType);
    if (precision === undefined) continue;
    const count = sizeOf(dims);
    values.set(precision, (values.get(precision) ?? 0) + count);
  }
  const most = [...values].sort(([, a], [, b]) => b - a)[0];
  return most?.[0] ?? "float32";
}
