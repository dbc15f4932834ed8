import type { GraphIndex } from "../onnx/graph.js";

/** The value before quantisation. Skips the QuantizeLinear and DequantizeLinear nodes before `value`. */
export function beforeQuantisation(index: GraphIndex, value: string): string {
  let float = value;
  for (let node = index.producer(float); isPair(node?.opType); node = index.producer(float)) float = node!.inputs[0]!;
  return float;
}

function isPair(opType: string | undefined): boolean {
  return opType === "QuantizeLinear" || opType === "DequantizeLinear";
}
