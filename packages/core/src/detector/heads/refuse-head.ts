import { WhyboxError } from "../../errors.js";
import type { Dim, Graph, Node, ValueInfo } from "../../onnx/model.js";
import { downsampling } from "../stride.js";

const EXPECTED =
  "Expected decoded boxes of a YOLO detector ([1, rows, 5 + classes], [1, 4 + classes, rows] or, end to end, [1, n, 6]), the boxes and classes of a detection transformer, or the class scores of a classifier ([1, classes]).";

/** The reason why an output is not a head. */
export interface Miss {
  readonly output: string;
  readonly reason: string;
  /** True when only this reason excludes the output. The reason is then more useful than the shape. */
  readonly close: boolean;
}

/** Creates the error for a model without a supported head. It says what the model looks like (or `verdict`), what is expected and what to do. */
export function unsupportedHead(graph: Graph, misses: readonly Miss[], verdict?: string): WhyboxError {
  const outputs = graph.outputs.slice(0, 8).map((output) => `"${output.name}" ${shapeText(output)}`);
  const found = outputs.length === 0 ? "The model has no outputs." : `The model's outputs: ${outputs.join(", ")}.`;
  const look = verdict ?? withoutBoxes(graph) ?? (misses.some(({ close }) => close) ? undefined : looksLike(graph));
  const reasons = misses.map(({ output, reason }) => `Output "${output}": ${reason}.`);
  const why = look ?? ["No output is a supported detection head.", ...reasons.slice(0, 4)].join(" ");
  const advice = look === undefined && isQuantisedToTheEnd(graph) ? ` ${QUANTISED}` : "";
  return new WhyboxError("unsupported-model", `${found} ${why} ${EXPECTED}${advice}`, {
    details: { outputs: graph.outputs.map(({ name, shape }) => ({ name, shape })), reasons },
  });
}

const QUANTISED =
  "The model is quantised up to its output: boxes and probabilities share one scale, so both lose precision. Quantise it again without the nodes after the prediction convolutions (nodes_to_exclude of ONNX Runtime's quantiser), or use the float model.";

function isQuantisedToTheEnd({ nodes, outputs }: Graph): boolean {
  const names = new Set(outputs.map(({ name }) => name));
  return nodes.some(({ opType, outputs: [value] }) => opType === "DequantizeLinear" && names.has(value ?? ""));
}

/** A guess at the kind of model, with advice; undefined without a guess. */
function looksLike(graph: Graph): string | undefined {
  if (graph.nodes.some((node) => /NonMaxSuppression|NMS/i.test(node.opType))) {
    return "The model contains non-maximum suppression, and the boxes before it were not found. Export it again without NMS.";
  }
  const { outputs } = graph;
  if (outputs.length === 0) return undefined;
  const strides = downsampling(graph);
  const image = outputs.find((output) => isImageMap(graph, output, strides));
  if (image !== undefined) {
    return `Output "${image.name}" is a map as fine as the image, as networks for segmentation, depth or the regions of text give it. It has no boxes, and Whybox does not explain such maps.`;
  }
  if (outputs.every((output) => isLevelMap(graph, output, strides))) {
    return "These look like raw maps of the detection levels, not decoded boxes. Export the model with its decoding (YOLOv5: the default; v5.0: --grid).";
  }
  return undefined;
}

/** The stride of the finest map that no detector has as a level. */
const FINEST = 2;

function isImageMap(graph: Graph, { name, shape }: ValueInfo, strides: ReadonlyMap<string, number>): boolean {
  if (shape?.length !== 4) return false;
  const sides = (dims: readonly Dim[] = []) => dims.filter((dim) => typeof dim === "number" && dim > 4);
  const [own, image] = [sides(shape), sides(graph.inputs[0]?.shape)];
  return (strides.get(name) ?? FINEST + 1) <= FINEST || (own.length === 2 && own.join() === image.join());
}

function isLevelMap({ inputs }: Graph, { name, shape }: ValueInfo, strides: ReadonlyMap<string, number>): boolean {
  const stride = strides.get(name) ?? 0;
  if (shape?.length !== 4 || stride <= FINEST) return shape?.length === 5;
  const image = inputs[0]?.shape ?? [];
  if (![...image, ...shape].every((dim) => typeof dim === "number")) return true;
  return image.slice(2).every((side) => shape.includes(Math.ceil((side as number) / stride)));
}

/** Why the shapes of the outputs are not those of a detector: they are the steps of a text, or the heads of a network that classifies or finds landmarks. */
function withoutBoxes(graph: Graph): string | undefined {
  const { inputs, outputs } = graph;
  const [first] = outputs;
  if (outputs.length === 1 && first!.shape?.length === 3 && producerOf(graph, first!.name)?.opType === "Softmax") {
    return `Output "${first!.name}" has class probabilities for each step of a sequence, as networks that read text give them. It has no boxes.`;
  }
  const [batch] = inputs[0]?.shape ?? [];
  const isVector = ({ shape }: ValueInfo): boolean =>
    shape !== undefined && shape.length >= 2 && shape[0] === batch && shape.slice(2).every((dim) => dim === 1);
  if (outputs.length < 2 || !outputs.every(isVector)) return undefined;
  return "The outputs are numbers for the whole image (several classifications, landmarks, an embedding), not boxes. A file whose only output is one of them, [1, classes], opens as a classifier.";
}

function producerOf({ nodes }: Graph, name: string): Node | undefined {
  return nodes.find(({ outputs }) => outputs.includes(name));
}

function shapeText({ shape }: ValueInfo): string {
  return shape === undefined ? "of unknown shape" : listText(shape);
}

function listText(shape: readonly Dim[]): string {
  return `[${shape.map((dim) => dim ?? "?").join(", ")}]`;
}
