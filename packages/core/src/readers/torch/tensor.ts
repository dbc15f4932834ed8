import { WhyboxError } from "../../errors.js";
import { bfloat16ToFloat, halfToFloat } from "../../tensor/half.js";
import { sizeOf } from "../../tensor/tensor.js";
import { broken } from "./broken.js";
import type { TorchStorage, TorchType } from "./storage.js";

/** Maximum number of elements of a tensor that repeats elements of its storage (`expand`). */
const MAX_REPEATED = 2 ** 16;

/** A view of a storage: element `i` is at `offset + Σ i[k]·strides[k]`. */
export class TorchTensor {
  readonly storage: TorchStorage;
  readonly offset: number;
  readonly dims: readonly number[];
  readonly strides: readonly number[];

  /** @throws bad-input when elements lie outside of the storage; limit when it repeats its storage too often. */
  constructor(storage: TorchStorage, offset: number, dims: readonly number[], strides: readonly number[]) {
    const count = sizeOf(dims);
    const last = dims.reduce((sum, dim, axis) => sum + (dim - 1) * (strides[axis] ?? 0), offset);
    const fits = dims.length === strides.length && (count === 0 || last < storage.count);
    if (!fits || offset > storage.count) {
      throw broken(
        `a tensor [${dims.slice(0, 8).join(", ")}] with strides [${strides.slice(0, 8).join(", ")}] at ${offset} does not fit its storage of ${storage.count} elements`,
      );
    }
    if (count > Math.max(storage.count, MAX_REPEATED)) {
      throw new WhyboxError(
        "limit",
        `The PyTorch file has a tensor of ${count} elements that repeats the ${storage.count} of its storage; the maximum is ${MAX_REPEATED}.`,
      );
    }
    this.storage = storage;
    this.offset = offset;
    this.dims = dims;
    this.strides = strides;
  }

  get count(): number {
    return sizeOf(this.dims);
  }
}

/** The elements in row-major order: a view into the file if they are stored that way, else a copy. */
export function contiguousBytes(tensor: TorchTensor): Uint8Array {
  const { storage, offset, count } = tensor;
  const { width } = storage;
  if (isContiguous(tensor)) return storage.bytes.subarray(offset * width, (offset + count) * width);
  const target = new Uint8Array(count * width);
  const index = tensor.dims.map(() => 0);
  let from = offset;
  for (let to = 0; to < count; to++) {
    for (let b = 0; b < width; b++) target[to * width + b] = storage.bytes[from * width + b]!;
    for (let axis = index.length - 1; axis >= 0; axis--) {
      from += tensor.strides[axis]!;
      if (++index[axis]! < tensor.dims[axis]!) break;
      from -= tensor.dims[axis]! * tensor.strides[axis]!;
      index[axis] = 0;
    }
  }
  return target;
}

function isContiguous({ dims, strides }: TorchTensor): boolean {
  let step = 1;
  for (let axis = dims.length - 1; axis >= 0; axis--) {
    if (dims[axis] !== 1 && strides[axis] !== step) return false;
    step *= dims[axis]!;
  }
  return true;
}

/** The elements as float32, row-major: a view if they are float32, contiguous and aligned. int64 beyond 2^53 is rounded. */
export function floatsOfTensor(tensor: TorchTensor): Float32Array {
  return FLOATS[tensor.storage.type](contiguousBytes(tensor));
}

const FLOATS: Readonly<Record<TorchType, (bytes: Uint8Array) => Float32Array>> = {
  float32: (bytes) => view(bytes, Float32Array),
  float64: (bytes) => Float32Array.from(view(bytes, Float64Array)),
  float16: (bytes) => halfToFloat(view(bytes, Uint16Array)),
  bfloat16: (bytes) => bfloat16ToFloat(view(bytes, Uint16Array)),
  int64: (bytes) => Float32Array.from(view(bytes, BigInt64Array), Number),
  int32: (bytes) => Float32Array.from(view(bytes, Int32Array)),
  int16: (bytes) => Float32Array.from(view(bytes, Int16Array)),
  int8: (bytes) => Float32Array.from(view(bytes, Int8Array)),
  uint8: (bytes) => Float32Array.from(bytes),
  bool: (bytes) => Float32Array.from(bytes),
};

interface ArrayType<T> {
  readonly BYTES_PER_ELEMENT: number;
  new (buffer: ArrayBufferLike, offset?: number, length?: number): T;
}

function view<T>(bytes: Uint8Array, type: ArrayType<T>): T {
  const width = type.BYTES_PER_ELEMENT;
  if (bytes.byteOffset % width === 0) return new type(bytes.buffer, bytes.byteOffset, bytes.byteLength / width);
  // Not bytes.slice(): for a Node Buffer it returns a view, not a copy.
  return new type(new Uint8Array(bytes).buffer);
}
