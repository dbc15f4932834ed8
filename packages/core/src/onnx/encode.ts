import { attributeTypeNumber } from "./decode-attribute.js";
import {
  type Attribute,
  DataType,
  type Graph,
  type Model,
  type Node,
  type TensorProto,
  type ValueInfo,
} from "./model.js";
import { byteLengthOf } from "./tensors.js";
import { MessageWriter } from "./writer.js";

/**
 * Encodes a model as the bytes of an ONNX file. Allocates once, with the final size, and copies tensor bytes once. Unknown fields are
 * written at the end of their message.
 * @throws limit when the file would be larger than 2 GiB.
 */
export function encodeModel(model: Model): Uint8Array {
  const writer = new MessageWriter();
  writeModel(writer, model);
  return writer.bytes();
}

function writeModel(writer: MessageWriter, model: Model): void {
  writer.varint(1, model.irVersion);
  if (model.producerName !== "") writer.string(2, model.producerName);
  if (model.producerVersion !== "") writer.string(3, model.producerVersion);
  writer.message(7, (inner) => writeGraph(inner, model.graph));
  for (const [domain, version] of model.opsets) {
    writer.message(8, (inner) => {
      if (domain !== "") inner.string(1, domain);
      inner.varint(2, version);
    });
  }
  for (const [key, value] of model.metadata) writer.message(14, (inner) => writeEntry(inner, key, value));
  writeUnknown(writer, model.unknown);
}

function writeEntry(writer: MessageWriter, key: string, value: string): void {
  writer.string(1, key);
  writer.string(2, value);
}

function writeGraph(writer: MessageWriter, graph: Graph): void {
  for (const node of graph.nodes) writer.message(1, (inner) => writeNode(inner, node));
  writer.string(2, graph.name);
  for (const [name, tensor] of graph.initializers) writer.message(5, (inner) => writeTensor(inner, tensor, name));
  for (const input of graph.inputs) writer.message(11, (inner) => writeValueInfo(inner, input));
  for (const output of graph.outputs) writer.message(12, (inner) => writeValueInfo(inner, output));
  for (const value of graph.valueInfo) writer.message(13, (inner) => writeValueInfo(inner, value));
  writeUnknown(writer, graph.unknown);
}

function writeNode(writer: MessageWriter, node: Node): void {
  for (const input of node.inputs) writer.string(1, input);
  for (const output of node.outputs) writer.string(2, output);
  if (node.name !== "") writer.string(3, node.name);
  writer.string(4, node.opType);
  for (const [name, value] of node.attributes) writer.message(5, (inner) => writeAttribute(inner, name, value));
  if (node.domain !== "") writer.string(7, node.domain);
  writeUnknown(writer, node.unknown);
}

function writeAttribute(writer: MessageWriter, name: string, attribute: Attribute): void {
  if (attribute.type === "opaque") {
    writer.raw(attribute.value);
    return;
  }
  writer.string(1, name);
  writeAttributeValue(writer, attribute);
  writer.varint(20, attributeTypeNumber(attribute.type));
  writeUnknown(writer, attribute.unknown);
}

function writeAttributeValue(writer: MessageWriter, attribute: Exclude<Attribute, { type: "opaque" }>): void {
  const { type, value } = attribute;
  if (type === "float") writer.float(2, value);
  else if (type === "int") writer.varint(3, value);
  else if (type === "string") writer.blob(4, value);
  else if (type === "tensor") writer.message(5, (inner) => writeTensor(inner, value, value.name));
  else if (type === "graph") writer.message(6, (inner) => writeGraph(inner, value));
  else if (type === "floats") writer.packedFloats(7, value);
  else if (type === "ints") writer.packedInts(8, value);
  else for (const text of value) writer.blob(9, text);
}

/** @param name the key of the tensor in the graph. It takes precedence over the tensor's own name. */
function writeTensor(writer: MessageWriter, tensor: TensorProto, name: string): void {
  if (tensor.dims.length > 0) writer.packedInts(1, tensor.dims);
  writer.varint(2, tensor.dataType);
  if (name !== "") writer.string(8, name);
  if (tensor.external !== undefined) {
    for (const [key, value] of tensor.external) writer.message(13, (inner) => writeEntry(inner, key, value));
    writer.varint(14, 1);
  } else if (tensor.dataType === DataType.STRING) {
    for (const value of tensor.strings ?? []) writer.blob(6, value);
  } else writer.computedBlob(9, byteLengthOf(tensor), () => tensor.bytes);
  writeUnknown(writer, tensor.unknown);
}

function writeValueInfo(writer: MessageWriter, value: ValueInfo): void {
  writer.string(1, value.name);
  if (value.elemType !== 0 || value.shape !== undefined) {
    writer.message(2, (type) => type.message(1, (inner) => writeTensorType(inner, value)));
  }
  writeUnknown(writer, value.unknown);
}

function writeTensorType(writer: MessageWriter, value: ValueInfo): void {
  writer.varint(1, value.elemType);
  const { shape } = value;
  if (shape === undefined) return;
  writer.message(2, (list) => {
    for (const dim of shape) {
      list.message(1, (inner) => {
        if (typeof dim === "number") inner.varint(1, dim);
        else if (dim !== null) inner.string(2, dim);
      });
    }
  });
}

function writeUnknown(writer: MessageWriter, unknown: readonly Uint8Array[] | undefined): void {
  for (const field of unknown ?? []) writer.raw(field);
}
