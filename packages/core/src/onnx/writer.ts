import { WhyboxError } from "../errors.js";
import { toInt64 } from "./tensors.js";
import { Wire } from "./wire.js";

/** The maximum message size of protobuf and ONNX Runtime. */
const MAX_FILE_BYTES = 2 ** 31 - 1;
/** Shorter blobs are copied at once. A list of long blobs stays short. */
const SHORT = 64;

const MAX_VARINT_BYTES = 10;

const encoder = new TextEncoder();

/** A long blob, which is read when the file is put together. It follows the first `at` short bytes. */
interface Blob {
  at: number;
  readonly length: number;
  bytes(): Uint8Array;
}

/** Writes the fields of a protobuf message. Long blobs are not copied until `bytes`. */
export class MessageWriter {
  #short = new Uint8Array(4096);
  /** Number of bytes in `#short`. */
  #end = 0;
  readonly #blobs: Blob[] = [];
  /** Number of bytes in `#blobs`. */
  #long = 0;

  get length(): number {
    return this.#end + this.#long;
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
    this.computedBlob(field, value.length, () => value);
  }

  /** A blob whose bytes are computed when the file is put together, if it is long. */
  computedBlob(field: number, length: number, value: () => Uint8Array): void {
    this.#varint(field * 8 + Wire.BYTES);
    this.#varint(length);
    this.#add(length, value);
  }

  string(field: number, value: string): void {
    this.message(field, () => {
      this.#reserve(3 * value.length);
      this.#end += encoder.encodeInto(value, this.#short.subarray(this.#end)).written;
    });
  }

  /** A message in this one. `write` writes its fields. */
  message(field: number, write: (inner: MessageWriter) => void): void {
    this.#varint(field * 8 + Wire.BYTES);
    const [start, before, blobs] = [this.#end, this.length, this.#blobs.length];
    write(this);
    const [end, length] = [this.#end, this.length - before];
    // The length precedes the fields, so they move by its size.
    this.#varint(length);
    const size = this.#end - end;
    this.#short.copyWithin(start + size, start, end);
    for (let i = blobs; i < this.#blobs.length; i++) this.#blobs[i]!.at += size;
    this.#end = start;
    this.#varint(length);
    this.#end = end + size;
  }

  packedInts(field: number, values: readonly number[]): void {
    this.message(field, () => {
      for (const value of values) this.#varint(value);
    });
  }

  packedFloats(field: number, values: readonly number[]): void {
    this.message(field, () => {
      for (const value of values) this.#float(value);
    });
  }

  /** Raw bytes without a tag. */
  raw(value: Uint8Array): void {
    this.#add(value.length, () => value);
  }

  /** The message. It is allocated once, and each long blob is copied once. @throws limit when it exceeds 2 GiB. */
  bytes(): Uint8Array {
    if (this.length > MAX_FILE_BYTES) {
      throw new WhyboxError(
        "limit",
        `The model would take ${this.length} bytes, and an ONNX file holds at most ${MAX_FILE_BYTES}. Use a smaller model, or one in float16.`,
        { details: { size: this.length, max: MAX_FILE_BYTES } },
      );
    }
    const bytes = new Uint8Array(this.length);
    let [from, to] = [0, 0];
    const copyShort = (end: number) => {
      bytes.set(this.#short.subarray(from, end), to);
      to += end - from;
      from = end;
    };
    for (const blob of this.#blobs) {
      copyShort(blob.at);
      bytes.set(blob.bytes(), to);
      to += blob.length;
    }
    copyShort(this.#end);
    return bytes;
  }

  #add(length: number, bytes: () => Uint8Array): void {
    if (length > SHORT) {
      this.#blobs.push({ at: this.#end, length, bytes });
      this.#long += length;
      return;
    }
    this.#reserve(length);
    this.#short.set(bytes(), this.#end);
    this.#end += length;
  }

  #float(value: number): void {
    this.#add(4, () => new Uint8Array(Float32Array.of(value).buffer));
  }

  #varint(value: number): void {
    this.#reserve(MAX_VARINT_BYTES);
    // Negative numbers take ten bytes.
    const isExact = value >= 0 && value <= Number.MAX_SAFE_INTEGER;
    let rest = isExact ? value : BigInt.asUintN(64, toInt64(value));
    while (typeof rest === "bigint" && rest > Number.MAX_SAFE_INTEGER) {
      this.#short[this.#end++] = Number(rest & 0x7fn) | 0x80;
      rest >>= 7n;
    }
    let small = Number(rest);
    for (; small > 0x7f; small = Math.floor(small / 128)) this.#short[this.#end++] = (small % 128) | 0x80;
    this.#short[this.#end++] = small;
  }

  /** Makes room for more short bytes. */
  #reserve(count: number): void {
    if (this.#end + count <= this.#short.length) return;
    const larger = new Uint8Array(2 * (this.#end + count));
    larger.set(this.#short);
    this.#short = larger;
  }
}
