import { intAttr } from "../attributes.js";
import type { TfTensor, TfValue, Translate, Translation } from "../translation.js";

export const gatherOps: Readonly<Record<string, Translate>> = { GatherNd: gatherNd, GatherV2: gather };

/**
 * GatherV2: values, indices, axis. With batch_dims the leading axes are batch axes. ONNX supports that in GatherND only, so it becomes
 * a GatherND.
 */
function gather(cx: Translation): TfValue {
  const input = cx.asSame(cx.tensor(0));
  const indices = indicesOf(cx, 1);
  const axis = cx.inputCount > 2 ? cx.axis(2, input.dims.length) : 0;
  const batch = intAttr(cx.node, "batch_dims", 0);
  const dims = [...input.dims.slice(0, axis), ...indices.dims.slice(batch), ...input.dims.slice(axis + 1)];
  if (batch === 0) {
    return cx.made(cx.builder.op("Gather", [input.value, indices.value], { axis }), dims, "same", input.dtype);
  }
  if (batch !== axis) throw cx.unsupported(`batch_dims is ${batch} and its axis ${axis}, expected the same number`);
  const points = cx.builder.op("Unsqueeze", [indices.value, cx.builder.ints([indices.dims.length])]);
  const value = cx.builder.op("GatherND", [input.value, points], { batch_dims: batch });
  return cx.made(value, dims, "same", input.dtype);
}

/** GatherNd: the last axis of the indices holds positions in the leading axes of the values. */
function gatherNd(cx: Translation): TfValue {
  const input = cx.asSame(cx.tensor(0));
  const indices = indicesOf(cx, 1);
  const depth = indices.dims.at(-1);
  if (typeof depth !== "number" || depth > input.dims.length) {
    throw cx.unsupported(`its indices [${indices.dims.join(", ")}] do not fit [${input.dims.join(", ")}]`);
  }
  const value = cx.builder.op("GatherND", [input.value, indices.value]);
  return cx.made(value, [...indices.dims.slice(0, -1), ...input.dims.slice(depth)], "same", input.dtype);
}

function indicesOf(cx: Translation, index: number): TfTensor {
  const indices = cx.asSame(cx.tensor(index));
  if (indices.dtype !== "int32") throw cx.unsupported(`input ${index} is no list of integers`);
  return indices;
}
