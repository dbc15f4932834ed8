import { floatAttribute, intsAttribute } from "../attributes.js";
import type { Value } from "../builder.js";
import { DataType } from "../model.js";
import { change, type Rewrite, type RewriteContext } from "./rewrite.js";

/** Largest finite float32: the old default bounds of Clip, which mean "no bound". */
const FLOAT_MAX = 3.4028234663852886e38;

/** Clip-6 (opset < 11): `min` and `max` become inputs. */
export const clip: Rewrite = (node, cx) => {
  if (cx.opset >= 11) return node;
  const input = node.inputs[0]!;
  const min = floatAttribute(node, "min", -FLOAT_MAX);
  const max = floatAttribute(node, "max", FLOAT_MAX);
  const lower = min > -FLOAT_MAX ? [scalarLike(cx, min, input)] : [];
  const upper = max < FLOAT_MAX ? [lower[0] ?? "", scalarLike(cx, max, input)] : lower;
  return change(node, { inputs: [input, ...upper], without: ["min", "max"] });
};

/** Pad-2 (opset < 11): `pads` and `value` become inputs. */
export const pad: Rewrite = (node, cx) => {
  if (cx.opset >= 11) return node;
  const input = node.inputs[0]!;
  const pads = intsAttribute(node, "pads")!;
  const value = floatAttribute(node, "value", 0);
  const inputs = [input, cx.build.ints(pads)];
  if (value !== 0) inputs.push(scalarLike(cx, value, input));
  return change(node, { inputs, without: ["pads", "value"] });
};

/** A scalar constant of the element type of `like`. */
function scalarLike(cx: RewriteContext, value: number, like: Value): Value {
  const constant = cx.build.float(value);
  const elemType = cx.elemType(like);
  return elemType === DataType.FLOAT ? constant : cx.build.op("Cast", [constant], { to: elemType });
}
