import { intAttribute } from "../../onnx/attributes.js";
import type { GraphIndex } from "../../onnx/graph.js";
import { FLOATS } from "../../onnx/half.js";
import { DataType, type Node } from "../../onnx/model.js";
import { constantFloats, constantInts } from "../constants.js";

/** The normalisation at the start of the graph: x·gain + shift for each channel, in the channel order of the input. */
export interface Normalisation {
  readonly gain: readonly number[];
  readonly shift: readonly number[];
}

const IDENTITY: Normalisation = { gain: [1, 1, 1], shift: [0, 0, 0] };

/** Maximum number of ops to follow. A normalisation has five or six. */
const MAX_STEPS = 24;

/** Ops that do not change the values. */
const MOVES: ReadonlySet<string> = new Set(["Identity", "Transpose", "Squeeze", "Unsqueeze", "QuantizeLinear"]);

/** Reads the normalisation: additions, subtractions, multiplications and divisions by constants, from the input to the first other op. */
export function normalisationOf(index: GraphIndex, input: string): Normalisation {
  let value = input;
  let found = IDENTITY;
  let isFlipped = false;
  for (let step = 0; step < MAX_STEPS; step++) {
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

/** Whether a node reverses the channels (BGR to RGB, or back). */
function flipsChannels(index: GraphIndex, { opType, inputs }: Node, value: string): boolean {
  if (inputs[0] !== value) return false;
  if (opType === "Gather") return constantInts(index, inputs[1] ?? "")?.join() === "2,1,0";
  return opType === "Slice" && constantInts(index, inputs[4] ?? "")?.join() === "-1";
}

function after(index: GraphIndex, node: Node, value: string, found: Normalisation): Normalisation | undefined {
  const { opType, inputs } = node;
  if (opType === "Cast") {
    return FLOATS.has(intAttribute(node, "to", DataType.FLOAT)) ? found : undefined;
  }
  if (MOVES.has(opType)) return inputs[0] === value ? found : undefined;
  // Reverts the QuantizeLinear directly before it.
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
 * The pixel range that a normalisation expects; undefined when the graph does not normalise its pixels. Networks expect values around 1. A
 * normalisation that divides by much more, or subtracts a mean above the 0..1 range, expects 0..255.
 */
export function rangeOf({ gain, shift }: Normalisation): 1 | 255 | undefined {
  if (gain.every((a) => a === 1) && shift.every((b) => b === 0)) return undefined;
  const steepest = Math.max(...gain.map(Math.abs));
  const mean = Math.max(...shift.map((b, i) => Math.abs(b / gain[i]!)));
  return steepest < 1 / 16 || mean > 2 ? 255 : 1;
}

/** Mean colour of the ImageNet images, in 0..1. Most normalisations subtract it, so its order shows the order of the channels. */
const MEAN_RGB = [0.485, 0.456, 0.406];

/** The channel order that a normalisation expects; undefined when its means are not those of ImageNet. */
export function channelsOf({ gain, shift }: Normalisation, range: 1 | 255): "rgb" | "bgr" | undefined {
  const means = shift.map((b, i) => -b / gain[i]! / range);
  const near = (wanted: readonly number[]): boolean => means.every((mean, i) => Math.abs(mean - wanted[i]!) < 0.01);
  if (near(MEAN_RGB)) return "rgb";
  return near([...MEAN_RGB].reverse()) ? "bgr" : undefined;
}
