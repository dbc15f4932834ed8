import { AttributeTypeNumber } from "./decode-attribute.js";
import {
  type Attribute,
  DataType,
  type Graph,
  type Model,
  type Node,
  type TensorProto,
  type ValueInfo,
} from "./model.js";
import { ByteSink, type Sink, SizeSink } from "./sink.js";
import { byteLengthOf } from "./tensors.js";

/**
 * Encodes a model as the bytes of an ONNX file. Allocates once, with the final size, and copies tensor bytes once. Unknown fields are
 * written at the end of their message.
 * @throws limit when the file would be larger than 2 GiB.
 */
export function encodeModel(model: Model): Uint8Array {
  const sizes = new SizeSink();
  writeModel(sizes, model);
  const sink = new ByteSink(sizes.layout);
  writeModel(sink, model);
  return sink.bytes;
}

function writeModel(sink: Sink, model: Model): void {
  sink.varint(1, model.irVersion);
  if (model.producerName !== "") sink.string(2, model.producerName);
  if (model.producerVersion !== "") sink.string(3, model.producerVersion);
  sink.message(7, () => writeGraph(sink, model.graph));
  for (const [domain, version] of model.opsets) {
    sink.message(8, () => {
      if (domain !== "") sink.string(1, domain);
      sink.varint(2, version);
    });
  }
  for (const [key, value] of model.metadata) sink.message(14, () => writeEntry(sink, key, value));
  writeUnknown(sink, model.unknown);
}

function writeEntry(sink: Sink, key: string, value: string): void {
  sink.string(1, key);
  sink.string(2, value);
}

function writeGraph(sink: Sink, graph: Graph): void {
  for (const node of graph.nodes) sink.message(1, () => writeNode(sink, node));
  sink.string(2, graph.name);
  for (const [name, tensor] of graph.initializers) sink.message(5, () => writeTensor(sink, tensor, name));
  for (const input of graph.inputs) sink.message(11, () => writeValueInfo(sink, input));
  for (const output of graph.outputs) sink.message(12, () => writeValueInfo(sink, output));
  for (const value of graph.valueInfo) sink.message(13, () => writeValueInfo(sink, value));
  writeUnknown(sink, graph.unknown);
}

function writeNode(sink: Sink, node: Node): void {
  for (const input of node.inputs) sink.string(1, input);
  for (const output of node.outputs) sink.string(2, output);
  if (node.name !== "") sink.string(3, node.name);
  sink.string(4, node.opType);
  for (const [name, value] of node.attributes) sink.message(5, () => writeAttribute(sink, name, value));
  if (node.domain !== "") sink.string(7, node.domain);
  writeUnknown(sink, node.unknown);
}

function writeAttribute(sink: Sink, name: string, attribute: Attribute): void {
  if (attribute.type === "opaque") {
    sink.raw(attribute.value);
    return;
  }
  sink.string(1, name);
  writeAttributeValue(sink, attribute);
  sink.varint(20, AttributeTypeNumber[attribute.type]);
  writeUnknown(sink, attribute.unknown);
}

function writeAttributeValue(sink: Sink, attribute: Exclude<Attribute, { type: "opaque" }>): void {
  switch (attribute.type) {
    case "float":
      sink.float(2, attribute.value);
      return;
    case "int":
      sink.varint(3, attribute.value);
      return;
    case "string":
      sink.blob(4, attribute.value);
      return;
    case "tensor":
      sink.message(5, () => writeTensor(sink, attribute.value, attribute.value.name));
      return;
    case "graph":
      sink.message(6, () => writeGraph(sink, attribute.value));
      return;
    case "floats":
      sink.packedFloats(7, attribute.value);
      return;
    case "ints":
      sink.packedInts(8, attribute.value);
      return;
    case "strings":
      for (const value of attribute.value) sink.blob(9, value);
  }
}

/** @param name the key of the tensor in the graph. It takes precedence over the tensor's own name. */
function writeTensor(sink: Sink, tensor: TensorProto, name: string): void {
  if (tensor.dims.length > 0) sink.packedInts(1, tensor.dims);
  sink.varint(2, tensor.dataType);
  if (name !== "") sink.string(8, name);
  if (tensor.external !== undefined) {
    for (const [key, value] of tensor.external) sink.message(13, () => writeEntry(sink, key, value));
    sink.varint(14, 1);
  } else if (tensor.dataType === DataType.STRING) {
    for (const value of tensor.strings ?? []) sink.blob(6, value);
  } else sink.computedBlob(9, byteLengthOf(tensor), () => tensor.bytes);
  writeUnknown(sink, tensor.unknown);
}

function writeValueInfo(sink: Sink, value: ValueInfo): void {
  sink.string(1, value.name);
  if (value.elemType !== 0 || value.shape !== undefined) {
    sink.message(2, () => sink.message(1, () => writeTensorType(sink, value)));
  }
  writeUnknown(sink, value.unknown);
}

function writeTensorType(sink: Sink, value: ValueInfo): void {
  sink.varint(1, value.elemType);
  const { shape } = value;
  if (shape === undefined) return;
  sink.message(2, () => {
    for (const dim of shape) {
      sink.message(1, () => {
        if (typeof dim === "number") sink.varint(1, dim);
        else if (dim !== null) sink.string(2, dim);
      });
    }
  });
}

function writeUnknown(sink: Sink, unknown: readonly Uint8Array[] | undefined): void {
  for (const field of unknown ?? []) sink.raw(field);
}
