import { WhyboxError } from "../errors.js";
import { sizeOf } from "../tensor/tensor.js";
import { DataType, type TensorProto } from "./model.js";

/** A float32 TensorProto that shares the memory of `values`. */
export function floatTensor(
  name: string,
  dims: readonly number[],
  data: Float32Array | readonly number[],
): TensorProto {
  const values = data instanceof Float32Array ? data : Float32Array.from(data);
  return { name, dims, dataType: DataType.FLOAT, bytes: bytesOf(values) };
}

/** A float32 TensorProto whose values are computed on every read and not stored, so that large weights take no memory. */
export function computedFloats(name: string, dims: readonly number[], compute: () => Float32Array): TensorProto {
  return {
    name,
    dims,
    dataType: DataType.FLOAT,
    byteLength: 4 * sizeOf(dims),
    get bytes() {
      return bytesOf(compute());
    },
  };
}

/** Size of a tensor's raw values in bytes, without computing them. */
export function byteLengthOf(tensor: TensorProto): number {
  return tensor.byteLength ?? tensor.bytes.length;
}

/** An int64 TensorProto. Without `dims` it is a vector. */
export function intTensor(name: string, data: readonly number[], dims: readonly number[] = [data.length]): TensorProto {
  return { name, dims, dataType: DataType.INT64, bytes: bytesOf(BigInt64Array.from(data, toInt64)) };
}

/** The values of a FLOAT tensor: a view if the bytes are aligned, else a copy. @throws bad-input for other types or a wrong length. */
export function floatsOf(tensor: TensorProto): Float32Array {
  const { bytes } = tensor;
  expectBytes(tensor, bytes, DataType.FLOAT, 4);
  if (bytes.byteOffset % 4 === 0) return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
  // Not bytes.slice(): for a Node Buffer it returns a view, not a copy.
  return new Float32Array(new Uint8Array(bytes).buffer);
}

/** The values of an INT64 or INT32 tensor as numbers. INT64_MAX and INT64_MIN become ±2^63. @throws bad-input for other types. */
export function intsOf(tensor: TensorProto): number[] {
  const { bytes } = tensor;
  if (tensor.dataType === DataType.INT32) {
    expectBytes(tensor, bytes, DataType.INT32, 4);
    return Array.from(new Int32Array(new Uint8Array(bytes).buffer));
  }
  expectBytes(tensor, bytes, DataType.INT64, 8);
  return Array.from(new BigInt64Array(new Uint8Array(bytes).buffer), Number);
}

/** A number as an int64, clamped to the range. */
export function toInt64(value: number): bigint {
  if (value >= 2 ** 63) return 2n ** 63n - 1n;
  if (value <= -(2 ** 63)) return -(2n ** 63n);
  return BigInt(Math.trunc(value));
}

function bytesOf(view: ArrayBufferView): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
}

/** @param bytes `tensor.bytes`, which may be computed on every read. */
function expectBytes(tensor: TensorProto, bytes: Uint8Array, dataType: number, width: number): void {
  if (tensor.dataType !== dataType || bytes.byteLength !== sizeOf(tensor.dims) * width) {
    throw new WhyboxError(
      "bad-input",
      `Tensor "${tensor.name}": found data type ${tensor.dataType} with ${bytes.byteLength} bytes for dims ` +
        `[${tensor.dims.join(", ")}], expected type ${dataType} with ${width} bytes a value.`,
      { details: { tensor: tensor.name, dataType: tensor.dataType } },
    );
  }
}
