import { WhyboxError } from "../../errors.js";
import { halfToFloat } from "../../tensor/half.js";
import { sizeOf } from "../../tensor/tensor.js";
import type { TfWeightSpec } from "./topology.js";

/** A constant of the graph, row-major in TF's order. int32 and bool constants are numbers too. */
export interface TfConstant {
  readonly dims: readonly number[];
  readonly dtype: "float32" | "int32" | "bool";
  readonly data: Float32Array | Int32Array;
}

const WIDTH: Readonly<Record<string, number>> = { float32: 4, int32: 4, bool: 1, uint8: 1, uint16: 2, float16: 2 };

/**
 * Splits the concatenated weight files into constants and reverses quantisation (uint8 and uint16 with scale and minimum, float16).
 * @throws bad-input when the bytes do not fit the manifest, or a dtype is unknown.
 */
export function decodeWeights(specs: readonly TfWeightSpec[], bytes: Uint8Array): Map<string, TfConstant> {
  const constants = new Map<string, TfConstant>();
  let offset = 0;
  for (const spec of specs) {
    const stored = spec.quantization?.dtype ?? spec.dtype;
    const width = Object.hasOwn(WIDTH, stored) ? WIDTH[stored]! : undefined;
    if (width === undefined || !isDtype(spec.dtype)) throw unknownDtype(spec, stored);
    const count = sizeOf(spec.dims);
    const end = offset + count * width;
    if (!(end <= bytes.byteLength)) throw wrongLength(`weight "${spec.name}" needs bytes up to ${end}`, bytes);
    const raw = new Uint8Array(bytes.subarray(offset, end)); // not slice(): of a Node Buffer that is a view, not a copy
    constants.set(spec.name, { dims: spec.dims, dtype: spec.dtype, data: decode(raw, spec, stored, count) });
    offset = end;
  }
  if (offset !== bytes.byteLength) throw wrongLength(`the manifest describes ${offset} bytes`, bytes);
  return constants;
}

function isDtype(dtype: string): dtype is TfConstant["dtype"] {
  return dtype === "float32" || dtype === "int32" || dtype === "bool";
}

function decode(raw: Uint8Array, spec: TfWeightSpec, stored: string, count: number): Float32Array | Int32Array {
  if (spec.quantization !== undefined) return dequantise(raw, spec, stored, count);
  if (stored === "float32") return new Float32Array(raw.buffer);
  if (stored === "int32") return new Int32Array(raw.buffer);
  return Int32Array.from(raw);
}

function dequantise(raw: Uint8Array, spec: TfWeightSpec, stored: string, count: number): Float32Array | Int32Array {
  if (stored === "float16") {
    return halfToFloat(new Uint16Array(raw.buffer));
  }
  if (stored !== "uint8" && stored !== "uint16") throw unknownDtype(spec, `quantised ${stored}`);
  const { scale, min } = spec.quantization!;
  const codes = stored === "uint8" ? raw : new Uint16Array(raw.buffer);
  const values = spec.dtype === "float32" ? new Float32Array(count) : new Int32Array(count);
  for (let i = 0; i < count; i++) {
    const value = codes[i]! * scale + min;
    values[i] = spec.dtype === "float32" ? value : Math.round(value);
  }
  return values;
}

function unknownDtype(spec: TfWeightSpec, stored: string): WhyboxError {
  return new WhyboxError(
    "bad-input",
    `TF.js model: weight "${spec.name}" is ${spec.dtype} stored as ${stored}, expected float32, int32, bool, ` +
      "uint8 or uint16 with scale and min, or float16.",
    { details: { weight: spec.name, dtype: spec.dtype, stored } },
  );
}

function wrongLength(what: string, bytes: Uint8Array): WhyboxError {
  return new WhyboxError(
    "bad-input",
    `TF.js model: ${what}, but the weight files have ${bytes.byteLength}. Give all files of the manifest, in order.`,
    { details: { found: bytes.byteLength } },
  );
}
