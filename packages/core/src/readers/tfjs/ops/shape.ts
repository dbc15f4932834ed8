import { sizeOf } from "../../../tensor/tensor.js";
import { intAttr, intsAttr, stringAttr } from "../attributes.js";
import { onnxAxis, type TfDim, type TfTensor, type TfValue, type Translate, type Translation } from "../translation.js";
import { type SliceEntry, slicedSize, sliceSpec } from "./slice-spec.js";

/** A padding value below this never is a maximum. TF pads with such a value before a MaxPool. */
const LOWEST = -3e38;

/** Ops that move values, and change shapes. */
export const shapeOps: Readonly<Record<string, Translate>> = {
  ConcatV2: concat,
  ExpandDims: expandDims,
  MirrorPad: mirrorPad,
  Pack: pack,
  Pad: pad,
  PadV2: pad,
  Reshape: reshape,
  Shape: shapeOf,
  Slice: plainSlice,
  Split: split,
  SplitV: splitV,
  Squeeze: squeeze,
  StridedSlice: stridedSlice,
  Tile: tile,
  Transpose: transpose,
  Unpack: unpack,
};

/** ConcatV2: inputs, then the axis. */
function concat(cx: Translation): TfValue {
  const count = cx.inputCount - 1;
  const tensors = Array.from({ length: count }, (_, i) => cx.tensor(i));
  const first = cx.tensor(0);
  const axis = cx.axis(count, first.dims.length);
  const layout = tensors.every((tensor) => tensor.layout === "nchw") ? "nchw" : "same";
  const values = tensors.map((tensor) => (layout === "nchw" ? tensor : cx.asSame(tensor)).value);
  const dims = first.dims.map((dim, i) =>
    i === axis ? tensors.reduce<TfDim>((sum, { dims }) => plus(sum, dims[i] ?? null), 0) : dim,
  );
  if (tensors.some((tensor) => tensor.dims.length !== dims.length)) throw cx.unsupported("its inputs differ in rank");
  const value = cx.builder.op("Concat", values, { axis: onnxAxis(axis, layout) });
  return cx.made(value, dims, layout, first.dtype);
}

/** Split: the axis, then the value, in equal parts. */
function split(cx: Translation): TfValue[] {
  const input = cx.tensor(1);
  const axis = cx.axis(0, input.dims.length);
  const count = intAttr(cx.node, "num_split", 1);
  const size = input.dims[axis];
  if (typeof size !== "number" || !(count >= 1) || size % count !== 0) {
    throw cx.unsupported(`it splits ${size ?? "an open size"} into ${count} parts`);
  }
  return cut(cx, input, axis, Array<number>(count).fill(size / count));
}

/** SplitV: the value, the sizes (one may be −1, the rest), the axis. */
function splitV(cx: Translation): TfValue[] {
  const input = cx.tensor(0);
  const axis = cx.axis(2, input.dims.length);
  const sizes = cx.integers(1);
  const known = sizes.reduce((sum, size) => sum + Math.max(size, 0), 0);
  const whole = input.dims[axis];
  const rest = typeof whole === "number" ? whole - known : Number.NaN;
  const open = sizes.filter((size) => size === -1).length;
  if (sizes.some((size) => size < -1) || open > 1 || (open === 0 ? rest !== 0 : !(rest >= 0))) {
    throw cx.unsupported(`it splits ${whole ?? "an open size"} into [${sizes.join(", ")}]`);
  }
  return cut(
    cx,
    input,
    axis,
    sizes.map((size) => (size === -1 ? rest : size)),
  );
}

function cut(cx: Translation, input: TfTensor, axis: number, sizes: readonly number[]): TfValue[] {
  if (sizes.length === 1) return [input];
  const place = { axis: onnxAxis(axis, input.layout) };
  const values = cx.builder.ops("Split", [input.value, cx.builder.ints(sizes)], sizes.length, place);
  return values.map((value, i) =>
    cx.made(
      value,
      input.dims.map((dim, d) => (d === axis ? sizes[i]! : dim)),
      input.layout,
      input.dtype,
    ),
  );
}

/** Pack (stack): a new axis. */
function pack(cx: Translation): TfValue {
  const tensors = Array.from({ length: cx.inputCount }, (_, i) => cx.asSame(cx.tensor(i)));
  const { dims, dtype } = cx.tensor(0);
  if (tensors.some((tensor) => tensor.dims.length !== dims.length)) throw cx.unsupported("its inputs differ in rank");
  const axis = cx.asAxis(intAttr(cx.node, "axis", 0), dims.length + 1);
  const parts = tensors.map(({ value }) => cx.builder.op("Unsqueeze", [value, cx.builder.ints([axis])]));
  return cx.made(cx.builder.op("Concat", parts, { axis }), dims.toSpliced(axis, 0, tensors.length), "same", dtype);
}

