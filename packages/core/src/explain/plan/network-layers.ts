import type { Layer } from "../../detector/layer.js";
import { nodesBetween } from "../../onnx/cut.js";
import { indexOf } from "../../onnx/graph.js";
import type { LoadedModel } from "../model/loaded-model.js";

/** The network's input as a layer. */
export function inputLayer(loaded: LoadedModel): Layer {
  return { index: undefined, name: loaded.inputName, value: loaded.inputName };
}

/** A convolution with a bias, as a layer: its output. */
export interface BiasLayer extends Layer {
  readonly bias: string;
}

/** The convolutions with a bias between the input and the predictions, in order of execution. With `masks`, also those before the mask prototypes. */
export function biasLayers(loaded: LoadedModel, { masks }: { readonly masks: boolean }): BiasLayer[] {
  const { graph } = loaded.model;
  const { levels, prototypes } = loaded.head;
  const convOutputs = levels.flatMap((level) => level.convOutputs);
  if (masks && prototypes !== undefined) convOutputs.push(prototypes);
  const downstream = indexOf(graph).descendants([loaded.inputName]);
  return nodesBetween(graph, new Set(), convOutputs).flatMap((node) => {
    const bias = node.opType === "Conv" || node.opType === "ConvTranspose" ? (node.inputs[2] ?? "") : "";
    if (!graph.initializers.has(bias) || !downstream.has(node.outputs[0]!)) return [];
    return [{ index: undefined, name: node.name || node.outputs[0]!, value: node.outputs[0]!, bias }];
  });
}
