import type { Value } from "../../onnx/builder.js";
import { DataType, type Graph, type Model, type Node, type TensorProto, type ValueInfo } from "../../onnx/model.js";
import { renameValues } from "../../onnx/rename.js";
import type { BackwardModel } from "../backward-model.js";

/** Joins backward models, and nodes between them, into one model. */
export class JoinedModel {
  readonly #nodes: Node[] = [];
  readonly #initializers = new Map<string, TensorProto>();
  readonly #inputs = new Map<string, ValueInfo>();

  /** Declares an input of the joined model. */
  input(name: string, elemType: number = DataType.FLOAT): Value {
    this.#inputs.set(name, { name, elemType, shape: undefined });
    return name;
  }

  add({ nodes, initializers }: Pick<Graph, "nodes" | "initializers">): void {
    this.#nodes.push(...nodes);
    for (const [name, tensor] of initializers) this.#initializers.set(name, tensor);
  }

  /**
   * Adds the nodes of a backward model. Their values get `prefix`. `given` has a value for each input that is computed in the joined model;
   * other inputs become inputs of the joined model. Returns the gradients by tap.
   */
  addBackward(part: BackwardModel, prefix: string, given: ReadonlyMap<string, Value>): ReadonlyMap<string, Value> {
    const { graph } = part.model;
    const made = [...graph.nodes.flatMap((node) => node.outputs), ...graph.initializers.keys()];
    const names = new Map(made.filter((name) => name !== "").map((name) => [name, `${prefix}${name}`]));
    const renamed = renameValues(graph, new Map([...names, ...given]));
    this.add({
      nodes: renamed.nodes.map((node) => ({ ...node, name: `${prefix}${node.name}` })),
      initializers: renamed.initializers,
    });
    for (const input of graph.inputs) if (!given.has(input.name)) this.#inputs.set(input.name, input);
    const gradients = [...part.gradients].filter((entry): entry is [string, string] => entry[1] !== null);
    return new Map(gradients.map(([tap, name]) => [tap, names.get(name) ?? given.get(name) ?? name]));
  }

  /** The joined model, with the header of `model`. */
  build(model: Model, outputs: readonly Value[]): Model {
    const graph: Graph = {
      name: "backward",
      nodes: this.#nodes,
      initializers: this.#initializers,
      inputs: [...this.#inputs.values()],
      outputs: outputs.map((name) => ({ name, elemType: DataType.FLOAT, shape: undefined })),
      valueInfo: [],
    };
    return { ...model, graph };
  }
}
