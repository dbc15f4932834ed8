import { didYouMean, WhyboxError } from "../errors.js";
import { type GraphIndex, indexOf } from "../onnx/graph.js";
import type { Graph } from "../onnx/model.js";
import type { DetectorHead } from "./head.js";
import type { Layer, LayerSelector } from "./layer.js";

/**
 * Resolves a layer selector: an index (negative from the end: −1 is the head, −2 the layer before it), a module ("model.17"), or the name of a
 * value or node in the graph. A string of digits is an index, unless no layer has this index and a value or node has this name.
 *
 * @throws usage for an index out of range, the head itself, an unknown name, or a value that no detection depends on. The message lists
 * valid choices.
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
    // Some exports number their values. "326" is the value if no layer has this index.
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
      "the node names in this model have no layer numbers, and its structure is not recognised",
      layers.length > 0 ? layers.map((layer) => layer.name) : headInputs(head),
    );
  }
  // The head is the module after the last layer.
  const headIndex = Math.max(...layers.map((layer) => layer.index ?? 0)) + 1;
  const index = selector < 0 ? headIndex + 1 + selector : selector;
  if (index === headIndex) {
    throw refusal(selector, `layer ${headIndex} is the detection head, which has no feature map`, [
      `${headIndex - 1} (or -2), the layer before it`,
      `the head's inputs ${headInputs(head).join(", ")}`,
    ]);
  }
  const found = layers.find((layer) => layer.index === index);
  if (found !== undefined) return found;
  throw refusal(selector, `the model's layers are 0 to ${headIndex - 1}`, [
    `0 … ${headIndex - 1}`,
    `-2 … -${headIndex + 1}`,
  ]);
}

function layerNamed(text: string, layers: readonly Layer[], graph: Graph, head: DetectorHead): Layer {
  const index = indexOf(graph);
  const value = valueNamed(text, index);
  if (value === undefined) {
    const choices = layers.length > 0 ? layers.map((layer) => layer.name) : headInputs(head);
    throw refusal(text, "no layer, value or node has this name", choices, namesOf(graph, layers));
  }
  const convOutputs = head.levels.flatMap((level) => level.convOutputs);
  const downstream = index.descendants([value]);
  if (!convOutputs.some((output) => downstream.has(output))) {
    const reason = index.descendants(convOutputs).has(value)
      ? "it belongs to the decoding of the boxes, after the last feature map"
      : "no detection depends on it";
    throw refusal(text, reason, headInputs(head));
  }
  const known = layers.find((layer) => layer.value === value);
  return known ?? { index: undefined, name: text, value };
}

/** The value with this name, else the first output of the node with this name. Constants are not layers. */
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

/** Names for the search of the nearest spelling. Their number is limited, since hostile graphs can be large. */
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
