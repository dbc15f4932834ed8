/** Writes Python pickles of protocol 2, for tests: what pickle.dump would write of the same objects. */

/** What leaves one value on the stack, as opcodes. */
export type PyValue = (out: number[]) => void;

const encoder = new TextEncoder();

const uint32 = (value: number): number[] => [...new Uint8Array(Uint32Array.of(value).buffer)];

/** Opcodes as they are. */
export const raw =
  (...bytes: readonly number[]): PyValue =>
  (out) =>
    out.push(...bytes);

export const none = raw(0x4e);
export const bool = (value: boolean): PyValue => raw(value ? 0x88 : 0x89);

export const text =
  (value: string): PyValue =>
  (out) => {
    const bytes = encoder.encode(value);
    out.push(0x58, ...uint32(bytes.length), ...bytes);
  };

/** A bigint as LONG1, an int32 as BININT, all others as BINFLOAT. */
export const number =
  (value: number | bigint): PyValue =>
  (out) => {
    if (typeof value === "bigint") {
      const wide = BigInt.asUintN(128, value);
      out.push(0x8a, 16, ...Array.from({ length: 16 }, (_, i) => Number((wide >> BigInt(8 * i)) & 0xffn)));
    } else if (Number.isInteger(value) && Math.abs(value) < 2 ** 31) {
      out.push(0x4a, ...new Uint8Array(Int32Array.of(value).buffer));
    } else {
      out.push(0x47, ...new Uint8Array(Float64Array.of(value).buffer).reverse());
    }
  };

export const list =
  (...values: readonly PyValue[]): PyValue =>
  (out) => {
    out.push(0x5d, 0x28);
    for (const value of values) value(out);
    out.push(0x65);
  };

export const tuple =
  (...values: readonly PyValue[]): PyValue =>
  (out) => {
    out.push(0x28);
    for (const value of values) value(out);
    out.push(0x74);
  };

type Entries = Readonly<Record<string, PyValue>> | readonly (readonly [PyValue, PyValue])[];

function fill(out: number[], entries: Entries): void {
  out.push(0x28);
  const pairs = Array.isArray(entries)
    ? (entries as readonly (readonly [PyValue, PyValue])[])
    : Object.entries(entries).map(([key, value]) => [text(key), value as PyValue] as const);
  for (const [key, value] of pairs) {
    key(out);
    value(out);
  }
  out.push(0x75);
}

export const dict =
  (entries: Entries): PyValue =>
  (out) => {
    out.push(0x7d);
    fill(out, entries);
  };

export const global =
  (module: string, name: string): PyValue =>
  (out) =>
    out.push(0x63, ...encoder.encode(`${module}\n${name}\n`));

/** `callee(*args)`. */
export const call =
  (callee: PyValue, ...args: readonly PyValue[]): PyValue =>
  (out) => {
    callee(out);
    tuple(...args)(out);
    out.push(0x52);
  };

export const orderedDict =
  (entries: Entries): PyValue =>
  (out) => {
    call(global("collections", "OrderedDict"))(out);
    fill(out, entries);
  };

/** An object with attributes, made without calling `__init__`. */
export const object =
  (type: PyValue, state: PyValue): PyValue =>
  (out) => {
    type(out);
    out.push(0x29, 0x81);
    state(out);
    out.push(0x62);
  };

/** An object that is stored elsewhere. */
export const persistent =
  (...id: readonly PyValue[]): PyValue =>
  (out) => {
    tuple(...id)(out);
    out.push(0x51);
  };

/** A whole pickle. */
export function pickle(value: PyValue, protocol = 2): Uint8Array {
  const out = [0x80, protocol];
  value(out);
  out.push(0x2e);
  return Uint8Array.from(out);
}
