import type { Dim, Graph, Node, TensorProto } from "../onnx/model.js";
import { inferDims } from "./shape-rules.js";

/** A size, or a symbol: two dims with the same symbol have the same size in every run. */
export type StaticDim = number | string;

/** What is known of the values of a graph before anything runs. */
export interface FactSource {
  /** The dims known of a value, or undefined when not even its rank is. */
  dims(value: string): readonly StaticDim[] | undefined;
  /** The initializer of that name, if there is one. */
  constant(value: string): TensorProto | undefined;
}

/**
 * What can be told of the shapes of a graph's values without running it. This is no shape inference: a value that
 * nothing is known of is fine, and costs a few small nodes in the backward graph. It exists so that the usual
 * case (SiLU, residual sums, per-channel scales) is un-broadcast for nothing, and to tell where axis 0 is the batch.
 */
export class ShapeFacts implements FactSource {
  readonly #graph: Graph;
  readonly #dims = new Map<string, readonly StaticDim[]>();

  /** `order` holds the graph's nodes in topological order. */
  constructor(graph: Graph, order: readonly Node[]) {
    this.#graph = graph;
    for (const { name, shape } of graph.inputs) if (shape) this.#dims.set(name, declaredDims(name, shape));
    for (const [name, initializer] of graph.initializers) this.#dims.set(name, initializer.dims);
    const declared = new Map(graph.valueInfo.map((info) => [info.name, info.shape]));
    for (const node of order) {
      node.outputs.forEach((output, index) => {
        const inferred = inferDims(node, index, this);
        const shape = declared.get(output);
        if (inferred)
          this.#dims.set(
            output,
            inferred.map((dim, axis) => dim ?? unknownDim(output, axis)),
          );
        else if (shape) this.#dims.set(output, declaredDims(output, shape));
      });
    }
  }

  dims(value: string): readonly StaticDim[] | undefined {
    return this.#dims.get(value);
  }

  constant(value: string): TensorProto | undefined {
    return this.#graph.initializers.get(value);
  }
}

/** Dims as the file declares them: a name stands for one size throughout the model. */
function declaredDims(value: string, shape: readonly Dim[]): StaticDim[] {
  return shape.map((dim, axis) => {
    if (typeof dim === "number") return dim;
    return dim === null || dim === "" ? unknownDim(value, axis) : `name/${dim}`;
  });
}

function unknownDim(value: string, axis: number): string {
  return `value/${value}:${axis}`;
}
