import { intAttribute, tensorAttribute } from "../attributes.js";
import { DataType, type Graph, type Node } from "../model.js";

/** Ops whose outputs do not have the type of their first input. */
const OUTPUT_TYPE: ReadonlyMap<string, number> = new Map([
  ...["Shape", "Size", "ArgMax", "ArgMin", "NonZero", "NonMaxSuppression"].map((op) => [op, DataType.INT64] as const),
  ...["Equal", "Less", "Greater", "LessOrEqual", "GreaterOrEqual", "Not", "And", "Or", "Xor", "IsNaN", "IsInf"].map(
    (op) => [op, DataType.BOOL] as const,
  ),
]);

/** Element types and ranks of values, as far as a walk over the nodes in order can tell them. No shape inference. */
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

  /** Notes the types of a node's outputs, unless the file said them. */
  learn(node: Node): void {
    const type = this.#outputType(node);
    if (type === undefined) return;
    node.outputs.forEach((output, i) => {
      if (output === "" || this.#types.has(output)) return;
      this.#types.set(output, node.opType === "TopK" && i === 1 ? DataType.INT64 : type);
    });
  }

  elemType(name: string): number | undefined {
    return this.#types.get(name) ?? this.#outer?.elemType(name);
  }

  rank(name: string): number | undefined {
    return this.#ranks.get(name) ?? this.#outer?.rank(name);
  }

  #outputType(node: Node): number | undefined {
    const fixed = OUTPUT_TYPE.get(node.opType);
    if (fixed !== undefined) return fixed;
    if (node.opType === "Cast") return intAttribute(node, "to", DataType.FLOAT);
    if (node.opType === "ConstantOfShape") return tensorAttribute(node, "value")?.dataType ?? DataType.FLOAT;
    const source = node.inputs[node.opType === "Where" || node.opType === "OneHot" ? node.inputs.length - 1 : 0];
    return source === undefined ? undefined : this.elemType(source);
  }
}
