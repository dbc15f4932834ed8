import { didYouMean, WhyboxError } from "../errors.js";
import { GraphIndex } from "../onnx/graph.js";
import type { Graph } from "../onnx/model.js";
import type { DetectorHead } from "./head.js";
import type { Layer, LayerSelector } from "./layer.js";

/**
 * The layer that a user named: an index (negative from the end, where −1 is the head and −2 the layer before it), a module
 * ("model.17"), or the name of a value or node in the graph. Digits in a string are an index, unless no layer has it and a
 * value is named so.
 *
 * @throws usage for an index past the ends, the head itself, an unknown name, or a value that no detection depends on;
 * the message lists what can be chosen.
 */
export function resolveLayer(
  selector: LayerSelector,
  layers: readonly Layer[],
  graph: Graph,
  head: DetectorHead,
): Layer {
  if (typeof selector === "number") return layerAt(selector, layers, head);
  const text = selector.trim();
  if (/^[+-]?\d{1,6}$/.test(text)) {
    // Exports without names count their values: "326" means the value when no layer has that index.
    const isValue = !layers.some((layer) => layer.index === Number(text)) && isNamed(text, graph);
    return isValue ? layerNamed(text, layers, graph, head) : layerAt(Number(text), layers, head);
  }
  const module = layers.find((layer) => layer.name === text || layer.value === text);
  return module ?? layerNamed(text, layers, graph, head);
}

function layerAt(selector: number, layers: readonly Layer[], head: DetectorHead): Layer {
  if (layers.every((layer) => layer.index === undefined)) {
    throw refusal(
      selector,
      "the names in this model carry no layer numbers, and its structure is not one that is known",
      layers.length > 0 ? layers.map((layer) => layer.name) : headInputs(head),
    );
  }
  // The head is the module after the last that can be tapped.
  const headIndex = Math.max(...layers.map((layer) => layer.index ?? 0)) + 1;
  const index = selector < 0 ? headIndex + 1 + selector : selector;
  if (index === headIndex) {
    throw refusal(
      selector,
      `layer ${headIndex} is the detection head, which makes the boxes and has no map of its own`,
      [`${headIndex - 1} (or -2), the layer before it`, `the head's inputs ${headInputs(head).join(", ")}`],
    );
  }
  const found = layers.find((layer) => layer.index === index);
  if (found !== undefined) return found;
  throw refusal(selector, `the model's layers are 0 to ${headIndex - 1}`, [
    `0 … ${headIndex - 1}`,
    `-2 … -${headIndex + 1}`,
  ]);
}

function layerNamed(text: string, layers: readonly Layer[], graph: Graph, head: DetectorHead): Layer {
  const index = new GraphIndex(graph);
  const value = valueNamed(text, index);
  if (value === undefined) {
    const choices = layers.length > 0 ? layers.map((layer) => layer.name) : headInputs(head);
    throw refusal(text, "there is no layer, value or node of that name", choices, namesOf(graph, layers));
  }
  const convOutputs = head.levels.flatMap((level) => level.convOutputs);
  const behind = index.descendants([value]);
  if (!convOutputs.some((output) => behind.has(output))) {
    const reason = index.descendants(convOutputs).has(value)
      ? "it is part of the decoding of the boxes, behind the last feature map"
      : "no detection depends on it";
    throw refusal(text, reason, headInputs(head));
  }
  const known = layers.find((layer) => layer.value === value);
  return known ?? { index: undefined, name: text, value };
}

/** The value of that name, else the first output of the node of that name. Constants are no layers. */
function valueNamed(text: string, index: GraphIndex): string | undefined {
  const { graph } = index;
  const isInput = graph.inputs.some(({ name }) => name === text) && !graph.initializers.has(text);
  if (isInput || (text !== "" && index.producer(text) !== undefined)) return text;
  return graph.nodes.find((node) => node.name === text && node.name !== "")?.outputs[0];
}

function isNamed(text: string, graph: Graph): boolean {
  return graph.nodes.some((node) => node.name === text || node.outputs.includes(text));
}

function headInputs(head: DetectorHead): string[] {
  return head.levels.flatMap((level) => level.inputs);
}

/** Names to look for the nearest spelling in; bounded, since hostile graphs can be large. */
function namesOf(graph: Graph, layers: readonly Layer[]): string[] {
  const nodes = graph.nodes.slice(0, 5000);
  return [...layers.map((layer) => layer.name), ...nodes.flatMap((node) => [node.name, ...node.outputs])];
}

function refusal(
  selector: LayerSelector,
  reason: string,
  choices: readonly string[],
  spellings: readonly string[] = [],
): WhyboxError {
  const near = typeof selector === "string" ? didYouMean(selector, spellings) : "";
  return new WhyboxError("usage", `Layer "${selector}": ${reason}.${near} Choose one of: ${choices.join(", ")}.`, {
    details: { layer: selector, choices },
  });
}
