import { GraphBuilder, type Value } from "../../onnx/builder.js";
import { freshPrefix } from "../../onnx/fresh-prefix.js";
import type { Model, ValueInfo } from "../../onnx/model.js";
import { renameValues } from "../../onnx/rename.js";

/**
 * Inserts nodes between the input of a model and its readers. The input keeps its name and gets the type and shape of `info`.
 * @param change adds the nodes. It receives the new input, and returns the value that replaces the old one.
 */
export function prepend(model: Model, info: ValueInfo, change: (build: GraphBuilder, input: Value) => Value): Model {
  const build = new GraphBuilder(freshPrefix(model, "whybox/input/"));
  const inner = change(build, info.name);
  const renamed = renameValues(model.graph, new Map([[info.name, inner]]));
  return {
    ...model,
    graph: {
      ...renamed,
      nodes: [...build.nodes, ...renamed.nodes],
      inputs: renamed.inputs.map((input) => (input.name === info.name ? info : input)),
      initializers: new Map([...renamed.initializers, ...build.initializers]),
    },
  };
}
