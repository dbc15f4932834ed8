import { attribute } from "../../src/onnx/attributes.js";
import { DataType, type Graph, type Node, type TensorProto } from "../../src/onnx/model.js";
import { floatsOf } from "../../src/onnx/tensors.js";

/** The graph as an export with --half writes it: weights, inputs and outputs in float16. The scales of Resize stay float32. */
export function toHalf(graph: Graph): Graph {
  const kept = new Set(graph.nodes.flatMap((node) => (node.opType === "Resize" ? node.inputs.slice(1) : [])));
  const half = <T extends { readonly elemType: number }>(value: T): T =>
    value.elemType === DataType.FLOAT ? { ...value, elemType: DataType.FLOAT16 } : value;
  return {
    ...graph,
    nodes: graph.nodes.map(castToHalf),
    initializers: new Map([...graph.initializers].map(([name, one]) => [name, kept.has(name) ? one : halfTensor(one)])),
    inputs: graph.inputs.map(half),
    outputs: graph.outputs.map(half),
  };
}

/** A tensor in float16; other types than float32 stay. */
export function halfTensor(tensor: TensorProto): TensorProto {
  if (tensor.dataType !== DataType.FLOAT) return tensor;
  const bits = Uint16Array.from(floatsOf(tensor), halfBits);
  return { ...tensor, dataType: DataType.FLOAT16, bytes: new Uint8Array(bits.buffer) };
}

function castToHalf(node: Node): Node {
  if (node.opType !== "Cast" || node.attributes.get("to")?.value !== DataType.FLOAT) return node;
  return { ...node, attributes: new Map([["to", attribute(DataType.FLOAT16)]]) };
}

/** binary16 of a number, its low bits cut off: too small ones become 0, too large ones infinity, NaN stays. */
function halfBits(value: number): number {
  const [bits] = new Uint32Array(Float32Array.of(value).buffer);
  const exponent = ((bits! >>> 23) & 255) - 127 + 15;
  const sign = (bits! >>> 16) & 0x8000;
  if (exponent >= 31) return sign | 0x7c00 | (Number.isNaN(value) ? 1 : 0);
  return exponent <= 0 ? sign : sign | (exponent << 10) | ((bits! >>> 13) & 0x3ff);
}
