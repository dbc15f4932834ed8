import type { Dim, UnknownField, ValueInfo } from "./model.js";
import type { MessageReader } from "./wire.js";

interface Fields {
  name: string;
  elemType: number;
  shape: Dim[] | undefined;
  unknown: UnknownField[];
}

/**
 * Decodes a ValueInfoProto. A type that is not a tensor (a sequence, an optional, a map) stays in `unknown` unchanged.
 * Denotations of types and dimensions are dropped: they are remarks for people.
 */
export function decodeValueInfo(reader: MessageReader): ValueInfo {
  const fields: Fields = { name: "", elemType: 0, shape: undefined, unknown: [] };
  while (reader.next()) {
    if (reader.field === 1) fields.name = reader.string();
    else if (reader.field === 2) readType(reader, fields);
    else fields.unknown.push(reader.skip());
  }
  const { name, elemType, shape, unknown } = fields;
  return { name, elemType, shape, ...(unknown.length > 0 ? { unknown } : {}) };
}

function readType(parent: MessageReader, fields: Fields): void {
  const reader = parent.message("type");
  let isTensor = false;
  let isOther = false;
  while (reader.next()) {
    if (reader.field === 1) {
      isTensor = true;
      readTensorType(reader.message("tensor_type"), fields);
    } else {
      if (reader.field !== 6) isOther = true;
      reader.skip();
    }
  }
  if (!isTensor && isOther) fields.unknown.push(parent.last());
}

function readTensorType(reader: MessageReader, fields: Fields): void {
  while (reader.next()) {
    if (reader.field === 1) fields.elemType = reader.int64();
    else if (reader.field === 2) fields.shape = readShape(reader.message("shape"));
    else reader.skip();
  }
}

function readShape(reader: MessageReader): Dim[] {
  const shape: Dim[] = [];
  while (reader.next()) {
    if (reader.field === 1) shape.push(readDim(reader.message(`dim[${shape.length}]`)));
    else reader.skip();
  }
  return shape;
}

function readDim(reader: MessageReader): Dim {
  let dim: Dim = null;
  while (reader.next()) {
    if (reader.field === 1) dim = reader.int64();
    else if (reader.field === 2) dim = reader.string();
    else reader.skip();
  }
  // Some exporters write -1 or an empty name for "any size".
  if (dim === "" || dim === -1) return null;
  if (typeof dim === "number" && (dim < 0 || !Number.isSafeInteger(dim))) {
    return reader.fail(`dimension ${dim}`, "0 or more");
  }
  return dim;
}
