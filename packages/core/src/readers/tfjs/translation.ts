import { WhyboxError } from "../../errors.js";
import type { GraphBuilder, Value } from "../../onnx/builder.js";
import { DataType } from "../../onnx/model.js";
import { intTensor } from "../../onnx/tensors.js";
import type { TfNode } from "./topology.js";
import type { TfConstant } from "./weights.js";

/** A size, or null when it is unknown. */
export type TfDim = number | null;

/** TF's int32 and int64 become int64 in the ONNX graph, the type of ONNX's indices and shapes. */
export type TfDtype = TfConstant["dtype"];

/**
 * A TF value in the ONNX graph. `dims` are TF's: `[N, H, W, C]` for an image. `layout` is the layout of the ONNX value:
 * "nchw" has the axes of `dims` in the order [0, 3, 1, 2], "same" has them in the same order.
 */
export interface TfTensor {
  readonly kind: "tensor";
  readonly value: Value;
  readonly dims: readonly TfDim[];
  readonly layout: "nchw" | "same";
  /** Absent: float32. */
  readonly dtype?: TfDtype;
  /** A pending Pad: a convolution or pooling merges it into its own pads. */
  readonly pending?: PendingPad;
}

export interface PendingPad {
  /** [top, left, bottom, right] on the last two axes of the ONNX value. */
  readonly pads: readonly number[];
  /** 0 for convolutions. The lowest number for MaxPool, so that padding never is the maximum. */
  readonly fill: number;
}

export type TfValue = TfTensor | (TfConstant & { readonly kind: "constant" });

/** The element type in ONNX. */
export function onnxType(dtype: TfDtype = "float32"): number {
  return { float32: DataType.FLOAT, int32: DataType.INT64, bool: DataType.BOOL }[dtype];
}

/** The context of an op's translation: the node, its translated inputs, and the graph under construction. */
export class Translation {
  readonly node: TfNode;
  readonly builder: GraphBuilder;
  readonly #inputs: readonly TfValue[];

  constructor(node: TfNode, builder: GraphBuilder, inputs: readonly TfValue[]) {
    this.node = node;
    this.builder = builder;
    this.#inputs = inputs;
  }

  get inputCount(): number {
    return this.#inputs.length;
  }

  input(index: number): TfValue {
    const input = this.#inputs[index];
    if (input === undefined) throw this.unsupported(`it has ${this.#inputs.length} inputs, expected ${index + 1}`);
    return input;
  }

  /** Input `index` as a value of the graph. Pending pads are still pending. */
  rawTensor(index: number): TfTensor {
    const input = this.input(index);
    return input.kind === "tensor" ? input : this.#written(input);
  }

  /** Input `index`, with pending pads written as a node. */
  tensor(index: number): TfTensor {
    return this.settled(this.rawTensor(index));
  }

  /** Input `index` as an image `[N, H, W, C]` in NCHW layout. */
  image(index: number): TfTensor {
    return this.asNchw(this.tensor(index));
  }

  constant(index: number): TfConstant {
    const input = this.input(index);
    if (input.kind !== "constant") throw this.unsupported(`input ${index} is computed, expected a constant`);
    return input;
  }

  /** The numbers of an integer constant. */
  integers(index: number): number[] {
    const constant = this.constant(index);
    if (constant.dtype === "float32" || constant.data.length > 64) {
      throw this.unsupported(`input ${index} is no short list of integers`);
    }
    return [...constant.data];
  }

  /** The single number of an integer constant, as an axis of a value with `rank` axes. Negative numbers count from the end. */
  axis(index: number, rank: number): number {
    return this.asAxis(this.integers(index)[0] ?? Number.NaN, rank);
  }

  asAxis(axis: number, rank: number): number {
    const positive = axis < 0 ? axis + rank : axis;
    if (!(positive >= 0 && positive < rank)) throw this.unsupported(`axis ${axis} is outside of rank ${rank}`);
    return positive;
  }

  /** Writes a pending pad as a Pad node. */
  settled(tensor: TfTensor): TfTensor {
    if (tensor.pending === undefined) return tensor;
    const [top, left, bottom, right] = tensor.pending.pads as [number, number, number, number];
    const pads = this.builder.ints([0, 0, top, left, 0, 0, bottom, right]);
    const fill = this.builder.float(tensor.pending.fill);
    const value = this.builder.op("Pad", [tensor.value, pads, fill], { mode: "constant" });
    return this.made(value, tensor.dims, tensor.layout);
  }

  asNchw(tensor: TfTensor): TfTensor {
    if (tensor.layout === "nchw") return tensor;
    if (tensor.dims.length !== 4) throw this.unsupported(`an input has rank ${tensor.dims.length}, expected 4`);
    const value = this.builder.op("Transpose", [tensor.value], { perm: [0, 3, 1, 2] });
    return this.made(value, tensor.dims, "nchw", tensor.dtype);
  }

  /** The value with TF's axes. */
  asSame(tensor: TfTensor): TfTensor {
    if (tensor.layout === "same") return tensor;
    const value = this.builder.op("Transpose", [tensor.value], { perm: [0, 2, 3, 1] });
    return this.made(value, tensor.dims, "same", tensor.dtype);
  }

  made(value: Value, dims: readonly TfDim[], layout: TfTensor["layout"], dtype: TfDtype = "float32"): TfTensor {
    return { kind: "tensor", value, dims, layout, ...(dtype === "float32" ? {} : { dtype }) };
  }

  /** A constant as an initializer, with its axes unchanged. */
  literal(dims: readonly number[], { dtype, data }: Pick<TfConstant, "dtype" | "data">): Value {
    const { builder } = this;
    if (dtype === "float32") {
      return dims.length === 0 ? builder.float(data[0]!) : builder.floats(dims, Float32Array.from(data));
    }
    const name = builder.fresh("const");
    builder.initializers.set(
      name,
      dtype === "int32"
        ? intTensor(name, [...data], dims)
        : { name, dims, dataType: DataType.BOOL, bytes: Uint8Array.from(data) },
    );
    return name;
  }

  unsupported(what: string): WhyboxError {
    return new WhyboxError(
      "unsupported-model",
      `TF.js model: node "${this.node.name}" (${this.node.op}): ${what}. Whybox cannot translate this node; ` +
        "export the model to ONNX with its own tools instead.",
      { details: { node: this.node.name, op: this.node.op } },
    );
  }

  #written(constant: TfConstant): TfTensor {
    return this.made(this.literal(constant.dims, constant), constant.dims, "same", constant.dtype);
  }
}

/** The axis of the ONNX value that corresponds to TF's axis `axis`. */
export function onnxAxis(axis: number, layout: TfTensor["layout"]): number {
  return layout === "same" ? axis : [0, 2, 3, 1][axis]!;
}

/** Translates one node. Returns its value, or a list if the op has several outputs. */
export type Translate = (cx: Translation) => TfValue | readonly TfValue[];
