import type { Attribute, Node, TensorProto } from "../model.js";
import { DataType } from "../model.js";
import { floatTensor, intTensor } from "../tensors.js";

/** The tensor of a Constant node, with the name of its output. Undefined for sparse values: these stay a node. */
export function constantTensor(node: Node): TensorProto | undefined {
  const name = node.outputs[0] ?? "";
  if (name === "") return undefined;
  for (const [key, attribute] of node.attributes) {
    if (!key.startsWith("value")) continue;
    const tensor = fromAttribute(name, attribute);
    if (tensor !== undefined) return tensor;
  }
  return undefined;
}

/** The six attributes that can hold the value: value, value_float(s), value_int(s), value_string(s). */
function fromAttribute(name: string, attribute: Attribute): TensorProto | undefined {
  switch (attribute.type) {
    case "tensor":
      return { ...attribute.value, name };
    case "float":
      return floatTensor(name, [], [attribute.value]);
    case "floats":
      return floatTensor(name, [attribute.value.length], attribute.value);
    case "int":
      return intTensor(name, [attribute.value], []);
    case "ints":
      return intTensor(name, attribute.value);
    case "string":
      return stringTensor(name, [], [attribute.value]);
    case "strings":
      return stringTensor(name, [attribute.value.length], attribute.value);
    default:
      return undefined;
  }
}

function stringTensor(name: string, dims: readonly number[], strings: readonly Uint8Array[]): TensorProto {
  return { name, dims, dataType: DataType.STRING, bytes: new Uint8Array(0), strings };
}
