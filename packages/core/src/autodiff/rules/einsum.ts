import { stringAttribute } from "../../onnx/attributes.js";
import type { Value } from "../../onnx/builder.js";
import type { Node } from "../../onnx/model.js";
import type { StaticDim } from "../../onnx/shapes/static-dims.js";
import type { GradRule, VjpContext } from "../rule.js";
import { unbroadcast } from "../unbroadcast.js";

/**
 * Gradient of Einsum. The gradient of an operand is the Einsum of the cotangent with all other operands, with the operand's letters as the
 * result. The op sums over letters that occur in one operand only: their gradient is constant along the axis.
 */
export const einsumRule: GradRule = {
  op: "Einsum",
  unsupported: (node) => {
    const { operands, result } = parse(node);
    const terms = [...operands, result];
    if (terms.some((term) => term.includes("."))) return "its equation has an ellipsis";
    if (terms.some((term) => new Set(term).size < term.length)) return "a letter of its equation repeats within a term";
    return undefined;
  },
  vjp(cx) {
    const equation = parse(cx.node);
    return cx.node.inputs.map((_, i) => (cx.wants(i) ? onOperand(cx, equation, i) : null));
  },
};

interface Equation {
  /** The letters of each operand's axes. */
  readonly operands: readonly string[];
  readonly result: string;
}

/** Without "->" the result has the letters that occur once, in the order of the alphabet (capitals first). */
function parse(node: Node): Equation {
  const [left = "", right] = stringAttribute(node, "equation", "").replaceAll(" ", "").split("->");
  const letters = left.replaceAll(",", "");
  const once = [...letters].filter((letter) => letters.indexOf(letter) === letters.lastIndexOf(letter));
  return { operands: left.split(","), result: right ?? once.sort().join("") };
}

function onOperand(cx: VjpContext, { operands, result }: Equation, i: number): Value {
  const { build } = cx;
  const own = operands[i]!;
  if (result === "" || own[0] !== result[0]) {
    cx.refuseManySeeds(`axis 0 of operand ${i} is not axis 0 of the result, where the seeds are`);
  }
  const others = operands.map((letters, k) => ({ letters, value: cx.input(k) })).filter((_, k) => k !== i);
  const terms = [{ letters: result, value: cx.cotangent(0)! }, ...others];
  const known = [...own].filter((letter) => terms.some(({ letters }) => letters.includes(letter)));
  const equation = `${terms.map(({ letters }) => letters).join(",")}->${known.join("")}`;
  const product = cx.op(
    "Einsum",
    terms.map(({ value }) => value),
    { equation },
  );
  const missing = [...own].flatMap((letter, axis) => (known.includes(letter) ? [] : [axis]));
  const x = cx.input(i);
  const aligned = missing.length === 0 ? product : cx.op("Unsqueeze", [product, build.ints(missing)]);
  const sizes = sizesOf(cx, operands, own);
  // A letter that the op sums over has the size of the other operands here. It may be 1 where this operand's size is not.
  const full = [...own].every((letter, axis) => result.includes(letter) || hasSize(cx, others, letter, sizes[axis]!));
  return unbroadcast(cx, full ? aligned : cx.op("Expand", [aligned, cx.seededShape(x)]), x, x, sizes);
}

interface Operand {
  readonly letters: string;
  readonly value: Value;
}

/** Whether one of the operands has the letter, at that very size. */
function hasSize(cx: VjpContext, operands: readonly Operand[], letter: string, size: StaticDim): boolean {
  return operands.some(({ letters, value }) => {
    const axis = letters.indexOf(letter);
    return axis >= 0 && cx.staticDims(value)?.[axis] === size;
  });
}

/** The known sizes of letters. An axis of size 1 is broadcast if another operand's axis is longer. */
function sizesOf(cx: VjpContext, operands: readonly string[], letters: string): StaticDim[] {
  return [...letters].map((letter) => {
    const sizes = operands.flatMap((own, i) => {
      const axis = own.indexOf(letter);
      return axis < 0 ? [] : [cx.staticDims(cx.input(i))?.[axis] ?? `unknown/${i}:${letter}`];
    });
    const long = sizes.find((size) => typeof size === "number" && size > 1);
    return long ?? (sizes.every((size) => size === sizes[0]) ? sizes[0]! : `letter/${letter}`);
  });
}
