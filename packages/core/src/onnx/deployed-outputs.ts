import { newNode } from "./builder.js";
import { freshPrefix } from "./fresh-prefix.js";
import { type GraphIndex, indexOf } from "./graph.js";
import type { Model, Node } from "./model.js";
import { renameValues } from "./rename.js";

/**
 * The model with outputs that do not change how a quantised model runs. ONNX Runtime computes DequantizeLinear → Conv → QuantizeLinear
 * in integers, unless the float value between them is an output. Then it computes in float32 and rounds differently, and the values of the
 * whole network drift. So an output that only a QuantizeLinear reads is taken after it, as the next op sees it. The output of a
 * DequantizeLinear comes from a separate copy of that node. Names of outputs stay.
 */
export function asDeployed(model: Model): Model {
  const { graph } = model;
  if (!graph.nodes.some(({ opType }) => opType === "QuantizeLinear")) return model;
  const index = indexOf(graph);
  const prefix = freshPrefix(model, "whybox_deployed/");
  const names = new Map<string, string>();
  const after: Node[] = [];
  for (const { name } of graph.outputs) {
    const pair = quantisationOf(name, index);
    if (pair === undefined) continue;
    names.set(name, `${prefix}${name}`);
    const [q, quantise] = pair;
    const attributes = new Map([...quantise.attributes].filter(([key]) => key === "axis" || key === "block_size"));
    const inputs = [q, ...quantise.inputs.slice(1)];
    after.push({ ...newNode("DequantizeLinear", inputs, [name], {}, `${prefix}${name}`), attributes });
  }
  if (after.length === 0) return model;
  const renamed = renameValues(graph, names);
  return { ...model, graph: { ...renamed, nodes: [...renamed.nodes, ...after] } };
}

/** The quantised value that represents `value` in the running model, and the node that has its scale. */
function quantisationOf(value: string, index: GraphIndex): readonly [q: string, by: Node] | undefined {
  const producer = index.producer(value);
  if (producer?.opType === "DequantizeLinear" && index.consumers(value).length > 0) {
    return [producer.inputs[0]!, producer];
  }
  const [reader, ...others] = index.consumers(value);
  if (producer === undefined || reader?.opType !== "QuantizeLinear" || others.length > 0) return undefined;
  return [reader.outputs[0]!, reader];
}
