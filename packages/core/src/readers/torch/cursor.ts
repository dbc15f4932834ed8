import { broken } from "./broken.js";

/** Reads a file from front to back, never beyond its end. Numbers are little-endian unless stated otherwise. */
export class Cursor {
  readonly bytes: Uint8Array;
  readonly #view: DataView;
  readonly #what: string;
  at: number;

  /** @param what the name of the data, for messages. */
  constructor(bytes: Uint8Array, what: string, at = 0) {
    this.bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#what = what;
    this.at = at;
  }

  /** Advances by `count` bytes. @returns the offset of the first one. @throws bad-input when there are fewer. */
  advance(count: number): number {
    const start = this.at;
    if (!(count >= 0 && start >= 0 && count <= this.bytes.length - start)) {
      throw broken(`${this.#what} has ${this.bytes.length} bytes, and ${count} more are announced at byte ${start}`, {
        offset: start,
      });
    }
    this.at = start + count;
    return start;
  }

  u8(): number {
    return this.bytes[this.advance(1)]!;
  }

  u16(): number {
    return this.#view.getUint16(this.advance(2), true);
  }

  i32(): number {
    return this.#view.getInt32(this.advance(4), true);
  }

  u32(): number {
    return this.#view.getUint32(this.advance(4), true);
  }

  /** An unsigned 64-bit number. Beyond 2^53 it is not exact, but larger than any file. */
  u64(): number {
    return Number(this.#view.getBigUint64(this.advance(8), true));
  }

  /** A float64, big-endian as pickle has it. */
  f64be(): number {
    return this.#view.getFloat64(this.advance(8), false);
  }

  /** The next `count` bytes: a view. */
  take(count: number): Uint8Array {
    const start = this.advance(count);
    return this.bytes.subarray(start, start + count);
  }

  /** Text up to the next newline. Skips the newline. */
  line(): string {
    const end = this.bytes.indexOf(0x0a, this.at);
    const text = utf8(this.take(end < 0 ? this.bytes.length + 1 : end - this.at));
    this.at++;
    return text;
  }
}

/** UTF-8 text. Invalid bytes become replacement characters. */
export function utf8(bytes: Uint8Array): string {
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
}

/** One character per byte, as in Python's latin-1. (TextDecoder's "latin1" is windows-1252.) */
export function latin1(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += 8192) text += String.fromCharCode(...bytes.subarray(at, at + 8192));
  return text;
}
