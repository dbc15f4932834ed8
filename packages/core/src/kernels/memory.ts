import { once } from "../once.js";
import { kernelsBase64 } from "./kernels.js";

/** The functions of kernels.wat, and views of their memory. The memory does not grow, so the views stay valid. */
export interface Kernels extends KernelFunctions {
  readonly bytes: Uint8Array;
  readonly shorts: Int16Array;
  readonly ints: Int32Array;
  readonly floats: Float32Array;
  readonly doubles: Float64Array;
}

interface KernelFunctions {
  mixBytes(from: number, fromBytes: number, rows: number, columns: number, planeBytes: number, into: number): void;
  blendBytes(
    mixed: number,
    planeBytes: number,
    taps: number,
    rows: number,
    into: number,
    intoBytes: number,
    intoPlaneBytes: number,
  ): void;
  mixFloats(from: number, fromBytes: number, rows: number, columns: number, rowBytes: number, into: number): void;
  blendFloats(
    mixed: number,
    rowBytes: number,
    taps: number,
    rows: number,
    into: number,
    intoBytes: number,
    range: number,
  ): void;
  rangeOf(at: number, end: number, range: number): void;
  rescale(at: number, end: number, low: number, divisor: number, maximum: number): void;
  addPositive(at: number, end: number, sums: number): void;
  areFinite(at: number, end: number): number;
  addRows(row: number, rowBytes: number, weights: number, fours: number, into: number): void;
}

/** The parts of the `WebAssembly` global that are used here. The type library ES2023 does not declare it. */
interface WebAssemblyHost {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object, imports: object) => { readonly exports: object };
  readonly Memory: new (size: {
    readonly initial: number;
    readonly maximum: number;
  }) => { readonly buffer: ArrayBuffer };
}

/** Pages of 64 KiB: one megabyte. */
const PAGES = 16;

/**
 * Returns the kernels, with one megabyte of memory that all callers share. They are compiled on first use. Returns undefined if the host has no
 * WebAssembly or no SIMD, or if the content security policy of the page forbids WebAssembly. Callers then use their scalar fallback, which gives
 * the same numbers.
 */
export const kernels: () => Kernels | undefined = once(() => {
  try {
    return instantiate();
  } catch {
    return undefined;
  }
});

function hostOf(): WebAssemblyHost {
  return (globalThis as unknown as { readonly WebAssembly: WebAssemblyHost }).WebAssembly;
}

function instantiate(): Kernels {
  const { Module, Instance, Memory } = hostOf();
  const memory = new Memory({ initial: PAGES, maximum: PAGES });
  const code = Uint8Array.from(atob(kernelsBase64), (letter) => letter.charCodeAt(0));
  const functions = new Instance(new Module(code), { host: { memory } }).exports as KernelFunctions;
  const { buffer } = memory;
  return {
    ...functions,
    bytes: new Uint8Array(buffer),
    shorts: new Int16Array(buffer),
    ints: new Int32Array(buffer),
    floats: new Float32Array(buffer),
    doubles: new Float64Array(buffer),
  };
}
