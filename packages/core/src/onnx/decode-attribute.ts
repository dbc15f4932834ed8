import { decodeTensor } from "./decode-tensor.js";
import type { Attribute, Graph, TensorProto, UnknownField } from "./model.js";
import type { MessageReader } from "./wire.js";

/** The types of attributes that are decoded, by their AttributeProto.AttributeType number less 1. Other types stay opaque. */
const kinds = ["float", "int", "string", "tensor", "graph", "floats", "ints", "strings"] as const;

type Kind = (typeof kinds)[number];

export function attributeTypeNumber(kind: Kind): number {
  return kinds.indexOf(kind) + 1;
}

/** The fields of an AttributeProto. Values of the kinds that were not found are undefined, or empty lists. */
interface Fields {
  name: string;
  type: number;
  float?: number;
  int?: number;
  string?: Uint8Array;
  tensor?: TensorProto;
  graph?: Graph;
  readonly floats: number[];
  readonly ints: number[];
  readonly strings: Uint8Array[];
  /** A value of a kind that is not decoded, or a reference to a function's attribute. */
  foreign: boolean;
  readonly unknown: UnknownField[];
}

/**
 * Decodes an AttributeProto to its name and value. If the type is missing (old files), the field that is set determines it.
 * @throws bad-input when it has no name, or no value where the type needs one.
 */
export function decodeAttribute(
  reader: MessageReader,
  readGraph: (reader: MessageReader) => Graph,
): readonly [string, Attribute] {
  const start = reader.position;
  const fields: Fields = { name: "", type: 0, floats: [], ints: [], strings: [], foreign: false, unknown: [] };
  while (reader.next()) readField(reader, fields, readGraph);
  if (fields.name === "") reader.fail("an attribute without a name", "a name");
  if (fields.foreign || fields.type > kinds.length) {
    return [fields.name, { type: "opaque", value: reader.bytes.subarray(start, reader.end) }];
  }
  const attribute = toAttribute(reader, fields);
  return [fields.name, fields.unknown.length > 0 ? { ...attribute, unknown: fields.unknown } : attribute];
}

/** Fields whose values are kept as bytes: tensors, graphs, tp, ref_attr_name, sparse_tensor(s), type_protos. */
const FOREIGN: ReadonlySet<number> = new Set([10, 11, 14, 15, 21, 22, 23]);

function readField(reader: MessageReader, fields: Fields, readGraph: (reader: MessageReader) => Graph): void {
  if (reader.field === 1) fields.name = reader.string();
  else if (reader.field === 2) fields.float = reader.float32();
  else if (reader.field === 3) fields.int = reader.int64();
  else if (reader.field === 4) fields.string = reader.blob();
  else if (reader.field === 5) fields.tensor = decodeTensor(reader.message("t"));
  else if (reader.field === 6) fields.graph = readGraph(reader.message("g"));
  else if (reader.field === 7) reader.float32s(fields.floats);
  else if (reader.field === 8) reader.int64s(fields.ints);
  else if (reader.field === 9) fields.strings.push(reader.blob());
  else if (reader.field === 20) fields.type = reader.int64();
  else if (FOREIGN.has(reader.field)) {
    fields.foreign = true;
    reader.skip();
  } else fields.unknown.push(reader.skip());
}

function toAttribute(reader: MessageReader, fields: Fields): Attribute {
  const type = fields.type === 0 ? guessType(fields) : kinds[fields.type - 1];
  if (type === undefined)
    return reader.fail(`attribute "${fields.name}" of type ${fields.type}`, "a type from 1 to 14");
  const value = fields[type] ?? defaults[type];
  if (value === undefined) return reader.fail(`attribute "${fields.name}" without value`, `a ${type}`);
  return { type, value } as Attribute;
}

/** The values that a file may leave out. */
const defaults: { readonly [K in Kind]?: Fields[K] } = { float: 0, int: 0, string: new Uint8Array(0) };

/** The type that the values imply. An attribute without values is an empty list of ints. */
function guessType(fields: Fields): Kind {
  const isSet = (kind: Kind) => {
    const value = fields[kind];
    return Array.isArray(value) ? value.length > 0 : value !== undefined;
  };
  return kinds.filter((kind) => kind !== "ints").find(isSet) ?? "ints";
}
