// Changes of the fields of an ONNX file: the file stays a valid protobuf message, so that the change gets past the decoder.

import { TEXTS } from "../chance.mjs";
import { concat, mutateBytes } from "./bytes.mjs";
import { ONNX_OPS } from "./onnx-ops.mjs";

/** Message → number of a field → the message in it. */
const MESSAGES = {
  model: { 7: "graph", 8: "opset", 14: "pair" },
  graph: { 1: "node", 5: "tensor", 11: "value", 12: "value", 13: "value" },
  node: { 5: "attribute" },
  attribute: { 5: "tensor", 6: "graph", 10: "tensor", 11: "graph" },
  value: { 2: "type" },
  type: { 1: "tensorType" },
  tensorType: { 2: "shape" },
  shape: { 1: "dim" },
  opset: {},
  pair: {},
  tensor: {},
  dim: {},
};
const [VARINT, FIXED64, LENGTH, FIXED32] = [0, 1, 2, 5];

/** An ONNX file with one change of its fields. */
export function mutateOnnx(chance, file) {
  try {
    return mutateMessage(chance, file, "model", new Names(file));
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return mutateBytes(chance, file); // an earlier change made it invalid
  }
}

function mutateMessage(chance, bytes, message, names) {
  const fields = fieldsOf(bytes);
  const inner = fields.filter(({ number, wire }) => wire === LENGTH && number in MESSAGES[message]);
  if (inner.length > 0 && chance.is(message === "model" ? 0.95 : message === "graph" ? 0.97 : 0.5)) {
    const field = chooseInner(chance, inner, message);
    const body = mutateMessage(chance, bodyOf(bytes, field), MESSAGES[message][field.number], names);
    return replace(bytes, field, lengthField(field.number, body));
  }
  return fields.length === 0 ? randomField(chance) : chance.pick(CHANGES)(chance, { bytes, fields, message, names });
}

/** Most changes are made in nodes. */
function chooseInner(chance, inner, message) {
  const nodes = message === "graph" ? inner.filter(({ number }) => number === 1) : [];
  return chance.pick(nodes.length > 0 && chance.is(0.75) ? nodes : inner);
}

const drop = (chance, { bytes, fields }) => replace(bytes, chance.pick(fields), new Uint8Array(0));

const duplicate = (chance, { bytes, fields }) => {
  const { start, end } = chance.pick(fields);
  return concat(bytes.subarray(0, end), bytes.subarray(start, end), bytes.subarray(end));
};

const swap = (chance, { bytes, fields }) => {
  const [a, b] = [chance.below(fields.length), chance.below(fields.length)].sort((x, y) => x - y);
  const order = [...fields];
  [order[a], order[b]] = [order[b], order[a]];
  return concat(...order.map(({ start, end }) => bytes.subarray(start, end)));
};

/** A field under the number of another one. */
const renumber = (chance, { bytes, fields }) => {
  const field = chance.pick(fields);
  const number = chance.is(0.5) ? chance.pick(fields).number : 1 + chance.below(24);
  return replace(bytes, field, concat(tag(number, field.wire), bytes.subarray(field.value, field.end)));
};

const add = (chance, { bytes }) => concat(bytes, randomField(chance));

/** A wrong length, which the bytes do not follow. */
const lie = (chance, { bytes, fields }) => {
  const field = chance.pick(fields);
  if (field.wire !== LENGTH) return setValue(chance, { bytes, fields: [field] });
  const length = varint(BigInt.asUintN(64, chance.extreme()));
  return replace(bytes, field, concat(tag(field.number, LENGTH), length, bodyOf(bytes, field)));
};

