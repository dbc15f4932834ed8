import { intAttribute, intsAttribute, tensorAttribute } from "../onnx/attributes.js";
import type { GraphIndex } from "../onnx/graph.js";
import { FLOATS, widened } from "../onnx/half.js";
import { DataType, type Node, type TensorProto } from "../onnx/model.js";
import { floatsOf, intsOf } from "../onnx/tensors.js";

/** The constant tensor of a value: an initializer or the output of a Constant node. Skips Identity nodes. */
export function constantTensor(index: GraphIndex, value: string): TensorProto | undefined {
  let name = value;
  for (let step = 0; step < 8; step++) {
    const initializer = index.graph.initializers.get(name);
    if (initializer !== undefined) return initializer;
    const node = index.producer(name);
    if (node?.opType === "Constant") return tensorAttribute(node, "value");
    if (node?.opType !== "Identity") return undefined;
    name = node.inputs[0] ?? "";
  }
  return undefined;
}

/** The integers of a constant value; undefined when it is not constant or has another type. */
export function constantInts(index: GraphIndex, value: string): readonly number[] | undefined {
  const tensor = constantTensor(index, value);
  if (tensor !== undefined) {
    return tensor.dataType === DataType.INT64 || tensor.dataType === DataType.INT32 ? intsOf(tensor) : undefined;
  }
  const node = index.producer(value);
  return node?.opType === "Constant" ? intsAttribute(node, "value_ints") : undefined;
}

/** The floats of a constant value, of any float type. Skips Casts between float types. Undefined when it is not constant or has another type. */
export function constantFloats(index: GraphIndex, value: string): Float32Array | undefined {
  let name = value;
  for (let step = 0; step < 8; step++) {
    const tensor = constantTensor(index, name);
    if (tensor !== undefined) return FLOATS.has(tensor.dataType) ? floatsOf(widened(tensor)) : undefined;
    const node = index.producer(name);
    if (node?.opType !== "Cast" || !FLOATS.has(intAttribute(node, "to", DataType.FLOAT))) return undefined;
    name = node.inputs[0] ?? "";
  }
  return undefined;
}

/**
 * The entries of a shape vector that are constant. Other entries are null. Returns undefined when the number of entries is unknown. Follows
 * Concat, Unsqueeze and Cast, which exporters use to build shapes.
 */
export function shapeVector(index: GraphIndex, value: string, depth = 4): readonly (number | null)[] | undefined {
  const known = constantInts(index, value);
  if (known !== undefined) return known;
  const node = index.producer(value);
  if (node === undefined || depth === 0) return undefined;
  switch (node.opType) {
    case "Cast":
    case "Identity":
      return shapeVector(index, node.inputs[0] ?? "", depth - 1);
    case "Unsqueeze":
      // A scalar converted to a vector has one entry, known or unknown.
      return shapeVector(index, node.inputs[0] ?? "", depth - 1) ?? [null];
    case "Concat":
      return concatenated(index, node, depth);
    default:
      return undefined;
  }
}

function concatenated(index: GraphIndex, node: Node, depth: number): readonly (number | null)[] | undefined {
  const parts: (number | null)[] = [];
  for (const input of node.inputs.slice(0, 16)) {
    const part = shapeVector(index, input, depth - 1);
    if (part === undefined) return undefined;
    parts.push(...part);
  }
  return parts;
}
