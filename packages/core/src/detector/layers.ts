import { GraphIndex } from "../onnx/graph.js";
import type { Graph, Node } from "../onnx/model.js";
import type { DetectorHead } from "./head.js";
import { listJoints } from "./joints.js";
import type { Layer } from "./layer.js";
import { beforeQuantisation } from "./quantisation.js";
import { recogniseLayers } from "./recognise-layers.js";

export { resolveLayer } from "./resolve-layer.js";

/**
 * Lists the network's layers by YOLOv5's numbering, without the head. The index of the head is one past the last layer.
 *
 * The layers come from the module paths in node names (`/model.23/cv3/conv/Conv`). Without such names they come from the structure of
 * the graph. If the structure is not recognised either, they are the values where strides change and branches join (`listJoints`), without
 * numbers. The value of a layer is the output of its module that other modules read.
 */
export function listLayers(graph: Graph, head: DetectorHead): Layer[] {
  const index = new GraphIndex(graph);
  const named = layersByName(index, head);
  if (named.length > 0) return named;
  const recognised = recogniseLayers(index, head);
  return recognised.length > 0 ? recognised : listJoints(index, head);
}

function layersByName(index: GraphIndex, head: DetectorHead): Layer[] {
  const headModule = moduleOf(index.producer(head.levels[0]!.convOutputs[0]!));
  if (headModule === undefined) return [];
  const values = new Map<number, string>();
  // Some tools merge equal constants. Modules then read the weights of other modules, possibly through a dequantisation.
  const fromImage = index.descendants(index.graph.inputs.map(({ name }) => name));
  for (const node of index.graph.nodes) {
    const module = moduleOf(node);
    if (module === undefined || module >= headModule || NO_DATA.has(node.opType)) continue;
    const value = node.outputs.find((output) => fromImage.has(output) && isReadOutside(index, output, module));
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

/** The number in the module path of a node, or of its output. Tools that drop node names keep the names of values. */
function moduleOf(node: Node | undefined): number | undefined {
  for (const name of [node?.name, node?.outputs[0]]) {
    const found = /(?:^|[/.])model\.(\d{1,4})(?:[/.]|$)/.exec(name ?? "");
    if (found !== null) return Number(found[1]);
  }
  return undefined;
}

function isReadOutside(index: GraphIndex, value: string, module: number): boolean {
  return value !== "" && index.consumers(value).some((reader) => moduleOf(reader) !== module);
}
