import { WhyboxError } from "../../errors.js";
import type { GraphBuilder, Value } from "../../onnx/builder.js";
import type { TfNode } from "./topology.js";
import type { TfConstant } from "./weights.js";

/** A size, or null when the file leaves it open. */
export type TfDim = number | null;

/**
 * A TF value in the ONNX graph. `dims` are TF's, so `[N, H, W, C]` for an image. `layout` says how the ONNX value lies:
 * "nchw" has the axes of `dims` in the order [0, 3, 1, 2], "same" has them as they are.
 */
export interface TfTensor {
  readonly kind: "tensor";
  readonly value: Value;
  readonly dims: readonly TfDim[];
  readonly layout: "nchw" | "same";
  /** A zero Pad that is not written yet: a convolution takes it into its own pads. [top, left, bottom, right]. */
  readonly pendingPads?: readonly number[];
}

export type TfValue = TfTensor | (TfConstant & { readonly kind: "constant" });

/** What an op's translation works with: the node, its translated inputs, and the graph under construction. */
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

  /** Input `index`, which must be computed by the graph. Pending pads are still pending. */
  rawTensor(index: number): TfTensor {
    const input = this.input(index);
    if (input.kind !== "tensor") throw this.unsupported(`input ${index} is a constant, expected a computed value`);
    return input;
  }

  /** Input `index` with its pads written. */
  tensor(index: number): TfTensor {
    return this.settled(this.rawTensor(index));
  }

  /** Input `index` as an image `[N, H, W, C]` that lies as NCHW. */
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

  /** Writes pending pads as a Pad node. */
  settled(tensor: TfTensor): TfTensor {
    if (tensor.pendingPads === undefined) return tensor;
    const [top, left, bottom, right] = tensor.pendingPads as [number, number, number, number];
    const pads = this.builder.ints([0, 0, top, left, 0, 0, bottom, right]);
    return this.made(
      this.builder.op("Pad", [tensor.value, pads, this.builder.float(0)], { mode: "constant" }),
      tensor.dims,
      "nchw",
    );
  }

  asNchw(tensor: TfTensor): TfTensor {
    if (tensor.layout === "nchw") return tensor;
    if (tensor.dims.length !== 4) throw this.unsupported(`an input has rank ${tensor.dims.length}, expected 4`);
    return this.made(this.builder.op("Transpose", [tensor.value], { perm: [0, 3, 1, 2] }), tensor.dims, "nchw");
  }

  /** The value as TF sees it, axis by axis. */
  asSame(tensor: TfTensor): TfTensor {
    if (tensor.layout === "same") return tensor;
    return this.made(this.builder.op("Transpose", [tensor.value], { perm: [0, 2, 3, 1] }), tensor.dims, "same");
  }

  made(value: Value, dims: readonly TfDim[], layout: TfTensor["layout"]): TfTensor {
    return { kind: "tensor", value, dims, layout };
  }

  unsupported(what: string): WhyboxError {
    return new WhyboxError(
      "unsupported-model",
      `TF.js model: node "${this.node.name}" (${this.node.op}): ${what}. Whybox cannot translate this node; ` +
        "export the model to ONNX with its own tools instead.",
      { details: { node: this.node.name, op: this.node.op } },
    );
  }
}

/** Translates one node. */
export type Translate = (cx: Translation) => TfValue;
