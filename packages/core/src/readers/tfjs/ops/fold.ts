import { typeAttr } from "../attributes.js";
import type { Translation } from "../translation.js";
import type { TfConstant } from "../weights.js";
import { slicedSize, sliceSpec } from "./slice-spec.js";

/** Maximum length of a list that is computed here. Shapes and axes are short. */
const MAX_LENGTH = 1024;

/**
 * Computes a node whose inputs are all constants: the shape arithmetic that converters leave in the graph. Lists and
 * single numbers only.
 * @returns undefined when the node must be translated like any other.
 */
export function fold(cx: Translation): TfConstant | undefined {
  const inputs = Array.from({ length: cx.inputCount }, (_, i) => cx.input(i));
  if (inputs.length === 0 || inputs.some(({ kind }) => kind === "tensor")) return undefined;
  const constants = inputs as readonly TfConstant[];
  const short = constants.every(
    ({ dims, data }) => (dims.length <= 1 && data.length <= MAX_LENGTH) || data.length === 0,
  );
  return short ? folds.get(cx.node.op)?.(cx, constants) : undefined;
}

/** Whether nodes of this op can only be computed while reading. */
export function isFolded(op: string): boolean {
  return folds.has(op);
}

type Fold = (cx: Translation, inputs: readonly TfConstant[]) => TfConstant | undefined;

const folds: ReadonlyMap<string, Fold> = new Map<string, Fold>([
  ["Add", arithmetic((a, b) => a + b)],
  ["AddV2", arithmetic((a, b) => a + b)],
  ["Sub", arithmetic((a, b) => a - b)],
  ["Mul", arithmetic((a, b) => a * b)],
  ["FloorDiv", arithmetic((a, b) => Math.floor(a / b))],
  ["FloorMod", arithmetic((a, b) => a - Math.floor(a / b) * b)],
  ["Maximum", arithmetic(Math.max)],
  ["Minimum", arithmetic(Math.min)],
  ["Cast", castFold],
  [
    "ConcatV2",
    (_, inputs) =>
      list(
        inputs[0]!,
        inputs.slice(0, -1).flatMap(({ data }) => [...data]),
      ),
  ],
  [
    "Pack",
    (_, inputs) =>
      inputs.some(({ dims }) => dims.length > 0)
        ? undefined
        : list(
            inputs[0]!,
            inputs.map(({ data }) => data[0]!),
          ),
  ],
  [
    "Prod",
    (_, [values]) =>
      scalar(
        values!,
        [...values!.data].reduce((product, value) => product * value, 1),
      ),
  ],
  ["GatherV2", gatherFold],
  ["StridedSlice", stridedSliceFold],
  ["SparseToDense", sparseToDense],
]);

function list(like: TfConstant, values: readonly number[], dims: readonly number[] = [values.length]): TfConstant {
  const data = like.dtype === "float32" ? Float32Array.from(values) : Int32Array.from(values);
  return { dims, dtype: like.dtype, data };
}

function scalar(like: TfConstant, value: number): TfConstant {
  return list(like, [value], []);
}

function arithmetic(f: (a: number, b: number) => number): Fold {
  return (_, [left, right]) => {
    if (left === undefined || right === undefined || left.dtype !== right.dtype) return undefined;
    const [a, b] = [left.data.length, right.data.length];
    if (a !== b && left.dims.length === 1 && right.dims.length === 1 && a !== 1 && b !== 1) return undefined;
    const length = a === 1 ? b : a;
    const values = Array.from({ length }, (_, i) => f(left.data[a === 1 ? 0 : i]!, right.data[b === 1 ? 0 : i]!));
    return list(left, values, left.dims.length + right.dims.length === 0 ? [] : [length]);
  };
}

function castFold(cx: Translation, [value]: readonly TfConstant[]): TfConstant | undefined {
  const target = typeAttr(cx.node, "DstT");
  if (value === undefined || value.dtype === "bool") return undefined;
  if (target === "DT_INT32" || target === "DT_INT64") {
    return { dims: value.dims, dtype: "int32", data: Int32Array.from(value.data, Math.trunc) };
  }
  if (target !== "DT_FLOAT") return undefined;
  return { dims: value.dims, dtype: "float32", data: Float32Array.from(value.data) };
}

function gatherFold(_: Translation, [values, indices]: readonly TfConstant[]): TfConstant | undefined {
  if (values?.dims.length !== 1 || indices === undefined) return undefined;
  const found = [...indices.data].map((index) => values.data[index]);
  return found.some((value) => value === undefined) ? undefined : list(values, found as number[], indices.dims);
}

function stridedSliceFold(cx: Translation, [values]: readonly TfConstant[]): TfConstant | undefined {
  if (values?.dims.length !== 1) return undefined;
  const [entry] = sliceSpec(cx, values.dims);
  if (entry === undefined) return values;
  const start = entry.start < 0 ? entry.start + values.dims[0]! : entry.start;
  const length = slicedSize(values.dims[0]!, entry)!;
  const kept = Array.from({ length }, (_, i) => values.data[start + i * entry.step]!);
  return list(values, kept, entry.shrink ? [] : [length]);
}

/** SparseToDense without entries, which onnx-tf writes for every reshape: a list of the default value. */
function sparseToDense(
  _: Translation,
  [indices, shape, values, fallback]: readonly TfConstant[],
): TfConstant | undefined {
  const [length, ...more] = shape?.data ?? [];
  const ok = length !== undefined && more.length === 0 && length <= MAX_LENGTH && fallback !== undefined;
  if (!ok || indices === undefined || values === undefined || indices.data.length > 0) return undefined;
  return list(fallback, Array<number>(length).fill(fallback.data[0]!));
}
