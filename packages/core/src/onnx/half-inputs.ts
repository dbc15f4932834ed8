import { attribute } from "./attributes.js";
import { elementType } from "./element-type.js";
import { freshPrefix } from "./fresh-prefix.js";
import { GraphIndex } from "./graph.js";
import { DataType, type Graph, type Model, type Node } from "./model.js";
import { renameValues } from "./rename.js";

/** Float types that do not cross to the runtime as they are. */
const CAST: ReadonlySet<number> = new Set([DataType.FLOAT16, DataType.DOUBLE]);

/**
 * The model with float32 at its borders: float16 (and float64) inputs become float32 followed by a Cast, and such outputs
 * are cast back, those whose type the file leaves open too. Inputs and outputs keep their names; the values behind the Casts are renamed.
 *
 * Why: onnxruntime-node 1.30 breaks float16 input tensors on Node ≥ 24, and callers should not have to care: what passes from
 * session to session is float32, whatever the model computes in.
 */
export function castHalfInputs(model: Model): Model {
  const graph = typedOutputs(model.graph);
  const inputs = graph.inputs.filter((value) => CAST.has(value.elemType));
  const outputs = graph.outputs.filter((value) => CAST.has(value.elemType));
  if (inputs.length + outputs.length === 0) return model;
  const prefix = freshPrefix(model, "whybox_cast/");
  const names = new Map<string, string>();
  for (const { name } of [...inputs, ...outputs]) names.set(name, `${prefix}${name}`);
  // A value that passes straight through is an input here: cast once, and already float32 at the output.
  const given = new Set(graph.inputs.map((value) => value.name));
  const before = inputs.map(({ name, elemType }) => cast(name, names.get(name)!, elemType));
  const after = outputs
    .filter(({ name }) => !given.has(name))
    .map(({ name }) => cast(names.get(name)!, name, DataType.FLOAT));
  const renamed = renameValues(graph, names);
  const toFloat = <T extends { readonly elemType: number }>(value: T): T =>
    CAST.has(value.elemType) ? { ...value, elemType: DataType.FLOAT } : value;
  return {
    ...model,
    graph: {
      ...renamed,
      nodes: [...before, ...renamed.nodes, ...after],
      inputs: graph.inputs.map(toFloat),
      outputs: graph.outputs.map(toFloat),
    },
  };
}

/** The graph with the types of its outputs, where they are wide or half floats that the file says nothing of. */
function typedOutputs(graph: Graph): Graph {
  if (graph.outputs.every(({ elemType }) => elemType !== 0)) return graph;
  const index = new GraphIndex(graph);
  const outputs = graph.outputs.map((output) => {
    const elemType = output.elemType || elementType(graph, output.name, index);
    return CAST.has(elemType) ? { ...output, elemType } : output;
  });
  return { ...graph, outputs };
}

function cast(from: string, to: string, dataType: number): Node {
  // Node names need not be unique for the runtime, but ours are: the inner value is.
  const name = dataType === DataType.FLOAT ? from : to;
  return {
    opType: "Cast",
    domain: "",
    name,
    inputs: [from],
    outputs: [to],
    attributes: new Map([["to", attribute(dataType)]]),
  };
}
