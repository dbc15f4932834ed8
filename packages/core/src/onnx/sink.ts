import { WhyboxError } from "../errors.js";
import { toInt64 } from "./tensors.js";
import { Wire } from "./wire.js";

/** The maximum message size of protobuf and ONNX Runtime. */
export const MAX_FILE_BYTES = 2 ** 31 - 1;

const encoder = new TextEncoder();

/**
 * The target of an encoder. The same encoder runs twice: first with a `SizeSink`, which sums the lengths
 * and records those of embedded messages, then with a `ByteSink`, which reads them in the same order.
 */
export interface Sink {
  varint(field: number, value: number): void;
  float(field: number, value: number): void;
  blob(field: number, value: Uint8Array): void;
  /** A blob whose bytes only the second pass reads. */
  computedBlob(field: number, length: number, value: () => Uint8Array): void;
  string(field: number, value: string): void;
  message(field: number, write: () => void): void;
  packedInts(field: number, values: readonly number[]): void;
  packedFloats(field: number, values: readonly number[]): void;
  /** Raw bytes without a tag. */
  raw(value: Uint8Array): void;
}

/** The result of the first pass. */
export interface Layout {
  /** Length of each embedded message and packed list, in order of their start. */
  readonly lengths: number[];
  size: number;
}

export class SizeSink implements Sink {
  readonly layout: Layout = { lengths: [], size: 0 };

  varint(field: number, value: number): void {
    this.layout.size += varintSize(field * 8) + varintSize(value);
  }

  float(field: number, _value: number): void {
    this.layout.size += varintSize(field * 8) + 4;
  }

  blob(field: number, value: Uint8Array): void {
    this.#delimited(field, value.length);
  }

  computedBlob(field: number, length: number): void {
    this.#delimited(field, length);
  }

  string(field: number, value: string): void {
    this.#delimited(field, utf8Length(value));
  }

  message(field: number, write: () => void): void {
    const { layout } = this;
    const slot = layout.lengths.push(0) - 1;
    const before = layout.size;
    write();
    const length = layout.size - before;
    layout.lengths[slot] = length;
    layout.size = before;
    this.#delimited(field, length);
  }

  packedInts(field: number, values: readonly number[]): void {
    const length = values.reduce((total, value) => total + varintSize(value), 0);
    this.layout.lengths.push(length);
    this.#delimited(field, length);
  }

  packedFloats(field: number, values: readonly number[]): void {
    this.#delimited(field, values.length * 4);
  }

  raw(value: Uint8Array): void {
    this.layout.size += value.length;
  }

  #delimited(field: number, length: number): void {
    this.layout.size += varintSize(field * 8) + varintSize(length) + length;
  }
}

export class ByteSink implements Sink {
  readonly bytes: Uint8Array;
  readonly #view: DataView;
  readonly #layout: Layout;
  #at = 0;
  #nextLength = 0;

  /** @throws limit when the layout exceeds 2 GiB. */
  constructor(layout: Layout) {
    if (layout.size > MAX_FILE_BYTES) {
      throw new WhyboxError(
        "limit",
        `The model would take ${layout.size} bytes, and an ONNX file holds at most ${MAX_FILE_BYTES}. Use a smaller model, or one in float16.`,
        { details: { size: layout.size, max: MAX_FILE_BYTES } },
      );
    }
    this.#layout = layout;
    this.bytes = new Uint8Array(layout.size);
    this.#view = new DataView(this.bytes.buffer);
  }

  varint(field: number, value: number): void {
    this.#varint(field * 8 + Wire.VARINT);
    this.#varint(value);
  }

  float(field: number, value: number): void {
    this.#varint(field * 8 + Wire.FIXED32);
    this.#float(value);
  }

  blob(field: number, value: Uint8Array): void {
    this.#start(field, value.length);
    this.raw(value);
  }

  computedBlob(field: number, length: number, value: () => Uint8Array): void {
    this.#start(field, length);
    this.raw(value());
  }

  string(field: number, value: string): void {
    const length = utf8Length(value);
    this.#start(field, length);
    // Names are short ASCII strings: a loop is several times faster than TextEncoder.
    if (length === value.length) for (let i = 0; i < length; i++) this.bytes[this.#at + i] = value.charCodeAt(i);
    else encoder.encodeInto(value, this.bytes.subarray(this.#at));
    this.#at += length;
  }

  message(field: number, write: () => void): void {
    this.#start(field, this.#layout.lengths[this.#nextLength++]!);
    write();
  }

  packedInts(field: number, values: readonly number[]): void {
    this.#start(field, this.#layout.lengths[this.#nextLength++]!);
    for (const value of values) this.#varint(value);
  }

  packedFloats(field: number, values: readonly number[]): void {
    this.#start(field, values.length * 4);
    for (const value of values) this.#float(value);
  }

  raw(value: Uint8Array): void {
    this.bytes.set(value, this.#at);
    this.#at += value.length;
  }

  #start(field: number, length: number): void {
    this.#varint(field * 8 + Wire.BYTES);
    this.#varint(length);
  }

  #float(value: number): void {
    this.#view.setFloat32(this.#at, value, true);
    this.#at += 4;
  }

  #varint(value: number): void {
    if (value < 0 || value > Number.MAX_SAFE_INTEGER) {
      this.#bigVarint(BigInt.asUintN(64, toInt64(value)));
      return;
    }
    let rest = value;
    while (rest > 0x7f) {
      this.bytes[this.#at++] = (rest % 128) | 0x80;
      rest = Math.floor(rest / 128);
    }
    this.bytes[this.#at++] = rest;
  }

  #bigVarint(value: bigint): void {
    let rest = value;
    while (rest > 0x7fn) {
      this.bytes[this.#at++] = Number(rest & 0x7fn) | 0x80;
      rest >>= 7n;
    }
    this.bytes[this.#at++] = Number(rest);
  }
}

/** Size in bytes of a number as an int64 varint. Negative numbers take 10. */
function varintSize(value: number): number {
  if (value < 0) return 10;
  if (value >= 2 ** 63) return 9;
  let size = 1;
  for (let rest = value; rest > 0x7f; rest = Math.floor(rest / 128)) size++;
  return size;
}

/** Size in bytes of a string as UTF-8. An unpaired surrogate becomes U+FFFD, three bytes, as in TextEncoder. */
function utf8Length(value: string): number {
  let length = value.length;
  for (let i = 0; i < value.length; i++) {
    const code = value.charCodeAt(i);
    if (code < 0x80) continue;
    length += code < 0x800 ? 1 : 2;
    const isPair = code >= 0xd800 && code < 0xdc00 && (value.charCodeAt(i + 1) & 0xfc00) === 0xdc00;
    // The pair takes four bytes for its two units.
    if (isPair) i++;
  }
  return length;
}
