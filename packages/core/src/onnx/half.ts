import { WhyboxError } from "../errors.js";
import { halfToFloat } from "../tensor/half.js";
import { sizeOf } from "../tensor/tensor.js";
import { DataType, type TensorProto } from "./model.js";

/** Float types that gradients convert to float32. The runtime has Cast kernels for them in both directions. */
export const WIDENED: ReadonlySet<number> = new Set([DataType.FLOAT16, DataType.DOUBLE]);

/** The float types that a model may compute in. */
export const FLOATS: ReadonlySet<number> = new Set([DataType.FLOAT, ...WIDENED]);

/**
 * The tensor in float32. Types other than float16 and float64 stay unchanged. The bytes are converted once, on first use: most weights of a
 * model are never read here.
 */
export function widened(tensor: TensorProto): TensorProto {
  if (!WIDENED.has(tensor.dataType)) return tensor;
  return lazyFloats(tensor.name, tensor.dims, () => wideValues(tensor));
}

/** A float32 tensor whose values are computed on first use. */
export function lazyFloats(name: string, dims: readonly number[], compute: () => Float32Array): TensorProto {
  let made: Uint8Array | undefined;
  return {
    name,
    dims,
    dataType: DataType.FLOAT,
    get bytes() {
      made ??= new Uint8Array(compute().buffer);
      return made;
    },
  };
}

function wideValues({ name, dims, dataType, bytes }: TensorProto): Float32Array {
  const width = dataType === DataType.DOUBLE ? 8 : 2;
  if (bytes.byteLength !== sizeOf(dims) * width) {
    throw new WhyboxError(
      "bad-input",
      `Tensor "${name}": found ${bytes.byteLength} bytes for dims [${dims.join(", ")}], expected ${width} bytes a value.`,
      { details: { tensor: name } },
    );
  }
  const copy = new Uint8Array(bytes).buffer;
  return width === 8 ? Float32Array.from(new Float64Array(copy)) : halfToFloat(new Uint16Array(copy));
}
