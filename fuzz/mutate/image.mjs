// Changes of image files. The parts of a PNG keep a valid checksum, so that the change gets past it.
import { crc32 } from "node:zlib";
import { concat, mutateBytes } from "./bytes.mjs";

const SIGNATURE = 8;

export function mutateImage(chance, file) {
  const isPng = file[0] === 0x89 && file[1] === 0x50;
  return isPng && chance.is(0.7) ? mutatePng(chance, file) : mutateBytes(chance, file);
}

function mutatePng(chance, file) {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const parts = [];
  for (let at = SIGNATURE; at + 12 <= file.length; ) {
    const length = view.getUint32(at);
    if (at + 12 + length > file.length) break;
    parts.push(file.subarray(at + 4, at + 8 + length));
    at += 12 + length;
  }
  if (parts.length === 0) return mutateBytes(chance, file);
  const at = chance.below(parts.length);
  const type = parts[at].subarray(0, 4);
  const change = chance.below(7);
  if (change === 0) parts.splice(at, 1);
  else if (change === 1) parts.push(parts[at]);
  else parts[at] = concat(type, mutateBytes(chance, parts[at].subarray(4)));
  return concat(file.subarray(0, SIGNATURE), ...parts.map(withChecksum));
}

function withChecksum(part) {
  const [length, checksum] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(part.length - 4);
  checksum.writeUInt32BE(crc32(part));
  return concat(length, part, checksum);
}
