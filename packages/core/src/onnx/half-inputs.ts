import { newNode } from "./builder.js";
import { elementType } from "./element-type.js";
import { freshPrefix } from "./fresh-prefix.js";
import { WIDENED } from "./half.js";
import { DataType, type Graph, type Model, type Node } from "./model.js";
import { renameValues } from "./rename.js";

/**
 * The model with float32 inputs and outputs. A float16 or float64 input becomes float32, followed by a Cast. Such outputs are cast to
 * float32, also when the file does not declare their type. Inputs and outputs keep their names; the values on the inner side of the Casts
 * are renamed.
 *
 * Why: onnxruntime-node 1.30 breaks float16 input tensors on Node ≥ 24. With this, all tensors between sessions are float32, regardless of
 * the model's precision.
 */
export function castHalfInputs(model: Model): Model {
  const graph = typedOutputs(model.graph);
  const inputs = graph.inputs.filter((value) => WIDENED.has(value.elemType));
  const outputs = graph.outputs.filter((value) => WIDENED.has(value.elemType));
  if (inputs.length + outputs.length === 0) return model;
  const prefix = freshPrefix(model, "whybox_cast/");
  const names = new Map<string, string>();
  for (const { name } of [...inputs, ...outputs]) names.set(name, `${prefix}${name}`);
  // A value that is both input and output is handled as an input: it is cast once, and is already float32 at the output.
  const given = new Set(graph.inputs.map((value) => value.name));
  const before = inputs.map(({ name, elemType }) => cast(name, names.get(name)!, elemType));
  const after = outputs
    .filter(({ name }) => !given.has(name))
    .map(({ name }) => cast(names.get(name)!, name, DataType.FLOAT));
  const renamed = renameValues(graph, names);
  const toFloat = <T extends { readonly elemType: number }>(value: T): T =>
    WIDENED.has(value.elemType) ? { ...value, elemType: DataType.FLOAT } : value;
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

/** The graph with the types of its float16 and float64 outputs filled in where the file does not declare them. */
function typedOutputs(graph: Graph): Graph {
  if (graph.outputs.every(({ elemType }) => elemType !== 0)) return graph;
  const outputs = graph.outputs.map((output) => {
    const elemType = output.elemType || elementType(graph, output.name);
    return WIDENED.has(elemType) ? { ...output, elemType } : output;
  });
  return { ...graph, outputs };
}

function cast(from: string, to: string, dataType: number): Node {
  // The runtime does not require unique node names, but ours are unique because the inner value is.
  const name = dataType === DataType.FLOAT ? from : to;
  return newNode("Cast", [from], [to], { to: dataType }, name);
}
