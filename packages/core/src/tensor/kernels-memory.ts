import { kernelsBase64 } from "./kernels.js";
import { once } from "./once.js";
import type { Scaling } from "./scaled-map.js";

/** The functions of kernels.wat, and views of the memory that they work in. It does not grow, so the views stay good. */
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
  rescale(at: number, end: number, ...scaling: Scaling): void;
  addPositive(at: number, end: number, sums: number): void;
  areFinite(at: number, end: number): number;
  rowProducts(row: number, rowBytes: number, rows: number, vector: number, into: number): void;
  addRows(row: number, rowBytes: number, weights: number, fours: number, into: number): void;
}

/** Of the global that every host has or has not; the language's own library does not name it. */
interface WebAssemblyHost {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object, imports: object) => { readonly exports: object };
  readonly Memory: new (size: {
    readonly initial: number;
    readonly maximum: number;
  }) => { readonly buffer: ArrayBuffer };
}

/** What a page of WebAssembly's memory holds. */
const PAGE = 65_536;

/**
 * The kernels with a megabyte that all callers share, assembled when first asked for; undefined where the host has no WebAssembly or no SIMD in
 * it, or where a page's policy forbids it: then the callers' JavaScript gives the same numbers, more slowly.
 */
export const kernels: () => Kernels | undefined = once(() => kernelsIn(16 * PAGE));

/** The kernels with a memory of their own, for what is to stay in it; undefined where there are none, or no memory for them. */
export function kernelsIn(bytes: number): Kernels | undefined {
  try {
    return instantiate(Math.ceil(bytes / PAGE));
  } catch {
    return undefined;
  }
}

const assembled = once(() => {
  const code = Uint8Array.from(atob(kernelsBase64), (letter) => letter.charCodeAt(0));
  return new (hostOf().Module)(code);
});

function hostOf(): WebAssemblyHost {
  return (globalThis as unknown as { readonly WebAssembly: WebAssemblyHost }).WebAssembly;
}

function instantiate(pages: number): Kernels {
  const { Instance, Memory } = hostOf();
  const memory = new Memory({ initial: pages, maximum: pages });
  const functions = new Instance(assembled(), { host: { memory } }).exports as KernelFunctions;
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
