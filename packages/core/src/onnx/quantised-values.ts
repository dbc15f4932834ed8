import { intAttribute } from "./attributes.js";
import { lazyFloats, widened } from "./half.js";
import { DataType, type Node, type TensorProto } from "./model.js";
import { floatsOf } from "./tensors.js";

type Reader = (buffer: ArrayBuffer) => ArrayLike<number>;

/** The memory layout of quantised integers. */
const READERS: ReadonlyMap<number, Reader> = new Map<number, Reader>([
  [DataType.UINT8, (buffer) => new Uint8Array(buffer)],
  [DataType.INT8, (buffer) => new Int8Array(buffer)],
  [DataType.UINT16, (buffer) => new Uint16Array(buffer)],
  [DataType.INT16, (buffer) => new Int16Array(buffer)],
  [DataType.INT32, (buffer) => new Int32Array(buffer)],
]);

/**
 * The result of a DequantizeLinear of constants, (q − zero point) · scale, as a float32 constant with the name of its output: a weight or bias.
 * Undefined when an input is not constant, is quantised in blocks, or has an unsupported type. Such a node stays unchanged.
 */
export function dequantised(node: Node, constant: (value: string) => TensorProto | undefined): TensorProto | undefined {
  const [q, scale] = [constant(node.inputs[0] ?? ""), constant(node.inputs[1] ?? "")];
  const zeroName = node.inputs[2] ?? "";
  const zero = zeroName === "" ? undefined : constant(zeroName);
  const read = q && READERS.get(q.dataType);
  if (!q || !scale || !read || (zeroName !== "" && zero?.dataType !== q.dataType)) return undefined;
  const scales = widened(scale);
  if (scales.dataType !== DataType.FLOAT || intAttribute(node, "block_size", 0) !== 0) return undefined;
  const axis = intAttribute(node, "axis", 1);
  const front = axis < 0 ? axis + q.dims.length : axis;
  const perAxis = scale.dims.length > 0;
  if (perAxis && (scale.dims.length > 1 || q.dims[front] !== scale.dims[0])) return undefined;
  const inner = perAxis ? q.dims.slice(front + 1).reduce((size, dim) => size * dim, 1) : 1;
  const count = perAxis ? scale.dims[0]! : 1;
  return lazyFloats(node.outputs[0]!, q.dims, () => {
    const values = read(new Uint8Array(q.bytes).buffer);
    const zeros = zero === undefined ? undefined : read(new Uint8Array(zero.bytes).buffer);
    const factors = floatsOf(scales);
    return Float32Array.from(values, (value, i) => {
      const channel = Math.floor(i / inner) % count;
      return (value - (zeros?.[channel] ?? 0)) * factors[channel]!;
    });
  });
}
