import type { GraphIndex } from "../onnx/graph.js";
import type { DetectorHead } from "./head.js";
import type { Layer } from "./layer.js";
import { recogniseModules } from "./recognise-modules.js";

/**
 * The layers of a YOLOv5 without usable names, recognised by the structure of the graph. The list is empty unless the modules include every
 * head input and end at one. A partial list would give the layers wrong numbers.
 */
export function recogniseLayers(index: GraphIndex, head: DetectorHead): Layer[] {
  const image = index.graph.inputs.find(
    ({ name, shape }) => shape?.length === 4 && !index.graph.initializers.has(name),
  );
  if (image === undefined) return [];
  const predictions = new Set(head.levels.flatMap((level) => level.convOutputs));
  const { outputs } = recogniseModules(index, image.name, predictions);
  const inputs = head.levels.flatMap((level) => level.inputs);
  const isWhole = inputs.every((input) => outputs.includes(input)) && inputs.includes(outputs.at(-1) ?? "");
  return isWhole ? outputs.map((value, i) => ({ index: i, name: `model.${i}`, value })) : [];
}
