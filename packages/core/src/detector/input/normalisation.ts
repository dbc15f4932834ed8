import { intAttribute } from "../../onnx/attributes.js";
import type { GraphIndex } from "../../onnx/graph.js";
import { DataType, type Node } from "../../onnx/model.js";
import { constantFloats } from "../constants.js";

/** What the graph does to its pixels before anything else: x·gain + shift, for one or three channels. */
export interface Normalisation {
  readonly gain: readonly number[];
  readonly shift: readonly number[];
}

const IDENTITY: Normalisation = { gain: [1, 1, 1], shift: [0, 0, 0] };

/** Steps that are followed; a normalisation has five or six. */
const MOST_STEPS = 24;

/** Ops that leave the values as they are, one by one. */
const MOVES: ReadonlySet<string> = new Set(["Identity", "Transpose", "Gather", "Slice", "QuantizeLinear"]);

/** Reads off the normalisation: constants added, subtracted, multiplied or divided on the way from the input to the first other op. */
export function normalisationOf(index: GraphIndex, input: string): Normalisation {
  let value = input;
  let found = IDENTITY;
  for (let step = 0; step < MOST_STEPS; step++) {
    const [node, ...others] = index.consumers(value).filter(({ opType }) => opType !== "Shape");
    if (node === undefined || others.length > 0) break;
    const next = after(index, node, value, found);
    if (next === undefined) break;
    found = next;
    value = node.outputs[0]!;
  }
  return found;
}

function after(index: GraphIndex, node: Node, value: string, found: Normalisation): Normalisation | undefined {
  const { opType, inputs } = node;
  if (opType === "Cast") {
    const to = intAttribute(node, "to", DataType.FLOAT);
    return to === DataType.FLOAT || to === DataType.FLOAT16 || to === DataType.DOUBLE ? found : undefined;
  }
  if (MOVES.has(opType)) return inputs[0] === value ? found : undefined;
  // Of a pair with the QuantizeLinear in front: the same scale back.
  if (opType === "DequantizeLinear") return index.producer(value)?.opType === "QuantizeLinear" ? found : undefined;
  const isFirst = inputs[0] === value;
  const constant = constantFloats(index, inputs[isFirst ? 1 : 0] ?? "");
  if (constant === undefined || (constant.length !== 1 && constant.length !== 3)) return undefined;
  const c = (i: number): number => constant[constant.length === 1 ? 0 : i]!;
  const { gain, shift } = found;
  switch (opType) {
    case "Mul":
      return { gain: gain.map((a, i) => a * c(i)), shift: shift.map((b, i) => b * c(i)) };
    case "Div":
      return isFirst ? { gain: gain.map((a, i) => a / c(i)), shift: shift.map((b, i) => b / c(i)) } : undefined;
    case "Add":
      return { gain, shift: shift.map((b, i) => b + c(i)) };
    case "Sub":
      return isFirst
        ? { gain, shift: shift.map((b, i) => b - c(i)) }
        : { gain: gain.map((a) => -a), shift: shift.map((b, i) => c(i) - b) };
    default:
      return undefined;
  }
}

/**
 * The range that a normalisation is made for; undefined when the graph does nothing to its pixels. A network wants numbers around 1:
 * what divides by much more, or subtracts a mean that only bytes have, takes 0..255.
 */
export function rangeOf({ gain, shift }: Normalisation): 1 | 255 | undefined {
  if (gain.every((a) => a === 1) && shift.every((b) => b === 0)) return undefined;
  const steepest = Math.max(...gain.map(Math.abs));
  const mean = Math.max(...shift.map((b, i) => Math.abs(b / gain[i]!)));
  return steepest < 1 / 16 || mean > 2 ? 255 : 1;
}
