import { DataType } from "./model.js";

/** Bits of one value, by TensorProto.DataType number. STRING has no width. Types that are not listed are not checked. */
const BITS: ReadonlyMap<number, number> = new Map([
  [DataType.FLOAT, 32],
  [DataType.UINT8, 8],
  [DataType.INT8, 8],
  [DataType.UINT16, 16],
  [DataType.INT16, 16],
  [DataType.INT32, 32],
  [DataType.INT64, 64],
  [DataType.BOOL, 8],
  [DataType.FLOAT16, 16],
  [DataType.DOUBLE, 64],
  [DataType.UINT32, 32],
  [DataType.UINT64, 64],
  [14, 64], // COMPLEX64
  [15, 128], // COMPLEX128
  [DataType.BFLOAT16, 16],
  [17, 8], // FLOAT8E4M3FN
  [18, 8], // FLOAT8E4M3FNUZ
  [19, 8], // FLOAT8E5M2
  [20, 8], // FLOAT8E5M2FNUZ
  [21, 4], // UINT4
  [22, 4], // INT4
  [23, 4], // FLOAT4E2M1
  [24, 8], // FLOAT8E8M0
  [25, 2], // UINT2
  [26, 2], // INT2
]);

/** Size of `count` values of the type in bytes. Undefined for types without a known width. */
export function byteLengthOf(dataType: number, count: number): number | undefined {
  const bits = BITS.get(dataType);
  return bits === undefined ? undefined : Math.ceil((count * bits) / 8);
}

/** Size of one value in bytes, as typed fields store it. Types narrower than a byte take a whole byte there (packed pairs). */
export function storedWidth(dataType: number): number | undefined {
  const bits = BITS.get(dataType);
  return bits === undefined ? undefined : Math.max(1, bits / 8);
}

export function dataTypeName(dataType: number): string {
  for (const [name, number] of Object.entries(DataType)) if (number === dataType) return name.toLowerCase();
  return `data type ${dataType}`;
}
