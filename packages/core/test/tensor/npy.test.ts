import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeNpy, encodeNpy } from "../../src/tensor/npy.js";

const MAP = { height: 2, width: 3, data: Float32Array.of(0, 0.5, 1, -1, Number.NaN, Number.POSITIVE_INFINITY) };

/** A file with this header text, as NumPy would lay it out. */
function file(header: string, dataBytes: number): Uint8Array {
  const bytes = new Uint8Array(10 + header.length + dataBytes);
  bytes.set([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, header.length & 255, header.length >> 8]);
  bytes.set(new TextEncoder().encode(header), 10);
  return bytes;
}

describe("npy", () => {
  it("writes version 1.0 with the data aligned to 64 bytes", () => {
    const bytes = encodeNpy(MAP);
    // Not by TextDecoder: its "latin1" is windows-1252, which has other letters from 0x80 to 0x9f.
    const header = String.fromCharCode(...bytes.subarray(0, bytes.length - 24));
    expect(header.length % 64).toBe(0);
    expect(header.slice(0, 10)).toBe("\x93NUMPY\x01\x00v\x00");
    expect(header.slice(10)).toMatch(/^\{'descr': '<f4', 'fortran_order': False, 'shape': \(2, 3\), \} *\n$/);
    expect(new DataView(bytes.buffer).getFloat32(bytes.length - 20, true)).toBe(0.5);
  });

  it("reads what it wrote, from any offset in a buffer", () => {
    const bytes = encodeNpy(MAP);
    const shifted = new Uint8Array(bytes.length + 3);
    shifted.set(bytes, 3);
    expect(decodeNpy(shifted.subarray(3))).toEqual({ dims: [2, 3], data: MAP.data });
  });

  it("reads one dimension and none, as NumPy writes them", () => {
    const header = (shape: string) => `{'descr': '<f4', 'fortran_order': False, 'shape': (${shape}), }\n`;
    expect(decodeNpy(file(header("2,"), 8)).dims).toEqual([2]);
    expect(decodeNpy(file(header(""), 4)).dims).toEqual([]);
  });

  it.each([
    ["no magic", new Uint8Array(64), /magic number/],
    ["too short", encodeNpy(MAP).subarray(0, 8), /magic number/],
    ["another version", encodeNpy(MAP).map((byte, i) => (i === 6 ? 2 : byte)), /expected version 1, got 2/],
    ["a header past the end", encodeNpy(MAP).subarray(0, 40), /header is longer/],
    ["data that is cut off", encodeNpy(MAP).subarray(0, 140), /needs 24/],
    ["another type", file("{'descr': '<f8', 'fortran_order': False, 'shape': (1,), }", 8), /<f8/],
    ["Fortran order", file("{'descr': '<f4', 'fortran_order': True, 'shape': (1,), }", 4), /fortran_order/],
    ["a negative shape", file("{'descr': '<f4', 'fortran_order': False, 'shape': (-1,), }", 4), /shape/],
    [
      "a huge shape",
      file("{'descr': '<f4', 'fortran_order': False, 'shape': (99999999, 99999999), }", 4),
      /maximum is 268435456/,
    ],
  ])("refuses %s", (_, bytes, message) => {
    expect(() => decodeNpy(bytes)).toThrow(expect.objectContaining({ code: "bad-input" }));
    expect(() => decodeNpy(bytes)).toThrow(message);
  });

  it("never does anything but read or refuse", () => {
    const good = encodeNpy(MAP);
    fc.assert(
      fc.property(fc.nat(good.length - 1), fc.integer({ min: 0, max: 255 }), (at, value) => {
        const bytes = good.map((byte, i) => (i === at ? value : byte));
        try {
          decodeNpy(bytes);
        } catch (error) {
          expect(error).toMatchObject({ name: "WhyboxError", code: "bad-input" });
        }
      }),
    );
  });
});
