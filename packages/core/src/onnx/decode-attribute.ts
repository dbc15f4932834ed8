import { decodeTensor } from "./decode-tensor.js";
import type { Attribute, Graph, TensorProto, UnknownField } from "./model.js";
import type { MessageReader } from "./wire.js";

/** AttributeProto.AttributeType numbers of the types that are decoded. Other types stay opaque. */
export const AttributeTypeNumber = {
  float: 1,
  int: 2,
  string: 3,
  tensor: 4,
  graph: 5,
  floats: 6,
  ints: 7,
  strings: 8,
} as const;

interface Fields {
  name: string;
  type: number;
  f: number | undefined;
  i: number | undefined;
  s: Uint8Array | undefined;
  t: TensorProto | undefined;
  g: Graph | undefined;
  floats: number[];
  ints: number[];
  strings: Uint8Array[];
  /** A value of a kind that is not decoded, or a reference to a function's attribute. */
  foreign: boolean;
  unknown: UnknownField[];
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
  const fields = readFields(reader, readGraph);
  if (fields.name === "") reader.fail("an attribute without a name", "a name");
  if (fields.foreign || fields.type > AttributeTypeNumber.strings) {
    return [fields.name, { type: "opaque", value: reader.bytes.subarray(start, reader.end) }];
  }
  const attribute = toAttribute(reader, fields);
  return [fields.name, fields.unknown.length > 0 ? { ...attribute, unknown: fields.unknown } : attribute];
}

function readFields(reader: MessageReader, readGraph: (reader: MessageReader) => Graph): Fields {
  const fields: Fields = {
    name: "",
    type: 0,
    f: undefined,
    i: undefined,
    s: undefined,
    t: undefined,
    g: undefined,
    floats: [],
    ints: [],
    strings: [],
    foreign: false,
    unknown: [],
  };
  while (reader.next()) readField(reader, fields, readGraph);
  return fields;
}

/** Fields whose values are kept as bytes: tensors, graphs, tp, ref_attr_name, sparse_tensor(s), type_protos. */
const FOREIGN: ReadonlySet<number> = new Set([10, 11, 14, 15, 21, 22, 23]);

function readField(reader: MessageReader, fields: Fields, readGraph: (reader: MessageReader) => Graph): void {
  if (reader.field === 1) fields.name = reader.string();
  else if (reader.field === 2) fields.f = reader.float32();
  else if (reader.field === 3) fields.i = reader.int64();
  else if (reader.field === 4) fields.s = reader.blob();
  else if (reader.field === 5) fields.t = decodeTensor(reader.message("t"));
  else if (reader.field === 6) fields.g = readGraph(reader.message("g"));
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
  switch (fields.type === 0 ? guessType(fields) : fields.type) {
    case AttributeTypeNumber.float:
      return { type: "float", value: fields.f ?? 0 };
    case AttributeTypeNumber.int:
      return { type: "int", value: fields.i ?? 0 };
    case AttributeTypeNumber.string:
      return { type: "string", value: fields.s ?? new Uint8Array(0) };
    case AttributeTypeNumber.tensor:
      return { type: "tensor", value: fields.t ?? reader.fail(`attribute "${fields.name}" without value`, "a tensor") };
    case AttributeTypeNumber.graph:
      return { type: "graph", value: fields.g ?? reader.fail(`attribute "${fields.name}" without value`, "a graph") };
    case AttributeTypeNumber.floats:
      return { type: "floats", value: fields.floats };
    case AttributeTypeNumber.ints:
      return { type: "ints", value: fields.ints };
    case AttributeTypeNumber.strings:
      return { type: "strings", value: fields.strings };
    default:
      return reader.fail(`attribute "${fields.name}" of type ${fields.type}`, "a type from 1 to 14");
  }
}

/** The type that the values imply. An attribute without values is an empty list of ints. */
function guessType(fields: Fields): number {
  if (fields.f !== undefined) return AttributeTypeNumber.float;
  if (fields.i !== undefined) return AttributeTypeNumber.int;
  if (fields.s !== undefined) return AttributeTypeNumber.string;
  if (fields.t !== undefined) return AttributeTypeNumber.tensor;
  if (fields.g !== undefined) return AttributeTypeNumber.graph;
  if (fields.floats.length > 0) return AttributeTypeNumber.floats;
  if (fields.strings.length > 0) return AttributeTypeNumber.strings;
  return AttributeTypeNumber.ints;
}
