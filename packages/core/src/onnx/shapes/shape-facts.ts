import { indexOf } from "../graph.js";
import type { Dim, Graph, Node, TensorProto } from "../model.js";
import { inferDims } from "./shape-rules.js";
import { inferSizes, knownInts, MAX_RANK, type SizeSource, type Sizes } from "./shape-vectors.js";
import type { StaticDim } from "./static-dims.js";

/**
 * The shapes of a graph's values, as far as they are known without running it. This is not full shape inference: an unknown
 * shape only costs a few small nodes in the backward graph. It makes un-broadcasting free in the usual
 * cases (SiLU, residual sums, per-channel scales), and shows where axis 0 is the batch.
 */
export class ShapeFacts implements SizeSource {
  readonly #graph: Graph;
  readonly #dims = new Map<string, readonly StaticDim[]>();
  readonly #sizes = new Map<string, Sizes>();

  /** `order` holds the graph's nodes in topological order. `given` may return the dims of values, which then replace those of the graph. */
  constructor(graph: Graph, order: readonly Node[], given: KnownDims = () => undefined) {
    this.#graph = graph;
    for (const { name, shape } of graph.inputs) {
      const dims = given(name) ?? (shape && declaredDims(name, shape));
      if (dims) this.#dims.set(name, dims);
    }
    for (const [name, initializer] of graph.initializers) this.#dims.set(name, initializer.dims);
    const declared = new Map(graph.valueInfo.map((info) => [info.name, info.shape]));
    for (const node of order) {
      node.outputs.forEach((output, index) => {
        const inferred = given(output) ?? inferDims(node, index, this);
        const shape = declared.get(output);
        if (inferred)
          this.#dims.set(
            output,
            inferred.map((dim, axis) => dim ?? unknownDim(output, axis)),
          );
        else if (shape) this.#dims.set(output, declaredDims(output, shape));
      });
      const sizes = inferSizes(node, this);
      if (sizes) this.#sizes.set(node.outputs[0]!, sizes);
    }
  }

  dims(value: string): readonly StaticDim[] | undefined {
    return this.#dims.get(value);
  }

  constant(value: string): TensorProto | undefined {
    return this.#graph.initializers.get(value);
  }

  sizesIn(value: string): Sizes | undefined {
    const dims = this.constant(value)?.dims;
    if (dims === undefined) return this.#sizes.get(value);
    return dims.length <= 1 && (dims[0] ?? 1) <= MAX_RANK ? knownInts(value, this) : undefined;
  }
}

const withoutGiven = new WeakMap<Graph, ShapeFacts>();

/** The facts of a graph, with the given dims if there are any. Graphs do not change, so the facts without given dims are computed once for each. */
export function shapeFacts(graph: Graph, given?: KnownDims): ShapeFacts {
  const known = given === undefined ? withoutGiven.get(graph) : undefined;
  const facts = known ?? new ShapeFacts(graph, indexOf(graph).order, given);
  if (given === undefined) withoutGiven.set(graph, facts);
  return facts;
}

/** Returns the dims of a value, or undefined. */
export type KnownDims = (value: string) => readonly StaticDim[] | undefined;

/** Dims as declared in the file. A symbolic name means the same size everywhere in the model. */
export function declaredDims(value: string, shape: readonly Dim[]): StaticDim[] {
  return shape.map((dim, axis) => {
    if (typeof dim === "number") return dim;
    return dim === null || dim === "" ? unknownDim(value, axis) : `name/${dim}`;
  });
}

function unknownDim(value: string, axis: number): string {
  return `value/${value}:${axis}`;
}
