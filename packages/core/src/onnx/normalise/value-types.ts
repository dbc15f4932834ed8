import { ownOutputType, typeSource } from "../element-type.js";
import type { Graph, Node } from "../model.js";

/** Element types and ranks of values, as far as one walk over the nodes can determine them. No shape inference. */
export class ValueTypes {
  readonly #types = new Map<string, number>();
  readonly #ranks = new Map<string, number>();
  readonly #outer: ValueTypes | undefined;

  constructor(graph: Graph, outer: ValueTypes | undefined) {
    this.#outer = outer;
    for (const { name, elemType, shape } of [...graph.valueInfo, ...graph.outputs, ...graph.inputs]) {
      if (elemType !== 0) this.#types.set(name, elemType);
      if (shape !== undefined) this.#ranks.set(name, shape.length);
    }
    for (const [name, tensor] of graph.initializers) this.learnConstant(name, tensor.dataType, tensor.dims.length);
  }

  learnConstant(name: string, elemType: number, rank: number): void {
    this.#types.set(name, elemType);
    this.#ranks.set(name, rank);
  }

  /** Records the types of a node's outputs, unless the file declares them. */
  learn(node: Node): void {
    const source = typeSource(node);
    const inherited = source === undefined ? undefined : this.elemType(source);
    for (const output of node.outputs) {
      const type = ownOutputType(node, output) ?? inherited;
      if (output !== "" && type !== undefined && !this.#types.has(output)) this.#types.set(output, type);
    }
  }

  elemType(name: string): number | undefined {
    return this.#types.get(name) ?? this.#outer?.elemType(name);
  }

  rank(name: string): number | undefined {
    return this.#ranks.get(name) ?? this.#outer?.rank(name);
  }
}
