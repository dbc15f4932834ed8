import { WhyboxError } from "../../errors.js";
import type { Dim, Graph, ValueInfo } from "../../onnx/model.js";

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
  const look = verdict ?? (misses.some(({ close }) => close) ? undefined : looksLike(graph));
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
  const shapes = graph.outputs.map((output) => output.shape).filter((shape) => shape !== undefined);
  if (shapes.length === 0) return undefined;
  if (shapes.length === graph.outputs.length && shapes.every((shape) => shape.length >= 4)) {
    return "These look like raw maps of the detection levels, not decoded boxes. Export the model with its decoding (YOLOv5: the default; v5.0: --grid).";
  }
  return undefined;
}

function shapeText({ shape }: ValueInfo): string {
  return shape === undefined ? "of unknown shape" : listText(shape);
}

function listText(shape: readonly Dim[]): string {
  return `[${shape.map((dim) => dim ?? "?").join(", ")}]`;
}
