import { kernelsBase64 } from "./kernels.js";

/** The functions of kernels.wat, and views of the one memory they work in. Its size is fixed, so the views stay good. */
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
  rescale(at: number, end: number, low: number, divisor: number): void;
}

/** Of the global that every host has or has not; the language's own library does not name it. */
interface WebAssemblyHost {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object) => { readonly exports: object };
}

/**
 * The kernels, assembled when first asked for; undefined where the host has no WebAssembly or no SIMD in it, or where a
 * page's policy forbids it: then the callers' JavaScript gives the same numbers, more slowly.
 */
export const kernels: () => Kernels | undefined = once(() => {
  try {
    return instantiate();
  } catch {
    return undefined;
  }
});

function instantiate(): Kernels {
  const { WebAssembly: host } = globalThis as unknown as { readonly WebAssembly: WebAssemblyHost };
  const code = Uint8Array.from(atob(kernelsBase64), (letter) => letter.charCodeAt(0));
  const { memory, ...functions } = new host.Instance(new host.Module(code)).exports as KernelFunctions & {
    readonly memory: { readonly buffer: ArrayBuffer };
  };
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

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}
