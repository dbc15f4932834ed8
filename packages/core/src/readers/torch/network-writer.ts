import { WhyboxError } from "../../errors.js";
import { GraphBuilder } from "../../onnx/builder.js";
import { DataType, type Dim, type ValueInfo } from "../../onnx/model.js";
import { computedFloats } from "../../onnx/tensors.js";
import { sizeOf } from "../../tensor/tensor.js";

/** Maximum number of nodes and modules of a network. YOLO12x and YOLOv9e have about 1500 nodes. */
const MAX_NODES = 20_000;

/** A value `[N, channels, h, w]` in the graph under construction. */
export interface Feature {
  readonly value: string;
  readonly channels: number;
  /** The outputs of a module with several outputs. Only some modules accept them. */
  readonly parts?: readonly Feature[];
}

/** The graph under construction, with limits: a file of a few bytes can name one weight a million times. */
export class NetworkWriter {
  readonly builder = new GraphBuilder("whybox");
  /** Types of values whose shape does not follow from the nodes. */
  readonly valueInfo: ValueInfo[] = [];
  readonly #used = new Map<string, number>();
  #bytesLeft: number;
  #callsLeft = MAX_NODES;

  /** @param maxBytes maximum size of all weights together. */
  constructor(maxBytes: number) {
    this.#bytesLeft = maxBytes;
  }

  /** A unique name as the exporter writes it: `name` at its first use, `name_1` at the second, … */
  numbered(name: string): string {
    const uses = this.#used.get(name) ?? 0;
    this.#used.set(name, uses + 1);
    return uses === 0 ? name : `${name}_${uses}`;
  }

  /** @throws limit when the network has more nodes and modules than any detector. */
  countCall(): void {
    if (this.#callsLeft-- > 0) return;
    throw new WhyboxError("limit", `The PyTorch file has a network of more than ${MAX_NODES} modules and operations.`);
  }

  /** Declares the shape of a float32 value. Null means an unknown size. */
  declare(name: string, shape: readonly Dim[]): void {
    this.valueInfo.push({ name, elemType: DataType.FLOAT, shape });
  }

  /**
   * Adds a float32 constant that is computed on first use, so that the weights of a large network are not in memory twice.
   * @throws limit as in `floats`.
   */
  computedFloats(name: string, dims: readonly number[], make: () => Float32Array): string {
    if (this.builder.initializers.has(name)) return name;
    this.#count(dims);
    this.builder.initializers.set(name, computedFloats(name, dims, make));
    return name;
  }

  /** Adds a float32 constant. @throws limit when the weights are much larger than their file. */
  floats(name: string, dims: readonly number[], make: () => Float32Array): string {
    if (this.builder.initializers.has(name)) return name;
    this.#count(dims);
    return this.builder.floats(dims, make(), name);
  }

  #count(dims: readonly number[]): void {
    this.#bytesLeft -= 4 * sizeOf(dims);
    if (!(this.#bytesLeft >= 0)) {
      throw new WhyboxError(
        "limit",
        "The PyTorch file names the same weights so often that its network would be many times larger than the file.",
      );
    }
  }
}