/** Unpack (unstack): one value per entry of the axis. */
function unpack(cx: Translation): TfValue[] {
  const input = cx.asSame(cx.tensor(0));
  const axis = cx.asAxis(intAttr(cx.node, "axis", 0), input.dims.length);
  const size = input.dims[axis];
  if (typeof size !== "number" || size < 1 || size > 4096) {
    throw cx.unsupported(`it unpacks ${size ?? "an open size"}`);
  }
  const dims = input.dims.toSpliced(axis, 1);
  return cut(cx, input, axis, Array<number>(size).fill(1)).map((part) =>
    cx.made(cx.builder.op("Squeeze", [(part as TfTensor).value, cx.builder.ints([axis])]), dims, "same", input.dtype),
  );
}

/** Pad and PadV2. Padding of an image's height and width stays pending until the next convolution, or until the next MaxPool if its value is low. */
function pad(cx: Translation): TfValue {
  const input = cx.tensor(0);
  const fill = cx.inputCount > 2 ? cx.constant(2).data[0]! : 0;
  const { before, after, dims } = padding(cx, input);
  const outer = (axis: number): number => before[axis]! + after[axis]!;
  const [h, w] = input.layout === "nchw" ? [1, 2] : [2, 3];
  const rest = dims.length === 4 && (input.layout === "nchw" ? outer(0) + outer(3) : outer(0) + outer(1));
  if ((fill === 0 || fill < LOWEST) && rest === 0 && (input.dtype ?? "float32") === "float32") {
    const pads = [before[h]!, before[w]!, after[h]!, after[w]!];
    return { ...input, dims, pending: { pads, fill: fill === 0 ? 0 : Math.max(fill, -3.4028234663852886e38) } };
  }
  const { value } = cx.asSame(input);
  const pads = cx.builder.ints([...before, ...after]);
  return cx.made(cx.builder.op("Pad", [value, pads, cx.builder.float(fill)], { mode: "constant" }), dims, "same");
}

/** MirrorPad: REFLECT does not repeat the border pixel, like ONNX's reflect. */
function mirrorPad(cx: Translation): TfValue {
  const mode = stringAttr(cx.node, "mode", "");
  if (mode !== "REFLECT") throw cx.unsupported(`its mode is ${mode}, expected REFLECT`);
  const input = cx.asSame(cx.tensor(0));
  const { before, after, dims } = padding(cx, input);
  const pads = cx.builder.ints([...before, ...after]);
  return cx.made(cx.builder.op("Pad", [input.value, pads], { mode: "reflect" }), dims, "same");
}

function padding(
  cx: Translation,
  input: TfTensor,
): { readonly before: number[]; readonly after: number[]; readonly dims: TfDim[] } {
  const amounts = cx.integers(1);
  if (amounts.length !== 2 * input.dims.length || amounts.some((amount) => amount < 0)) {
    throw cx.unsupported(`paddings are [${amounts.join(", ")}], expected two per axis, none negative`);
  }
  const before = amounts.filter((_, i) => i % 2 === 0);
  const after = amounts.filter((_, i) => i % 2 === 1);
  return { before, after, dims: input.dims.map((dim, i) => plus(dim, before[i]! + after[i]!)) };
}

/** Reshape to a constant shape with at most one −1. */
function reshape(cx: Translation): TfValue {
  const input = cx.asSame(cx.tensor(0));
  const shape = cx.integers(1);
  if (shape.filter((dim) => dim === -1).length > 1 || shape.some((dim) => dim < -1)) {
    throw cx.unsupported(`its shape is [${shape.join(", ")}], expected sizes and at most one -1`);
  }
  const known = input.dims.every((dim) => dim !== null) ? sizeOf(input.dims as number[]) : undefined;
  const rest = sizeOf(shape.filter((dim) => dim !== -1));
  const dims = shape.map((dim) => (dim !== -1 ? dim : known === undefined || rest === 0 ? null : known / rest));
  if (known !== undefined && (sizeOf(dims as number[]) !== known || dims.some((dim) => !Number.isInteger(dim)))) {
    throw cx.unsupported(`${known} values do not fit the shape [${shape.join(", ")}]`);
  }
  return cx.made(cx.builder.op("Reshape", [input.value, cx.builder.ints(shape)]), dims, "same", input.dtype);
}

/** Shape of a value with known sizes: a constant. */
function shapeOf(cx: Translation): TfValue {
  const dims = cx.input(0).dims;
  if (dims.some((dim) => dim === null))
    throw cx.unsupported(`the shape [${dims.map((dim) => dim ?? "?").join(", ")}] is open`);
  return { kind: "constant", dims: [dims.length], dtype: "int32", data: Int32Array.from(dims as number[]) };
}

function expandDims(cx: Translation): TfValue {
  const input = cx.asSame(cx.tensor(0));
  const axis = cx.axis(1, input.dims.length + 1);
  const value = cx.builder.op("Unsqueeze", [input.value, cx.builder.ints([axis])]);
  return cx.made(value, input.dims.toSpliced(axis, 0, 1), "same", input.dtype);
}

