// Changes of the opcodes of a pickle, and of the entries of a .pt file.
import { TEXTS } from "../chance.mjs";
import { concat, mutateBytes } from "./bytes.mjs";
import { readZip, writeZip } from "./zip.mjs";

const code = (letter) => letter.charCodeAt(0);
/** Opcodes with a number of bytes after them. */
const FIXED = new Map(
  Object.entries({
    h: 1,
    q: 1,
    K: 1,
    M: 2,
    j: 4,
    r: 4,
    J: 4,
    G: 8,
    "\x80": 1,
    "\x95": 8,
    "\x82": 1,
    "\x83": 2,
    "\x84": 4,
  }).map(([letter, size]) => [code(letter), size]),
);
/** Opcodes with a length, and as many bytes after it. */
const COUNTED = new Map(
  Object.entries({
    U: 1,
    C: 1,
    "\x8c": 1,
    "\x8a": 1,
    T: 4,
    X: 4,
    B: 4,
    "\x8b": 4,
    "\x8d": 8,
    "\x8e": 8,
    "\x96": 8,
  }).map(([letter, size]) => [code(letter), size]),
);
/** Opcodes with lines after them. */
const LINES = new Map(
  Object.entries({ I: 1, L: 1, F: 1, S: 1, V: 1, g: 1, p: 1, P: 1, c: 2, i: 2 }).map(([k, n]) => [code(k), n]),
);
const ALONE = [..."().0125NQR]ab}deost\x81\x85\x86\x87\x88\x89\x8f\x90\x91\x92\x93\x94lu"].map(code);
const STOP = code(".");

/** The opcodes of a pickle with their arguments, up to the first STOP; the bytes after it are the last entry. */
function opcodesOf(bytes) {
  const found = [];
  for (let at = 0; at < bytes.length; ) {
    const op = bytes[at];
    const end = Math.min(endOf(bytes, at), bytes.length);
    found.push(bytes.subarray(at, end));
    at = end;
    if (op === STOP) {
      found.push(bytes.subarray(at));
      break;
    }
  }
  return found;
}

function endOf(bytes, at) {
  const op = bytes[at];
  const size = COUNTED.get(op);
  if (size !== undefined) {
    const length = Buffer.from(bytes.subarray(at + 1, at + 1 + Math.min(size, 4)));
    return at + 1 + size + (length.length === 0 ? 0 : length.readUIntLE(0, length.length));
  }
  let end = at + 1 + (FIXED.get(op) ?? 0);
  for (let line = LINES.get(op) ?? 0; line > 0; line--) {
    const next = bytes.indexOf(10, end);
    end = next < 0 ? bytes.length : next + 1;
  }
  return end;
}

/** A pickle with one change of its opcodes. */
export function mutatePickle(chance, bytes) {
  const ops = opcodesOf(bytes);
  // The older format is split into pickles after earlier changes, and one of them may be empty.
  if (ops.length === 0) return randomOp(chance);
  if (chance.is(0.6)) {
    mutateValue(chance, ops);
    return concat(...ops);
  }
  const at = chance.below(ops.length);
  const other = chance.below(ops.length);
  const changes = [
    () => ops.splice(at, 1),
    () => ops.splice(at, 0, ops[other]),
    () => ([ops[at], ops[other]] = [ops[other], ops[at]]),
    () => (ops[at] = ops[other]),
    () => ops.splice(at, 0, randomOp(chance)),
    () => (ops[at] = randomOp(chance)),
    () => (ops[at] = mutateArgument(chance, ops[at])),
    () => (ops[at] = mutateArgument(chance, ops[at])),
    () => (ops[at] = Uint8Array.of(chance.pick(ALONE), ...ops[at].subarray(1, 64))),
  ];
  chance.pick(changes)();
  return concat(...ops);
}

/** Opcodes of numbers, texts, None, True and False: any of them may stand for another one. */
const VALUES = new Set([..."KMJGXN\x88\x89\x8a\x8c"].map(code));

