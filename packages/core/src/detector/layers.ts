import { type GraphIndex, indexOf } from "../onnx/graph.js";
import type { Graph } from "../onnx/model.js";

import type { DetectorHead } from "./head.js";

import { listJoints } from "./joints.js";
import type { Layer } from "./layer.js";
import { type ModuleNumbers, numbersInNames, numbersInScopes } from "./module-numbers.js";
import { beforeQuantisation } from "./quantisation.js";
import { recogniseLayers } from "./recognise-layers.js";

export { resolveLayer } from "./resolve-layer.js";

/**
 * Lists the network's layers by YOLOv5's numbering, without the head. The index of the head is one past the last layer.
 *
 * The layers come from the module paths in node names (`/model.23/cv3/conv/Conv`), else from those that the exporter stored with the nodes
 * or in the names of weights. Without any such paths they come from the structure of the graph. If the structure is not recognised either, they are the values where strides change and branches join (`listJoints`), without
 * numbers. The value of a layer is the output of its module that other modules read.
 */
export function listLayers(graph: Graph, head: DetectorHead): Layer[] {
  const index = indexOf(graph);
  const named = layersByNumber(index, head, numbersInNames());
  if (named.length > 0) return named;
  const scoped = layersByNumber(index, head, numbersInScopes(index));
  if (scoped.length > 0) return scoped;
  const recognised = recogniseLayers(index, head);
  return recognised.length > 0 ? recognised : listJoints(index, head);
}

function layersByNumber(index: GraphIndex, head: DetectorHead, moduleOf: ModuleNumbers): Layer[] {
  const headModule = moduleOf(index.producer(head.levels[0]!.convOutputs[0]!));
  if (headModule === undefined) return [];
  const values = new Map<number, string>();
  // Some tools merge equal constants. Modules then read the weights of other modules, possibly through a dequantisation.
  const fromImage = index.descendants(index.graph.inputs.map(({ name }) => name));
  for (const node of index.graph.nodes) {
    const module = moduleOf(node);
    if (module === undefined || module >= headModule || NO_DATA.has(node.opType)) continue;
    const isReadOutside = (value: string) => index.consumers(value).some((reader) => moduleOf(reader) !== module);
    const value = node.outputs.find((output) => output !== "" && fromImage.has(output) && isReadOutside(output));
    const before = values.get(module);
    // The quantised copy of a value is not a new value of the layer.
    const isRounding = before !== undefined && value !== undefined && beforeQuantisation(index, value) === before;
    if (value !== undefined && !isRounding) values.set(module, value);
  }
  return [...values]
    .sort(([a], [b]) => a - b)
    .map(([module, value]) => ({ index: module, name: `model.${module}`, value }));
}

/** Ops whose outputs other modules may read, but that are not the result of a module. */
const NO_DATA: ReadonlySet<string> = new Set(["Constant", "Shape", "Size", "Gather", "ConstantOfShape"]);
