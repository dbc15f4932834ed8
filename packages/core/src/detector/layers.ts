import { GraphIndex } from "../onnx/graph.js";
import type { Graph, Node } from "../onnx/model.js";
import type { DetectorHead } from "./head.js";
import { listJoints } from "./joints.js";
import type { Layer } from "./layer.js";
import { beforeQuantisation } from "./quantisation.js";
import { recogniseLayers } from "./recognise-layers.js";

export { resolveLayer } from "./resolve-layer.js";

/**
 * The network's layers by YOLOv5's numbering, without the head itself (its index is one past the last). They come from
 * the module paths in node names (`/model.23/cv3/conv/Conv`); without these from the structure of the graph. A layer's value is what its
 * module hands to the others. When neither tells, they are the places where strides change and branches join (`listJoints`), without numbers.
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
  // Tools that make one of equal constants let modules read the weights of others, which may be dequantised on the way.
  const fromImage = index.descendants(index.graph.inputs.map(({ name }) => name));
  for (const node of index.graph.nodes) {
    const module = moduleOf(node);
    if (module === undefined || module >= headModule || NO_DATA.has(node.opType)) continue;
    const value = node.outputs.find((output) => fromImage.has(output) && isReadOutside(index, output, module));
    const before = values.get(module);
    // What reads a layer's floats beside their rounding is part of what the layer does.
    const isRounding = before !== undefined && value !== undefined && beforeQuantisation(index, value) === before;
    if (value !== undefined && !isRounding) values.set(module, value);
  }
  return [...values]
    .sort(([a], [b]) => a - b)
    .map(([module, value]) => ({ index: module, name: `model.${module}`, value }));
}

/** Ops of a module that other modules may read, but that are not its result. */
const NO_DATA: ReadonlySet<string> = new Set(["Constant", "Shape", "Size", "Gather", "ConstantOfShape"]);

/** The number in a node's module path, or in the name of what it computes (tools that drop node names keep values). */
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