/** Puts another value in the place of one: of the same pickle, or one at which sizes go wrong. The pickle stays valid. */
function mutateValue(chance, ops) {
  const places = ops.flatMap(([op], i) => (VALUES.has(op) ? [i] : []));
  if (places.length === 0) return;
  const at = chance.pick(places);
  const alike = places.filter((place) => ops[place][0] === ops[at][0]);
  if (chance.is(0.5)) ops[at] = ops[chance.pick(chance.is(0.7) ? alike : places)];
  else ops[at] = chance.is(0.5) ? long(chance) : small(chance);
}

const long = (chance) => {
  const number = new DataView(new ArrayBuffer(8));
  number.setBigUint64(0, BigInt.asUintN(64, chance.extreme()), true);
  return Uint8Array.of(0x8a, 8, ...new Uint8Array(number.buffer));
};
const small = (chance) => Uint8Array.of(code("K"), chance.below(40));

function randomOp(chance) {
  if (chance.is(0.6)) return Uint8Array.of(chance.pick(ALONE));
  if (chance.is(0.5)) return Uint8Array.of(code("h"), chance.below(256));
  return chance.is(0.5) ? long(chance) : small(chance);
}

/** The same opcode with another argument. */
function mutateArgument(chance, op) {
  if (op.length < 2) return randomOp(chance);
  if (op[0] === code("X") && chance.is(0.7)) {
    const text = new TextEncoder().encode(chance.pick(TEXTS));
    const length = Buffer.alloc(4);
    length.writeUInt32LE(text.length);
    return concat(op.subarray(0, 1), length, text);
  }
  const limited = op.subarray(1, 1 + Math.min(op.length - 1, 4096));
  const changed = mutateBytes(chance, limited);
  return concat(op.subarray(0, 1), changed.subarray(0, limited.length), op.subarray(1 + limited.length));
}

/** A .pt file, zip or older, with one change. */
export function mutateTorch(chance, file) {
  if (file[0] !== 0x50) return mutateLegacy(chance, file);
  let entries;
  try {
    entries = readZip(file);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return mutateBytes(chance, file); // an earlier change made it invalid
  }
  if (entries.length === 0) return mutateBytes(chance, file);
  const at = chance.below(entries.length);
  const pickle = entries.findIndex(({ name }) => name.endsWith("data.pkl"));
  const changes = [
    () => entries.splice(at, 1),
    () => entries.push(entries[at]),
    () => (entries[at] = { ...entries[at], name: chance.pick([...TEXTS.slice(0, 5), chance.pick(entries).name]) }),
    () =>
      (entries[at] = {
        ...entries[at],
        bytes: entries[at].bytes.subarray(0, chance.below(entries[at].bytes.length + 1)),
      }),
    () => (entries[at] = { ...entries[at], bytes: chance.pick(entries).bytes }),
  ];
  if (pickle >= 0 && chance.is(0.85)) {
    entries[pickle] = { ...entries[pickle], bytes: mutatePickle(chance, entries[pickle].bytes) };
  } else if (chance.is(0.6)) {
    chance.pick(changes)();
  } else {
    // Headers and the directory, which is at the end.
    const from = chance.is(0.5) ? 0 : Math.max(0, file.length - 512);
    return concat(file.subarray(0, from), mutateBytes(chance, file.subarray(from)));
  }
  return writeZip(entries);
}

/** The older format: five pickles, then the values. */
function mutateLegacy(chance, file) {
  const head = file.length;
  const pickles = [];
  let rest = file.subarray(0, head);
  for (let i = 0; i < 5 && rest.length > 0; i++) {
    const ops = opcodesOf(rest);
    const after = ops.at(-1)?.length ?? 0;
    pickles.push(rest.subarray(0, rest.length - after));
    rest = rest.subarray(rest.length - after);
  }
  if (pickles.length === 0 || chance.is(0.1)) return mutateBytes(chance, file);
  const at = chance.is(0.7) ? Math.min(3, pickles.length - 1) : chance.below(pickles.length);
  pickles[at] = mutatePickle(chance, pickles[at]);
  return concat(...pickles, rest);
}
