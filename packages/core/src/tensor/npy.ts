import { WhyboxError } from "../errors.js";
import { type Map2D, sizeOf } from "./tensor.js";

const MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59];
/** Bytes before the header: magic number, version (2 bytes) and header length (2 bytes). */
const PREAMBLE = 10;
const ALIGNMENT = 64;
/** Maximum number of values that `decodeNpy` accepts: 1 GB. */
const MAX_VALUES = 2 ** 28;

/** Encodes a map as a NumPy file: version 1.0, little-endian float32, C order, shape `(H, W)`. */
export function encodeNpy(map: Map2D): Uint8Array {
  const text = `{'descr': '<f4', 'fortran_order': False, 'shape': (${map.height}, ${map.width}), }`;
  const start = Math.ceil((PREAMBLE + text.length + 1) / ALIGNMENT) * ALIGNMENT;
  const bytes = new Uint8Array(start + map.data.length * 4);
  const view = new DataView(bytes.buffer);
  bytes.set([...MAGIC, 1, 0]);
  view.setUint16(8, start - PREAMBLE, true);
  bytes.set(new TextEncoder().encode(`${text.padEnd(start - PREAMBLE - 1)}\n`), PREAMBLE);
  map.data.forEach((value, i) => {
    view.setFloat32(start + i * 4, value, true);
  });
  return bytes;
}

/**
 * Decodes a NumPy file of little-endian float32 in C order, with any number of dimensions (`encodeNpy` writes two).
 * @throws bad-input when the file has another format, its size does not match its shape, or it has more than 2^28 values.
 */
export function decodeNpy(bytes: Uint8Array): { readonly dims: readonly number[]; readonly data: Float32Array } {
  if (bytes.length < PREAMBLE || MAGIC.some((byte, i) => bytes[i] !== byte))
    throw refused("the magic number is missing");
  if (bytes[6] !== 1) throw refused(`expected version 1, got ${bytes[6]}`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const start = PREAMBLE + view.getUint16(8, true);
  if (start > bytes.length) throw refused("the header is longer than the file");
  const dims = readHeader(new TextDecoder("latin1").decode(bytes.subarray(PREAMBLE, start)));
  const count = sizeOf(dims);
  if (count > MAX_VALUES) throw refused(`the shape has ${count} values, but the maximum is ${MAX_VALUES}`);
  if (bytes.length - start !== count * 4) {
    throw refused(`the shape [${dims.join(", ")}] needs ${count * 4} bytes of data, got ${bytes.length - start}`);
  }
  return { dims, data: Float32Array.from({ length: count }, (_, i) => view.getFloat32(start + i * 4, true)) };
}

function readHeader(header: string): number[] {
  const shape = /'shape': ?\(([\d, ]{0,200})\)/.exec(header)?.[1];
  if (!/'descr': ?'<f4'/.test(header) || !/'fortran_order': ?False/.test(header) || shape === undefined) {
    throw refused(`expected a header with '<f4', fortran_order False and a shape, got ${header.slice(0, 200).trim()}`);
  }
  return shape
    .split(",")
    .filter((dim) => dim.trim() !== "")
    .map(Number);
}

function refused(reason: string): WhyboxError {
  return new WhyboxError(
    "bad-input",
    `Cannot read the NumPy file: ${reason}. Save the array with numpy.save as float32.`,
  );
}
