import type { Value } from "../../onnx/builder.js";
import { DataType } from "../../onnx/model.js";
import type { VjpContext } from "../rule.js";

/** 1 where the condition holds, else 0 (float32). */
export function mask(cx: VjpContext, condition: Value): Value {
  return cx.op("Cast", [condition], { to: DataType.FLOAT });
}
