// Changes of bytes and texts without regard to their format.

export const concat = (...parts) => new Uint8Array(Buffer.concat(parts));

const flip = (chance, bytes) => {
  const changed = bytes.slice();
  const count = 1 + chance.below(4);
  for (let i = 0; i < count; i++) changed[chance.below(changed.length)] = chance.below(256);
  return changed;
};

/** Writes a number at which sizes go wrong, in 1, 2, 4 or 8 bytes of either order. Half of the time near the start, where headers are. */
const number = (chance, bytes) => {
  const width = chance.pick([1, 2, 4, 8]);
  if (bytes.length < width) return flip(chance, bytes);
  const changed = bytes.slice();
  const places = bytes.length - width + 1;
  const at = chance.below(chance.is(0.5) ? Math.min(places, 128) : places);
  const value = new DataView(new ArrayBuffer(8));
  value.setBigUint64(0, BigInt.asUintN(64, chance.extreme()), true);
  const written = new Uint8Array(value.buffer, 0, width);
  changed.set(chance.is(0.5) ? written : written.toReversed(), at);
  return changed;
};

const cut = (chance, bytes) => bytes.slice(0, chance.below(bytes.length));

const remove = (chance, bytes) => {
  const at = chance.below(bytes.length);
  return concat(bytes.subarray(0, at), bytes.subarray(at + 1 + chance.below(16)));
};

const insert = (chance, bytes) => {
  const at = chance.below(bytes.length + 1);
  return concat(bytes.subarray(0, at), chance.bytes(1 + chance.below(16)), bytes.subarray(at));
};

const repeat = (chance, bytes) => {
  const [from, to] = [chance.below(bytes.length), chance.below(bytes.length)];
  const part = bytes.subarray(from, from + 1 + chance.below(64));
  return concat(bytes.subarray(0, to), part, bytes.subarray(to));
};

const CHANGES = [flip, flip, number, number, number, cut, remove, insert, repeat];

/** Bytes with one change. */
export function mutateBytes(chance, bytes) {
  return bytes.length === 0 ? chance.bytes(8) : chance.pick(CHANGES)(chance, bytes);
}
