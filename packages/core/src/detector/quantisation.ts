import type { GraphIndex } from "../onnx/graph.js";

/** What `value` is a rounding of: what quantises it, and turns it back, is passed over. */
export function beforeQuantisation(index: GraphIndex, value: string): string {
  let float = value;
  for (let node = index.producer(float); isPair(node?.opType); node = index.producer(float)) float = node!.inputs[0]!;
  return float;
}

function isPair(opType: string | undefined): boolean {
  return opType === "QuantizeLinear" || opType === "DequantizeLinear";
}
