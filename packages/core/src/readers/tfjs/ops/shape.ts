import { sizeOf } from "../../../tensor/tensor.js";
import { intAttr } from "../attributes.js";
import type { TfDim, TfTensor, TfValue, Translation } from "../translation.js";

/** Where TF's axis lies in NCHW. */
const NCHW_AXIS = [0, 2, 3, 1] as const;

/** ConcatV2: inputs, then the axis. */
export function concat(cx: Translation): TfValue {
  const count = cx.inputCount - 1;
  const tensors = Array.from({ length: count }, (_, i) => cx.tensor(i));
  const first = cx.tensor(0);
  const axis = axisOf(cx, cx.integers(count)[0] ?? Number.NaN, first.dims.length);
  const nchw = tensors.every((tensor) => tensor.layout === "nchw");
  const values = tensors.map((tensor) => (nchw ? tensor : cx.asSame(tensor)).value);
  const dims = first.dims.map((dim, i) =>
    i === axis ? tensors.reduce<TfDim>((sum, { dims }) => plus(sum, dims[i] ?? null), 0) : dim,
  );
  if (tensors.some((tensor) => tensor.dims.length !== dims.length)) throw cx.unsupported("its inputs differ in rank");
  const value = cx.builder.op("Concat", values, { axis: nchw ? NCHW_AXIS[axis]! : axis });
  return cx.made(value, dims, nchw ? "nchw" : "same");
}

/** Pad and PadV2. A zero pad of height and width of an image waits for the next convolution. */
export function pad(cx: Translation): TfValue {
  const input = cx.tensor(0);
  const fill = cx.inputCount > 2 ? cx.constant(2).data[0]! : 0;
  const amounts = cx.integers(1);
  const rank = input.dims.length;
  if (amounts.length !== 2 * rank || amounts.some((amount) => amount < 0)) {
    throw cx.unsupported(`paddings are [${amounts.join(", ")}], expected two per axis, none negative`);
  }
  const before = amounts.filter((_, i) => i % 2 === 0);
  const after = amounts.filter((_, i) => i % 2 === 1);
  const dims = input.dims.map((dim, i) => plus(dim, before[i]! + after[i]!));
  const [n0 = 0, top = 0, left = 0, c0 = 0] = before;
  const [n1 = 0, bottom = 0, right = 0, c1 = 0] = after;
  if (fill === 0 && input.layout === "nchw" && n0 + c0 + n1 + c1 === 0) {
    return { ...input, dims, pendingPads: [top, left, bottom, right] };
  }
  const { value } = cx.asSame(input);
  const pads = cx.builder.ints([...before, ...after]);
  return cx.made(cx.builder.op("Pad", [value, pads, cx.builder.float(fill)], { mode: "constant" }), dims, "same");
}

/** Reshape to a constant shape with at most one −1. */
export function reshape(cx: Translation): TfValue {
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
  return cx.made(cx.builder.op("Reshape", [input.value, cx.builder.ints(shape)]), dims, "same");
}

export function transpose(cx: Translation): TfValue {
  const input = cx.asSame(cx.tensor(0));
  const perm = cx.integers(1);
  const rank = input.dims.length;
  if (perm.length !== rank || new Set(perm).size !== rank || perm.some((axis) => axis < 0 || axis >= rank)) {
    throw cx.unsupported(`its permutation is [${perm.join(", ")}], expected one of ${rank} axes`);
  }
  const dims = perm.map((axis) => input.dims[axis]!);
  return cx.made(cx.builder.op("Transpose", [input.value], { perm }), dims, "same");
}

/** StridedSlice with constant bounds: begin, end and ellipsis masks; no new axes. */
export function stridedSlice(cx: Translation): TfValue {
  const input = cx.asSame(cx.tensor(0));
  const spec = sliceSpec(cx, input);
  const axes = spec.map(({ axis }) => axis);
  const operands = [spec.map(({ start }) => start), spec.map(({ end }) => end), axes, spec.map(({ step }) => step)].map(
    (list) => cx.builder.ints(list),
  );
  const sliced = spec.length === 0 ? input.value : cx.builder.op("Slice", [input.value, ...operands]);
  const bySpec = new Map(spec.map((entry) => [entry.axis, entry]));
  const dims = input.dims.map((dim, axis) => slicedSize(dim, bySpec.get(axis)));
  const dropped = spec.filter(({ shrink }) => shrink).map(({ axis }) => axis);
  if (dropped.length === 0) return cx.made(sliced, dims, "same");
  const value = cx.builder.op("Squeeze", [sliced, cx.builder.ints(dropped)]);
  return cx.made(
    value,
    dims.filter((_, axis) => !dropped.includes(axis)),
    "same",
  );
}

interface SliceEntry {
  readonly axis: number;
  readonly start: number;
  readonly end: number;
  readonly step: number;
  readonly shrink: boolean;
}

function sliceSpec(cx: Translation, input: TfTensor): SliceEntry[] {
  const [begins, ends, steps] = [cx.integers(1), cx.integers(2), cx.integers(3)];
  const mask = (name: string): number => intAttr(cx.node, name, 0);
  const rank = input.dims.length;
  if (mask("new_axis_mask") !== 0) throw cx.unsupported("it adds axes (new_axis_mask)");
  if (ends.length !== begins.length || steps.length !== begins.length || begins.length > rank + 1) {
    throw cx.unsupported("begin, end and strides differ in length or are longer than the rank");
  }
  const entries: SliceEntry[] = [];
  let axis = 0;
  begins.forEach((begin, i) => {
    const bit = 1 << i;
    if (mask("ellipsis_mask") & bit) {
      axis += rank - (begins.length - 1);
      return;
    }
    const step = steps[i]!;
    if (step < 1) throw cx.unsupported(`stride ${step} is not positive`);
    const shrink = (mask("shrink_axis_mask") & bit) !== 0;
    const start = mask("begin_mask") & bit ? 0 : begin;
    const open = shrink ? start === -1 : (mask("end_mask") & bit) !== 0;
    const end = open ? 2 ** 63 : shrink ? start + 1 : ends[i]!;
    if (start !== 0 || !open || step !== 1 || shrink) entries.push({ axis, start, end, step, shrink });
    axis++;
  });
  if (axis > rank) throw cx.unsupported(`it slices ${axis} axes of a value of rank ${rank}`);
  return entries;
}

function slicedSize(dim: TfDim, entry: SliceEntry | undefined): TfDim {
  if (entry === undefined || dim === null) return dim;
  const clamp = (bound: number): number => Math.min(Math.max(bound < 0 ? bound + dim : bound, 0), dim);
  return Math.max(0, Math.ceil((clamp(entry.end) - clamp(entry.start)) / entry.step));
}

function axisOf(cx: Translation, axis: number, rank: number): number {
  const positive = axis < 0 ? axis + rank : axis;
  if (!(positive >= 0 && positive < rank)) throw cx.unsupported(`axis ${axis} is outside of rank ${rank}`);
  return positive;
}

function plus(a: TfDim, b: TfDim): TfDim {
  return a === null || b === null ? null : a + b;
}
