import { intAttribute } from "../../onnx/attributes.js";
import type { GraphIndex } from "../../onnx/graph.js";
import { widened } from "../../onnx/half.js";
import { DataType, type Node } from "../../onnx/model.js";
import { floatsOf } from "../../onnx/tensors.js";
import { constantInts, constantTensor } from "../constants.js";

/** What the graph does to its pixels before anything else: x·gain + shift for each channel, in the order of the input. */
export interface Normalisation {
  readonly gain: readonly number[];
  readonly shift: readonly number[];
}

const IDENTITY: Normalisation = { gain: [1, 1, 1], shift: [0, 0, 0] };

/** Steps that are followed; a normalisation has five or six. */
const MOST_STEPS = 24;

/** Ops that leave the values as they are, one by one. */
const MOVES: ReadonlySet<string> = new Set(["Identity", "Transpose", "QuantizeLinear"]);

/** Reads off the normalisation: constants added, subtracted, multiplied or divided on the way from the input to the first other op. */
export function normalisationOf(index: GraphIndex, input: string): Normalisation {
  let value = input;
  let found = IDENTITY;
  let isFlipped = false;
  for (let step = 0; step < MOST_STEPS; step++) {
    const [node, ...others] = index.consumers(value).filter(({ opType }) => opType !== "Shape");
    if (node === undefined || others.length > 0) break;
    const flips = flipsChannels(index, node, value);
    const next = flips ? flipped(found) : after(index, node, value, found);
    if (next === undefined) break;
    if (flips) isFlipped = !isFlipped;
    found = next;
    value = node.outputs[0]!;
  }
  return isFlipped ? flipped(found) : found;
}

function flipped({ gain, shift }: Normalisation): Normalisation {
  return { gain: [...gain].reverse(), shift: [...shift].reverse() };
}

/** Whether it makes RGB of BGR. */
function flipsChannels(index: GraphIndex, { opType, inputs }: Node, value: string): boolean {
  if (inputs[0] !== value) return false;
  if (opType === "Gather") return constantInts(index, inputs[1] ?? "")?.join() === "2,1,0";
  return opType === "Slice" && constantInts(index, inputs[4] ?? "")?.join() === "-1";
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
  const constant = numbers(index, inputs[isFirst ? 1 : 0] ?? "");
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

/** A constant of any float type. */
function numbers(index: GraphIndex, value: string): Float32Array | undefined {
  const tensor = constantTensor(index, value);
  const wide = tensor === undefined ? undefined : widened(tensor);
  return wide?.dataType === DataType.FLOAT ? floatsOf(wide) : undefined;
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

/** Mean colour of ImageNet's pictures, as shares: what most normalisations subtract, so that its order tells the channels'. */
const MEAN_RGB = [0.485, 0.456, 0.406];

/** The order of the channels that a normalisation is made for; undefined when its means are not ImageNet's. */
export function channelsOf({ gain, shift }: Normalisation, range: 1 | 255): "rgb" | "bgr" | undefined {
  const means = shift.map((b, i) => -b / gain[i]! / range);
  const near = (wanted: readonly number[]): boolean => means.every((mean, i) => Math.abs(mean - wanted[i]!) < 0.01);
  if (near(MEAN_RGB)) return "rgb";
  return near([...MEAN_RGB].reverse()) ? "bgr" : undefined;
}
