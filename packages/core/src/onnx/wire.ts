import { WhyboxError } from "../errors.js";

/** Wire types of protobuf that ONNX files use. Groups (3, 4) are deprecated and refused. */
export const Wire = { VARINT: 0, FIXED64: 1, BYTES: 2, FIXED32: 5 } as const;

const TWO_32 = 2 ** 32;
/** This many bytes of a packed list count as one message. */
const NUMBERS_PER_MESSAGE = 8;
const text = new TextDecoder("utf-8", { ignoreBOM: true });

/** Counts the objects made while reading one file, so that a small file cannot fill the heap. */
export class MessageBudget {
  readonly #max: number;
  #count = 0;

  constructor(max: number) {
    this.#max = max;
  }

  take(reader: MessageReader, count = 1): void {
    this.#count += count;
    if (this.#count <= this.#max) return;
    throw new WhyboxError(
      "limit",
      `The model file holds more than ${this.#max} messages, texts and lists (at byte ${reader.position}). Use a smaller model, or raise the limit.`,
      { details: { maxMessages: this.#max } },
    );
  }
}

/**
 * Reads the fields of one protobuf message, never beyond its end. All positions are checked. Errors are `bad-input`, with the byte offset
 * and the path of fields.
 */
export class MessageReader {
  readonly bytes: Uint8Array;
  readonly end: number;
  readonly name: string;
  readonly parent: MessageReader | undefined;
  /** Number of the field that `next` found. */
  field = 0;
  /** Wire type of the field that `next` found. */
  wire = 0;
  readonly #view: DataView;
  readonly #budget: MessageBudget;
  #position: number;
  #tagStart: number;

  constructor(
    bytes: Uint8Array,
    name: string,
    budget: MessageBudget,
    range: { readonly start: number; readonly end: number } = { start: 0, end: bytes.length },
    parent?: MessageReader,
  ) {
    this.bytes = bytes;
    this.name = name;
    this.#budget = budget;
    this.#position = range.start;
    this.#tagStart = range.start;
    this.end = range.end;
    this.parent = parent;
    this.#view = parent === undefined ? new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength) : parent.#view;
  }

  get position(): number {
    return this.#position;
  }

  /** Moves to the next field. Returns false at the end of the message. The caller must then read or skip the field's value. */
  next(): boolean {
    if (this.#position >= this.end) return false;
    this.#tagStart = this.#position;
    const tag = this.#varint();
    this.field = Math.floor(tag / 8);
    this.wire = tag % 8;
    if (this.field < 1 || this.field > 536_870_911) this.fail(`field number ${this.field}`, "1 to 536870911");
    if (this.wire > 5 || this.wire === 3 || this.wire === 4) this.fail(`wire type ${this.wire}`, "0, 1, 2 or 5");
    return true;
  }

  /** The field as a signed 64-bit integer. Numbers beyond 2^53 are rounded; INT64_MAX becomes 2^63. */
  int64(): number {
    this.#expect(Wire.VARINT);
    return this.#int64();
  }

  /** The field as bytes: a view into the file. */
  blob(): Uint8Array {
    const { start, end } = this.#range();
    return this.bytes.subarray(start, end);
  }

  string(): string {
    const { start, end } = this.#range();
    return start === end ? "" : text.decode(this.bytes.subarray(start, end));
  }

  /** A reader of the field's embedded message. `name` names it in error messages. */
  message(name: string): MessageReader {
    return new MessageReader(this.bytes, name, this.#budget, this.#range(), this);
  }

  float32(): number {
    this.#expect(Wire.FIXED32);
    return this.#view.getFloat32(this.#advance(4), true);
  }

  /** Adds the values of a repeated integer field, packed or not, to `into`. */
  int64s(into: number[]): void {
    if (this.wire === Wire.VARINT) {
      into.push(this.#int64());
      return;
    }
    this.#packed(() => into.push(this.#int64()));
  }

  /** Values of a repeated integer field, packed or not, as little-endian 64-bit words. */
  words(): Uint8Array {
    if (this.wire === Wire.VARINT) {
      this.#budget.take(this);
      const { low, high } = this.#halves();
      return new Uint8Array(Uint32Array.of(low, high).buffer);
    }
    const { start, end } = this.#range();
    // The last byte of each value is below 128.
    let count = 0;
    for (let at = start; at < end; at++) if (this.bytes[at]! < 0x80) count++;
    const words = new Uint32Array(2 * count);
    let index = 0;
    this.#each(start, end, () => {
      const { low, high } = this.#halves();
      words[index++] = low;
      words[index++] = high;
    });
    return new Uint8Array(words.buffer);
  }

  float32s(into: number[]): void {
    if (this.wire === Wire.FIXED32) {
      into.push(this.float32());
      return;
    }
    this.#packed(() => into.push(this.#view.getFloat32(this.#advance(4), true)));
  }

  /** Bytes of a repeated fixed-width field, packed or not: a view into the file. `width` is 4 or 8. */
  fixed(width: 4 | 8): Uint8Array {
    if (this.wire === (width === 4 ? Wire.FIXED32 : Wire.FIXED64)) {
      const start = this.#advance(width);
      return this.bytes.subarray(start, start + width);
    }
    const found = this.blob();
    if (found.length % width !== 0) this.fail(`a packed list of ${found.length} bytes`, `a multiple of ${width}`);
    return found;
  }

  /** Skips the field and returns its bytes, tag included. */
  skip(): Uint8Array {
    if (this.wire !== Wire.BYTES) this.#budget.take(this);
    if (this.wire === Wire.VARINT) this.#varint();
    else if (this.wire === Wire.FIXED64) this.#advance(8);
    else if (this.wire === Wire.FIXED32) this.#advance(4);
    else this.#range();
    return this.last();
  }

  /** The bytes, tag included, of the field that was read last. */
  last(): Uint8Array {
    return this.bytes.subarray(this.#tagStart, this.#position);
  }

  /** @throws bad-input, always: what was found here, and what would have been right. */
  fail(found: string, expected: string): never {
    const path = this.path();
    throw new WhyboxError(
      "bad-input",
      `The ONNX file is broken at byte ${this.#tagStart} (${path}): found ${found}, expected ${expected}. It may be truncated, or no ONNX file; export it again.`,
      { details: { offset: this.#tagStart, path } },
    );
  }

  /** Names of the messages from the file down to this one, with the field being read. */
  path(): string {
    const names: string[] = [];
    for (let at: MessageReader | undefined = this; at !== undefined; at = at.parent) names.unshift(at.name);
    return `${names.join(".")}, field ${this.field}`;
  }

  #expect(wire: number): void {
    if (this.wire !== wire) this.fail(`wire type ${this.wire}`, `wire type ${wire}`);
  }

  #advance(count: number): number {
    const start = this.#position;
    if (count > this.end - start) {
      this.fail(
        `a value of ${count} bytes where the enclosing message has ${this.end - start} left`,
        "a value inside it",
      );
    }
    this.#position = start + count;
    return start;
  }

  #range(): { start: number; end: number } {
    this.#expect(Wire.BYTES);
    this.#budget.take(this);
    const length = this.#varint();
    const start = this.#advance(length);
    return { start, end: start + length };
  }

  /** Each value becomes a number, of eight bytes or more: they count too. */
  #packed(readOne: () => void): void {
    const { start, end } = this.#range();
    this.#budget.take(this, Math.floor((end - start) / NUMBERS_PER_MESSAGE));
    this.#each(start, end, readOne);
  }

  #each(start: number, end: number, readOne: () => void): void {
    this.#position = start;
    while (this.#position < end) readOne();
    if (this.#position !== end) this.fail("a packed list whose last value runs past its end", "whole values");
  }

  /** An unsigned varint as a number (exact up to 2^53). */
  #varint(): number {
    const first = this.bytes[this.#position];
    if (first !== undefined && first < 0x80 && this.#position < this.end) {
      this.#position++;
      return first;
    }
    const { low, high } = this.#halves();
    return high * TWO_32 + low;
  }

  #int64(): number {
    const { low, high } = this.#halves();
    return (high | 0) * TWO_32 + low;
  }

  /** The two unsigned 32-bit halves of a varint of at most 10 bytes. */
  #halves(): { low: number; high: number } {
    let low = 0;
    let high = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = this.bytes[this.#advance(1)]!;
      const bits = byte & 0x7f;
      if (shift < 28) low |= bits << shift;
      else if (shift === 28) {
        low |= bits << 28;
        high = bits >>> 4;
      } else high |= bits << (shift - 32);
      if (byte < 0x80) {
        if (shift === 63 && byte > 1) break;
        return { low: low >>> 0, high: high >>> 0 };
      }
    }
    return this.fail("a number of more than 64 bits", "at most 64 bits in 10 bytes");
  }
}