/** Squeeze of the axes in `squeeze_dims`, or of all of size 1. */
function squeeze(cx: Translation): TfValue {
  const input = cx.asSame(cx.tensor(0));
  const rank = input.dims.length;
  const given = intsAttr(cx.node, "squeeze_dims");
  const axes =
    given.length > 0
      ? given.map((axis) => cx.asAxis(axis, rank))
      : input.dims.flatMap((dim, axis) => (dim === 1 ? [axis] : []));
  if (axes.length === 0) return input;
  if (axes.some((axis) => input.dims[axis] !== 1 && input.dims[axis] !== null)) {
    throw cx.unsupported(`it squeezes axes [${axes.join(", ")}] of [${input.dims.join(", ")}]`);
  }
  const value = cx.builder.op("Squeeze", [input.value, cx.builder.ints(axes)]);
  return cx.made(
    value,
    input.dims.filter((_, axis) => !axes.includes(axis)),
    "same",
    input.dtype,
  );
}

/** Transpose. Between NHWC and NCHW only the layout of the value changes, and no node is needed. */
function transpose(cx: Translation): TfValue {
  const raw = cx.rawTensor(0);
  const perm = cx.integers(1);
  const rank = raw.dims.length;
  if (perm.length !== rank || new Set(perm).size !== rank || perm.some((axis) => axis < 0 || axis >= rank)) {
    throw cx.unsupported(`its permutation is [${perm.join(", ")}], expected one of ${rank} axes`);
  }
  const dims = perm.map((axis) => raw.dims[axis]!);
  if (raw.layout === "same" && perm.join() === "0,2,3,1") return { ...raw, dims, layout: "nchw" };
  if (raw.layout === "nchw" && perm.join() === "0,3,1,2") return { ...raw, dims, layout: "same" };
  const input = cx.asSame(cx.settled(raw));
  return cx.made(cx.builder.op("Transpose", [input.value], { perm }), dims, "same", input.dtype);
}

/** StridedSlice with constant bounds: begin, end and ellipsis masks; no new axes. */
function stridedSlice(cx: Translation): TfValue {
  const input = cx.tensor(0);
  return slice(cx, input, sliceSpec(cx, input.dims));
}

/** Slice: begins and sizes, −1 for the rest. */
function plainSlice(cx: Translation): TfValue {
  const input = cx.tensor(0);
  const [begins, sizes] = [cx.integers(1), cx.integers(2)];
  if (begins.length !== input.dims.length || sizes.length !== begins.length || begins.some((begin) => begin < 0)) {
    throw cx.unsupported(`it slices [${input.dims.join(", ")}] at [${begins.join(", ")}] by [${sizes.join(", ")}]`);
  }
  const spec = begins.map((start, axis) => {
    const end = sizes[axis] === -1 ? 2 ** 63 : start + sizes[axis]!;
    return { axis, start, end, step: 1, shrink: false };
  });
  return slice(
    cx,
    input,
    spec.filter(({ start, end, axis }) => start > 0 || (end < 2 ** 63 && end !== input.dims[axis])),
  );
}

function slice(cx: Translation, raw: TfTensor, spec: readonly SliceEntry[]): TfValue {
  const dropped = spec.filter(({ shrink }) => shrink).map(({ axis }) => axis);
  const input = dropped.length > 0 ? cx.asSame(raw) : raw;
  const axes = spec.map(({ axis }) => onnxAxis(axis, input.layout));
  const operands = [spec.map(({ start }) => start), spec.map(({ end }) => end), axes, spec.map(({ step }) => step)].map(
    (list) => cx.builder.ints(list),
  );
  const sliced = spec.length === 0 ? input.value : cx.builder.op("Slice", [input.value, ...operands]);
  const bySpec = new Map(spec.map((entry) => [entry.axis, entry]));
  const dims = input.dims.map((dim, axis) => slicedSize(dim, bySpec.get(axis)));
  if (dropped.length === 0) return cx.made(sliced, dims, input.layout, input.dtype);
  const value = cx.builder.op("Squeeze", [sliced, cx.builder.ints(dropped)]);
  return cx.made(
    value,
    dims.filter((_, axis) => !dropped.includes(axis)),
    "same",
    input.dtype,
  );
}

function tile(cx: Translation): TfValue {
  const input = cx.asSame(cx.tensor(0));
  const repeats = cx.integers(1);
  if (repeats.length !== input.dims.length || repeats.some((count) => count < 1)) {
    throw cx.unsupported(`it repeats [${input.dims.join(", ")}] by [${repeats.join(", ")}]`);
  }
  const dims = input.dims.map((dim, i) => (dim === null ? null : dim * repeats[i]!));
  return cx.made(cx.builder.op("Tile", [input.value, cx.builder.ints(repeats)]), dims, "same", input.dtype);
}

function plus(a: TfDim, b: TfDim): TfDim {
  return a === null || b === null ? null : a + b;
}
