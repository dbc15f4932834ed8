import { WhyboxError } from "../../errors.js";
import { GraphBuilder } from "../../onnx/builder.js";
import { DataType, type Dim, type ValueInfo } from "../../onnx/model.js";
import { computedFloats } from "../../onnx/tensors.js";

/** Nodes and modules of a network; YOLO12x and YOLOv9e have about 1500 nodes. */
const MAX_NODES = 20_000;

/** A value `[N, channels, h, w]` in the graph that is written. */
export interface Feature {
  readonly value: string;
  readonly channels: number;
  /** The outputs of a module that has several, by which only some modules are fed. */
  readonly parts?: readonly Feature[];
}

/** The graph that is written, with what bounds it: a file of a few bytes can name one weight a million times. */
export class NetworkWriter {
  readonly builder = new GraphBuilder("whybox");
  /** What is known of values whose shape cannot be read off the nodes. */
  readonly valueInfo: ValueInfo[] = [];
  readonly #used = new Map<string, number>();
  #bytesLeft: number;
  #callsLeft = MAX_NODES;

  /** `maxBytes`: of all weights together. */
  constructor(maxBytes: number) {
    this.#bytesLeft = maxBytes;
  }

  /** `name` as the exporter writes it at its first use, `name_1` at the second, … */
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

  /** Says of which shape a float32 value is; null stands for a size that is not known. */
  declare(name: string, shape: readonly Dim[]): void {
    this.valueInfo.push({ name, elemType: DataType.FLOAT, shape });
  }

  /**
   * Adds a float32 constant that is computed when it is looked at: the weights of a large network are then not in memory beside the file.
   * @throws limit as `floats`.
   */
  computedFloats(name: string, dims: readonly number[], make: () => Float32Array): string {
    if (this.builder.initializers.has(name)) return name;
    this.#count(dims);
    this.builder.initializers.set(name, computedFloats(name, dims, make));
    return name;
  }

  /** Adds a float32 constant. @throws limit when the weights are much larger than the file that they come from. */
  floats(name: string, dims: readonly number[], make: () => Float32Array): string {
    if (this.builder.initializers.has(name)) return name;
    this.#count(dims);
    return this.builder.floats(dims, make(), name);
  }

  #count(dims: readonly number[]): void {
    this.#bytesLeft -= 4 * dims.reduce((product, dim) => product * dim, 1);
    if (!(this.#bytesLeft >= 0)) {
      throw new WhyboxError(
        "limit",
        "The PyTorch file names the same weights so often that its network would be many times larger than the file.",
      );
    }
  }
}
