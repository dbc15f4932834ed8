// Zip archives with stored entries: the form of .pt files, and of the cases that consist of several files.
import { crc32 } from "node:zlib";
import { concat } from "./bytes.mjs";

/** The files of a stored archive. @throws RangeError if it is not one. */
export function readZip(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const end = bytes.length - 22;
  if (view.getUint32(end, true) !== 0x06054b50) throw new RangeError("not a stored zip archive");
  const count = view.getUint16(end + 10, true);
  let at = view.getUint32(end + 16, true);
  return Array.from({ length: count }, () => {
    const [size, nameLength] = [view.getUint32(at + 24, true), view.getUint16(at + 28, true)];
    const local = view.getUint32(at + 42, true);
    const name = Buffer.from(bytes.subarray(at + 46, at + 46 + nameLength)).toString();
    const from = local + 30 + view.getUint16(local + 26, true) + view.getUint16(local + 28, true);
    at += 46 + nameLength + view.getUint16(at + 30, true) + view.getUint16(at + 32, true);
    return { name, bytes: bytes.subarray(from, from + size) };
  });
}

/** A stored archive. */
export function writeZip(files) {
  const parts = [];
  const directory = [];
  let offset = 0;
  for (const { name, bytes } of files) {
    const nameBytes = new TextEncoder().encode(name);
    const header = new DataView(new ArrayBuffer(26));
    header.setUint16(0, 20, true);
    header.setUint32(10, crc32(bytes), true);
    header.setUint32(14, bytes.length, true);
    header.setUint32(18, bytes.length, true);
    header.setUint16(22, nameBytes.length, true);
    const common = new Uint8Array(header.buffer);
    const local = concat(Uint8Array.of(0x50, 0x4b, 3, 4), common, nameBytes, bytes);
    const rest = new DataView(new ArrayBuffer(14));
    rest.setUint32(10, offset, true);
    directory.push(concat(Uint8Array.of(0x50, 0x4b, 1, 2, 20, 0), common, new Uint8Array(rest.buffer), nameBytes));
    parts.push(local);
    offset += local.length;
  }
  const central = concat(...directory);
  const end = new DataView(new ArrayBuffer(22));
  end.setUint32(0, 0x06054b50, true);
  end.setUint16(8, files.length, true);
  end.setUint16(10, files.length, true);
  end.setUint32(12, central.length, true);
  end.setUint32(16, offset, true);
  return concat(...parts, central, new Uint8Array(end.buffer));
}
