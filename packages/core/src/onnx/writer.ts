import { WhyboxError } from "../errors.js";
import { toInt64 } from "./tensors.js";
import { Wire } from "./wire.js";

/** The maximum message size of protobuf and ONNX Runtime. */
const MAX_FILE_BYTES = 2 ** 31 - 1;
/** Shorter blobs are copied at once. A list of long blobs stays short. */
const SHORT = 64;

const encoder = new TextEncoder();

/** A long blob, which is read when the file is put together. It follows the first `at` short bytes of the message. */
interface Blob {
  readonly at: number;
  readonly length: number;
  bytes(): Uint8Array;
}

/** Collects the fields of one protobuf message. Long blobs are not copied until `bytes`. */
export class MessageWriter {
  readonly #short: number[] = [];
  readonly #blobs: Blob[] = [];
  /** Number of bytes in `#blobs`. */
  #long = 0;

  get length(): number {
    return this.#short.length + this.#long;
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
    this.#start(field, length);
    this.#add(length, value);
  }

  string(field: number, value: string): void {
    this.blob(field, encoder.encode(value));
  }

  message(field: number, write: (inner: MessageWriter) => void): void {
    const inner = new MessageWriter();
    write(inner);
    this.#start(field, inner.length);
    const before = this.#short.length;
    for (const byte of inner.#short) this.#short.push(byte);
    for (const { at, length, bytes } of inner.#blobs) this.#blobs.push({ at: before + at, length, bytes });
    this.#long += inner.#long;
  }

  packedInts(field: number, values: readonly number[]): void {
    this.message(field, (inner) => {
      for (const value of values) inner.#varint(value);
    });
  }

  packedFloats(field: number, values: readonly number[]): void {
    this.#start(field, values.length * 4);
    for (const value of values) this.#float(value);
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
      while (from < end) bytes[to++] = this.#short[from++]!;
    };
    for (const blob of this.#blobs) {
      copyShort(blob.at);
      bytes.set(blob.bytes(), to);
      to += blob.length;
    }
    copyShort(this.#short.length);
    return bytes;
  }

  #add(length: number, bytes: () => Uint8Array): void {
    if (length <= SHORT) {
      for (const byte of bytes()) this.#short.push(byte);
      return;
    }
    this.#blobs.push({ at: this.#short.length, length, bytes });
    this.#long += length;
  }

  #start(field: number, length: number): void {
    this.#varint(field * 8 + Wire.BYTES);
    this.#varint(length);
  }

  #float(value: number): void {
    this.#short.push(...new Uint8Array(Float32Array.of(value).buffer));
  }

  #varint(value: number): void {
    // Negative numbers take ten bytes.
    const isExact = value >= 0 && value <= Number.MAX_SAFE_INTEGER;
    let rest = isExact ? value : BigInt.asUintN(64, toInt64(value));
    while (typeof rest === "bigint" && rest > Number.MAX_SAFE_INTEGER) {
      this.#short.push(Number(rest & 0x7fn) | 0x80);
      rest >>= 7n;
    }
    let small = Number(rest);
    for (; small > 0x7f; small = Math.floor(small / 128)) this.#short.push((small % 128) | 0x80);
    this.#short.push(small);
  }
}
