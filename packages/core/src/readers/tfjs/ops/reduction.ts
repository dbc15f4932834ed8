import { boolAttr } from "../attributes.js";
import { onnxAxis, type TfTensor, type TfValue, type Translate, type Translation } from "../translation.js";

export const reductionOps: Readonly<Record<string, Translate>> = {
  ArgMax: argMax,
  Max: reduce("ReduceMax"),
  Mean: reduce("ReduceMean"),
  Min: reduce("ReduceMin"),
  Prod: reduce("ReduceProd"),
  Softmax: softmax,
  Sum: reduce("ReduceSum"),
  TopKV2: topK,
};

/** A reduction over constant axes, named `op` in ONNX. */
function reduce(op: string): Translate {
  return (cx) => {
    const raw = cx.tensor(0);
    const rank = raw.dims.length;
    const axes = cx.integers(1).map((axis) => cx.asAxis(axis, rank));
    const keep = boolAttr(cx.node, "keep_dims", boolAttr(cx.node, "keepDims", false));
    if (axes.length === 0) return raw;
    const { input, layout } = kept(cx, raw, axes, keep);
    const places = cx.builder.ints(axes.map((axis) => onnxAxis(axis, input.layout)));
    const value = cx.builder.op(op, [input.value, places], { keepdims: keep ? 1 : 0 });
    const dims = keep
      ? raw.dims.map((dim, axis) => (axes.includes(axis) ? 1 : dim))
      : raw.dims.filter((_, axis) => !axes.includes(axis));
    return cx.made(value, dims, layout, raw.dtype);
  };
}

/** An image stays an image if all axes stay. Without height and width the result, [N, C], has TF's layout. */
function kept(
  cx: Translation,
  input: TfTensor,
  axes: readonly number[],
  keep: boolean,
): { input: TfTensor; layout: TfTensor["layout"] } {
  if (keep) return { input, layout: input.layout };
  const plane = axes.length === 2 && axes.includes(1) && axes.includes(2);
  return { input: plane ? input : cx.asSame(input), layout: "same" };
}

/** Softmax along the last axis of TF. */
function softmax(cx: Translation): TfValue {
  const input = cx.tensor(0);
  const axis = onnxAxis(input.dims.length - 1, input.layout);
  return cx.made(cx.builder.op("Softmax", [input.value], { axis }), input.dims, input.layout);
}

/** ArgMax: the index of the first maximum. */
function argMax(cx: Translation): TfValue {
  const input = cx.asSame(cx.tensor(0));
  const axis = cx.axis(1, input.dims.length);
  const value = cx.builder.op("ArgMax", [input.value], { axis, keepdims: 0 });
  return cx.made(value, input.dims.toSpliced(axis, 1), "same", "int32");
}

/** TopKV2 along the last axis: values and indices, largest first. */
function topK(cx: Translation): TfValue[] {
  const input = cx.asSame(cx.tensor(0));
  const [k] = cx.integers(1);
  const size = input.dims.at(-1);
  if (k === undefined || k < 1 || (typeof size === "number" && k > size)) {
    throw cx.unsupported(`it takes ${k} of ${size ?? "an open number"}`);
  }
  const [values, indices] = cx.builder.ops("TopK", [input.value, cx.builder.ints([k])], 2, { axis: -1 });
  const dims = [...input.dims.slice(0, -1), k];
  return [cx.made(values!, dims, "same", input.dtype), cx.made(indices!, dims, "same", "int32")];
}