const setValue = (chance, { bytes, fields, message, names }) => {
  const field = chance.pick(fields);
  const { number, wire } = field;
  if (wire === VARINT) {
    const value = chance.is(0.4) ? BigInt(chance.below(24)) : BigInt.asUintN(64, chance.extreme());
    return replace(bytes, field, concat(tag(number, VARINT), varint(value)));
  }
  if (wire !== LENGTH) {
    const value = new DataView(new ArrayBuffer(8));
    const float = chance.pick([0, -0, 1, -1, 0.5, 1e-30, 1e30, Number.NaN, Number.POSITIVE_INFINITY]);
    if (wire === FIXED32) value.setFloat32(0, float, true);
    else value.setFloat64(0, float, true);
    return replace(bytes, field, concat(tag(number, wire), new Uint8Array(value.buffer, 0, wire === FIXED32 ? 4 : 8)));
  }
  const body = bodyOf(bytes, field);
  const texts = names?.for(message, number) ?? [];
  const other = texts.length > 0 && chance.is(0.6) ? chance.pick(texts) : chance.pick(TEXTS);
  const isShort = body.length < 65_536;
  const changed = isShort && chance.is(0.5) ? mutateBytes(chance, body) : new TextEncoder().encode(other);
  return replace(bytes, field, lengthField(number, changed));
};

const CHANGES = [drop, drop, drop, duplicate, swap, swap, renumber, add, lie, setValue, setValue, setValue, setValue];

function randomField(chance) {
  const number = 1 + chance.below(24);
  if (chance.is(0.5)) return concat(tag(number, VARINT), varint(BigInt.asUintN(64, chance.extreme())));
  return lengthField(number, chance.is(0.5) ? new Uint8Array(0) : chance.bytes(chance.below(16)));
}

/** The names in a file, as replacements for one another. */
class Names {
  #values = new Set([""]);
  #attributes = new Set();

  constructor(file) {
    const graph = fieldsOf(file).find(({ number, wire }) => number === 7 && wire === LENGTH);
    if (graph === undefined) return;
    const body = bodyOf(file, graph);
    for (const field of fieldsOf(body)) if (field.number === 1 && field.wire === LENGTH) this.#add(bodyOf(body, field));
  }

  #add(node) {
    for (const field of fieldsOf(node)) {
      if (field.wire !== LENGTH) continue;
      const body = bodyOf(node, field);
      if (field.number <= 2) this.#values.add(text(body));
      else if (field.number === 5) {
        const name = fieldsOf(body).find(({ number, wire }) => number === 1 && wire === LENGTH);
        if (name !== undefined) this.#attributes.add(text(bodyOf(body, name)));
      }
    }
  }

  for(message, number) {
    if (message === "node") return number === 4 ? ONNX_OPS : [...this.#values];
    if (message === "attribute" && number === 1) return [...this.#attributes];
    return message === "tensor" || message === "value" ? [...this.#values] : [];
  }
}

const text = (bytes) => new TextDecoder().decode(bytes);

/** The fields of a message. @throws RangeError if it is not valid. */
function fieldsOf(bytes) {
  const fields = [];
  let at = 0;
  const number = () => {
    let value = 0;
    for (let factor = 1; ; factor *= 128) {
      if (at >= bytes.length || factor > 2 ** 63) throw new RangeError("not a protobuf message");
      const byte = bytes[at++];
      value += (byte & 127) * factor;
      if (byte < 128) return value;
    }
  };
  while (at < bytes.length) {
    const start = at;
    const key = number();
    const field = { number: Math.floor(key / 8), wire: key % 8, start, value: at };
    if (field.wire === VARINT) number();
    else if (field.wire === FIXED64) at += 8;
    else if (field.wire === FIXED32) at += 4;
    else if (field.wire === LENGTH) {
      const length = number();
      field.body = at;
      at += length;
    } else throw new RangeError("not a protobuf message");
    if (at > bytes.length) throw new RangeError("not a protobuf message");
    fields.push({ ...field, end: at });
  }
  return fields;
}

const bodyOf = (bytes, { body, end }) => bytes.subarray(body, end);
const replace = (bytes, { start, end }, by) => concat(bytes.subarray(0, start), by, bytes.subarray(end));
const tag = (number, wire) => varint(BigInt(number) * 8n + BigInt(wire));
const lengthField = (number, body) => concat(tag(number, LENGTH), varint(BigInt(body.length)), body);

function varint(value) {
  const bytes = [];
  for (let rest = value; ; rest >>= 7n) {
    if (rest < 128n) return Uint8Array.of(...bytes, Number(rest));
    bytes.push(Number(rest & 127n) | 128);
  }
}
