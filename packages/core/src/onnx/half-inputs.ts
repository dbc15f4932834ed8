import { attribute } from "./attributes.js";
import { freshPrefix } from "./fresh-prefix.js";
import { DataType, type Model, type Node } from "./model.js";
import { renameValues } from "./rename.js";

/** Float types that do not cross to the runtime as they are. */
const CAST: ReadonlySet<number> = new Set([DataType.FLOAT16, DataType.DOUBLE]);

/**
 * The model with float32 at its borders: float16 (and float64) inputs become float32 followed by a Cast, and such outputs
 * are cast back. Inputs and outputs keep their names; the values behind the Casts are renamed.
 *
 * Why: onnxruntime-node 1.30 breaks float16 input tensors on Node ≥ 24, and callers should not have to care.
 */
export function castHalfInputs(model: Model): Model {
  const { graph } = model;
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
