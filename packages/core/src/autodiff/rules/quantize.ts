import { intAttribute } from "../../onnx/attributes.js";
import type { Value } from "../../onnx/builder.js";
import { DataType, type Node, type TensorProto } from "../../onnx/model.js";
import type { FactSource } from "../../onnx/shapes/static-dims.js";
import type { GradRule, VjpContext } from "../rule.js";
import { hasInput, join } from "./axes.js";
import { mask } from "./mask.js";

/** The representable range of the supported quantised types. */
const RANGES: ReadonlyMap<number, readonly [number, number]> = new Map([
  [DataType.UINT8, [0, 255]],
  [DataType.INT8, [-128, 127]],
  [DataType.UINT16, [0, 65535]],
  [DataType.INT16, [-32768, 32767]],
]);

/**
 * Straight-through gradient of QuantizeLinear (Bengio, Léonard, Courville 2013): the rounding counts as the identity, so
 * that q = x / scale + zero point. No gradient passes where the rounded value is outside the type's range, as in PyTorch's fake_quantize.
 * Together with a DequantizeLinear of the same scale, the derivative is 1 inside the range and 0 outside.
 */
export const quantizeLinearRule: GradRule = {
  op: "QuantizeLinear",
  differentiable: () => [0],
  unsupported: (node, facts) => blocked(node) ?? unknownType(node, facts),
  vjp(cx) {
    const { build } = cx;
    const [low, high] = RANGES.get(quantisedType(cx.node, cx.constant(2)))!;
    const scale = alongAxis(cx, cx.input(1));
    const steps = cx.op("Round", [cx.op("Div", [cx.input(0), scale])]);
    const zero = (): Value => alongAxis(cx, cx.op("Cast", [cx.input(2)], { to: DataType.FLOAT }));
    const value = hasInput(cx, 2) ? cx.op("Add", [steps, zero()]) : steps;
    const inside = cx.op("And", [
      cx.op("GreaterOrEqual", [value, build.float(low)]),
      cx.op("LessOrEqual", [value, build.float(high)]),
    ]);
    const dx = cx.op("Mul", [cx.cotangent(0)!, cx.op("Div", [mask(cx, inside), scale])]);
    return [dx, ...cx.node.inputs.slice(1).map(() => null)];
  },
};

/** Gradient of DequantizeLinear, y = (q − zero point) · scale: g · scale. */
export const dequantizeLinearRule: GradRule = {
  op: "DequantizeLinear",
  differentiable: () => [0],
  unsupported: blocked,
  vjp(cx) {
    const dx = cx.op("Mul", [cx.cotangent(0)!, alongAxis(cx, cx.input(1))]);
    return [dx, ...cx.node.inputs.slice(1).map(() => null)];
  },
};

/** A scale or zero point, reshaped to broadcast against x: a scalar stays, a vector [C] becomes [C, 1, …] along the node's axis. */
function alongAxis(cx: VjpContext, value: Value): Value {
  const { build } = cx;
  const dims = cx.staticDims(cx.input(1));
  if (dims?.length === 0) return value;
  const axis = intAttribute(cx.node, "axis", 1);
  const rank = cx.staticDims(cx.input(0))?.length;
  if (axis < 0 || rank !== undefined) {
    const behind = (axis < 0 ? -axis : rank! - axis) - 1;
    return cx.op("Reshape", [value, build.ints([-1, ...Array(Math.max(0, behind)).fill(1)])]);
  }
  // [-1, 1, 1, …], with one entry for each axis of x from `axis` on. x may have none of them when the scale is a scalar.
  const behind = cx.op("Sub", [cx.op("Shape", [cx.shape(cx.input(0))]), build.ints([axis + 1])]);
  const ones = cx.op("Expand", [build.ints([1]), cx.op("Max", [behind, build.ints([0])])]);
  return cx.op("Reshape", [value, join(cx, build.ints([-1]), ones)]);
}

function blocked(node: Node): string | undefined {
  return intAttribute(node, "block_size", 0) === 0 ? undefined : "block_size is not 0 (blocked quantisation)";
}

function unknownType(node: Node, facts: FactSource): string | undefined {
  const type = quantisedType(node, facts.constant(node.inputs[2] ?? ""));
  return RANGES.has(type)
    ? undefined
    : "its zero point is no constant of 8 or 16 bits, and output_dtype does not tell, so that the range is not known";
}

/** Data type of the output: that of the zero point, else of the attribute, else uint8. 0 when it depends on a computed zero point. */
function quantisedType(node: Node, zeroPoint: TensorProto | undefined): number {
  const declared = zeroPoint?.dataType ?? intAttribute(node, "output_dtype", 0);
  return declared || ((node.inputs[2] ?? "") === "" ? DataType.UINT8 : 0);
}
