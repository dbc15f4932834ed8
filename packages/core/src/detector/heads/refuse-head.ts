import { WhyboxError } from "../../errors.js";
import type { Dim, Graph, ValueInfo } from "../../onnx/model.js";

const EXPECTED =
  "Expected decoded boxes of a YOLO detector ([1, rows, 5 + classes], [1, 4 + classes, rows] or, end to end, [1, n, 6]), or the boxes and classes of a detection transformer.";

/** Why an output is no head. */
export interface Miss {
  readonly output: string;
  readonly reason: string;
  /** True when it is one but for that: the reason then says more than the shape. */
  readonly close: boolean;
}

/** The error for a model without a head that this version explains: what it looks like (or `verdict`), what is expected, what to do. */
export function unsupportedHead(graph: Graph, misses: readonly Miss[], verdict?: string): WhyboxError {
  const outputs = graph.outputs.slice(0, 8).map((output) => `"${output.name}" ${shapeText(output)}`);
  const found = outputs.length === 0 ? "The model has no outputs." : `The model's outputs: ${outputs.join(", ")}.`;
  const look = verdict ?? (misses.some(({ close }) => close) ? undefined : looksLike(graph));
  const reasons = misses.map(({ output, reason }) => `Output "${output}": ${reason}.`);
  const why = look ?? ["No output is a detection head that is known.", ...reasons.slice(0, 4)].join(" ");
  const advice = look === undefined && isQuantisedToTheEnd(graph) ? ` ${QUANTISED}` : "";
  return new WhyboxError("unsupported-model", `${found} ${why} ${EXPECTED}${advice}`, {
    details: { outputs: graph.outputs.map(({ name, shape }) => ({ name, shape })), reasons },
  });
}

const QUANTISED =
  "The file is quantised to its very output: pixels and probabilities share one scale, and little is left of either. Quantise it again without what lies behind the prediction convolutions (nodes_to_exclude of ONNX Runtime's quantiser), or give the float model.";

function isQuantisedToTheEnd({ nodes, outputs }: Graph): boolean {
  const names = new Set(outputs.map(({ name }) => name));
  return nodes.some(({ opType, outputs: [value] }) => opType === "DequantizeLinear" && names.has(value ?? ""));
}

/** A sentence about what the model seems to be and what to do about it; undefined when nothing fits. */
function looksLike(graph: Graph): string | undefined {
  if (graph.nodes.some((node) => /NonMaxSuppression|NMS/i.test(node.opType))) {
    return "Non-maximum suppression is inside, and the boxes before it could not be found: export it again without NMS.";
  }
  const shapes = graph.outputs.map((output) => output.shape).filter((shape) => shape !== undefined);
  const first = shapes[0];
  if (first === undefined) return undefined;
  if (first.length === 2) {
    return `This looks like a classifier (one output of shape ${listText(first)}): it draws no boxes. Use a detection model.`;
  }
  if (shapes.length === graph.outputs.length && shapes.every((shape) => shape.length >= 4)) {
    return "These look like raw maps of the detection levels, not decoded boxes: export the model with its decoding (YOLOv5: the default; v5.0: --grid).";
  }
  return undefined;
}

function shapeText({ shape }: ValueInfo): string {
  return shape === undefined ? "of unknown shape" : listText(shape);
}

function listText(shape: readonly Dim[]): string {
  return `[${shape.map((dim) => dim ?? "?").join(", ")}]`;
}
