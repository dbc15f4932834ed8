import { byteLengthOf, dataTypeName, storedWidth } from "./data-types.js";
import { DataType, type TensorProto, type UnknownField } from "./model.js";
import type { MessageReader } from "./wire.js";

/** The fields of a TensorProto message, before its values are converted to one form. */
interface Fields {
  name: string;
  dims: number[];
  dataType: number;
  raw: Uint8Array | undefined;
  /** Values of a typed field with fixed width (float_data, double_data). */
  pieces: Uint8Array[];
  /** Values of a typed varint field (int32_data, int64_data, uint64_data), as 64-bit words. */
  words: Uint8Array[];
  strings: Uint8Array[];
  external: Map<string, string>;
  isExternal: boolean;
  unknown: UnknownField[];
}

/**
 * Decodes a TensorProto. `raw_data` stays a view into the file; typed fields become raw little-endian bytes.
 * @throws bad-input for negative or too large dims, and when the number of values does not match the dims.
 */
export function decodeTensor(reader: MessageReader): TensorProto {
  const fields = readFields(reader);
  const count = elementCount(reader, fields);
  const bytes = fields.isExternal ? new Uint8Array(0) : valueBytes(reader, fields);
  if (!fields.isExternal) checkLength(reader, fields, count, bytes);
  return {
    name: fields.name,
    dims: fields.dims,
    dataType: fields.dataType,
    bytes,
    ...(fields.dataType === DataType.STRING && !fields.isExternal ? { strings: fields.strings } : {}),
    ...(fields.isExternal ? { external: fields.external } : {}),
    ...(fields.unknown.length > 0 ? { unknown: fields.unknown } : {}),
  };
}

function readFields(reader: MessageReader): Fields {
  const fields: Fields = {
    name: "",
    dims: [],
    dataType: 0,
    raw: undefined,
    pieces: [],
    words: [],
    strings: [],
    external: new Map(),
    isExternal: false,
    unknown: [],
  };
  while (reader.next()) readField(reader, fields);
  return fields;
}

/** int32_data, int64_data, uint64_data. */
const VARINT_DATA: ReadonlySet<number> = new Set([5, 7, 11]);

function readField(reader: MessageReader, fields: Fields): void {
  if (reader.field === 1) reader.int64s(fields.dims);
  else if (reader.field === 2) fields.dataType = reader.int64();
  else if (reader.field === 4) fields.pieces.push(reader.fixed(4));
  else if (reader.field === 10) fields.pieces.push(reader.fixed(8));
  else if (VARINT_DATA.has(reader.field)) fields.words.push(reader.words());
  else if (reader.field === 6) fields.strings.push(reader.blob());
  else if (reader.field === 8) fields.name = reader.string();
  else if (reader.field === 9) fields.raw = reader.blob();
  else if (reader.field === 13) readEntry(reader.message("external_data"), fields.external);
  else if (reader.field === 14) fields.isExternal = reader.int64() === 1;
  else fields.unknown.push(reader.skip());
}

/** Adds a StringStringEntryProto to `into`; the last of equal keys wins. */
export function readEntry(reader: MessageReader, into: Map<string, string>): void {
  let key = "";
  let value = "";
  while (reader.next()) {
    if (reader.field === 1) key = reader.string();
    else if (reader.field === 2) value = reader.string();
    else reader.skip();
  }
  into.set(key, value);
}

function elementCount(reader: MessageReader, fields: Fields): number {
  let count = 1;
  for (const dim of fields.dims) {
    if (dim < 0) reader.fail(`dimension ${dim} of tensor "${fields.name}"`, "0 or more");
    count *= dim;
  }
  // The widest type has 16 bytes. Beyond this, byte counts are no longer exact.
  if (!Number.isSafeInteger(count * 16)) {
    reader.fail(`tensor "${fields.name}" with dims [${fields.dims.join(", ")}]`, "as many values as the file holds");
  }
  return count;
}

function valueBytes(reader: MessageReader, fields: Fields): Uint8Array {
  if (fields.raw !== undefined) return fields.raw;
  if (fields.pieces.length > 0) return join(fields.pieces);
  if (fields.words.length === 0) return new Uint8Array(0);
  const width = storedWidth(fields.dataType);
  if (width === undefined || width > 8) {
    return reader.fail(`integer values for type ${dataTypeName(fields.dataType)}`, "an integer type");
  }
  return narrow(join(fields.words), width);
}

function join(pieces: readonly Uint8Array[]): Uint8Array {
  if (pieces.length === 1) return pieces[0]!;
  const joined = new Uint8Array(pieces.reduce((total, piece) => total + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    joined.set(piece, at);
    at += piece.length;
  }
  return joined;
}

/** The first `width` bytes of each 64-bit word. */
function narrow(words: Uint8Array, width: number): Uint8Array {
  if (width === 8) return words;
  const bytes = new Uint8Array((words.length / 8) * width);
  for (let from = 0, to = 0; from < words.length; from += 8) {
    for (let k = 0; k < width; k++) bytes[to++] = words[from + k]!;
  }
  return bytes;
}

function checkLength(reader: MessageReader, fields: Fields, count: number, bytes: Uint8Array): void {
  const isString = fields.dataType === DataType.STRING;
  const expected = isString ? count : byteLengthOf(fields.dataType, count);
  const found = isString ? fields.strings.length : bytes.length;
  if (expected === undefined || found === expected) return;
  const unit = isString ? "strings" : "bytes";
  reader.fail(
    `tensor "${fields.name}" of type ${dataTypeName(fields.dataType)} and dims [${fields.dims.join(", ")}] with ${found} ${unit}`,
    `${expected} ${unit}`,
  );
}
