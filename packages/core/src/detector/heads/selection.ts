import { intAttribute } from "../../onnx/attributes.js";
import type { GraphIndex } from "../../onnx/graph.js";
import type { Model, Node } from "../../onnx/model.js";
import { constantFloats } from "../constants.js";
import type { Selection } from "../head.js";
import { walkToConvs } from "./head-walk.js";

/** Maximum number of inner values to try. An export has one or two. */
const MAX_TRIED = 12;
/** Maximum number of values between a suppression and the rows before it. */
const MAX_STEPS = 60;

/** How the model itself selects boxes; undefined when it outputs all rows. */
export function selectionOf(model: Model, index: GraphIndex): Selection | undefined {
  const find = (pattern: RegExp) => model.graph.nodes.find((node) => pattern.test(node.opType));
  const suppression = find(NMS);
  const iou = constantFloats(index, suppression?.inputs[3] ?? "")?.[0];
  if (suppression !== undefined) return { nms: true, labels: "best", ...(iou === undefined ? {} : { iou }) };
  // Exports write the suppression of rotated boxes as single ops. These first select the boxes above the threshold.
  if (model.graph.nodes.some((node) => picksByValue(node, index))) return { nms: true, labels: "best" };
  const endToEnd = /^true$/i.test(model.metadata.get("end2end") ?? "");
  return find(/^TopK$/) !== undefined || endToEnd ? { nms: false, labels: "all" } : undefined;
}

/** Whether a node selects entries by their values. NonZero of a constant only counts cells, as in graphs built from checkpoints. */
function picksByValue({ opType, inputs }: Node, index: GraphIndex): boolean {
  if (opType === "NonZero") return index.producer(inputs[0] ?? "")?.opType !== "ConstantOfShape";
  return opType === "Compress";
}

/** Concatenations before the selection that may join boxes and classes, nearest to the outputs first. */
export function beforeSelection(index: GraphIndex): string[] {
  const found: string[] = [];
  const [boxes, scores] = (inputsOfSuppression(index)[0] ?? []).map((value) => index.ancestors([value]));
  // Both inputs of a suppression come from such a value. The corners of boxes alone do not.
  const isCommon = (value: string): boolean => boxes === undefined || (boxes.has(value) && scores!.has(value));
  const seen = new Set(index.graph.outputs.map(({ name }) => name));
  for (const value of seen) {
    const node = index.producer(value);
    if (node === undefined || node.opType === "Conv" || found.length === MAX_TRIED || seen.size > 4000) continue;
    if (node.opType === "Concat" && Math.abs(intAttribute(node, "axis", 0)) <= 2) {
      if (isCommon(value) && walkToConvs(index, value).unexpected === undefined) found.push(value);
    }
    for (const input of node.inputs) if (input !== "") seen.add(input);
  }
  return found;
}

/** The first two inputs of each suppression in the graph: boxes and scores. */
export function inputsOfSuppression(index: GraphIndex): string[][] {
  const nodes = index.graph.nodes.filter(({ opType, inputs }) => NMS.test(opType) && inputs.length > 1);
  return nodes.slice(0, MAX_TRIED).map(({ inputs }) => inputs.slice(0, 2));
}

/** Names of suppressions: ONNX's, and those of plugins such as EfficientNMS_TRT and BatchedNMSDynamic_TRT. */
const NMS = /NonMaxSuppression|NMS/i;

/**
 * The nearest value that is decoded from convolutions and nothing else. Before it, boxes can be scaled by a second input, and the rows of the highest
 * scores can be picked.
 */
export function decodedBefore(index: GraphIndex, value: string): string | undefined {
  const seen = new Set([value]);
  for (const name of seen) {
    const { convs, unexpected } = walkToConvs(index, name);
    if (unexpected === undefined && convs.length > 0) return beforePick(index, name);
    if (seen.size > MAX_STEPS) return undefined;
    for (const input of index.producer(name)?.inputs ?? []) if (input !== "") seen.add(input);
  }
  return undefined;
}

/** The rows from which a value picks those of a TopK; the value itself if it picks none. */
function beforePick(index: GraphIndex, value: string, depth = 8): string {
  const seen = new Set([value]);
  for (const name of seen) {
    const node = index.producer(name);
    if (node === undefined || node.opType === "Conv" || seen.size > MAX_STEPS) continue;
    const [data, places = ""] = node.inputs;
    if (/^Gather/.test(node.opType) && depth > 0 && dependsOnTopK(index, places)) {
      return beforePick(index, data!, depth - 1);
    }
    for (const input of node.inputs) if (input !== "") seen.add(input);
  }
  return value;
}

function dependsOnTopK(index: GraphIndex, value: string): boolean {
  return [...index.ancestors([value])].some((name) => index.producer(name)?.opType === "TopK");
}

/** A description of a value, for display. */
export function sourceOf({ graph }: GraphIndex, value: string): string {
  return graph.outputs.some(({ name }) => name === value) ? "output" : "the rows before the selection,";
}
