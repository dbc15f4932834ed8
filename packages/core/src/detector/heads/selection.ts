import { intAttribute } from "../../onnx/attributes.js";
import type { GraphIndex } from "../../onnx/graph.js";
import type { Model, Node } from "../../onnx/model.js";
import { constantFloats } from "../constants.js";
import type { Selection } from "../head.js";
import { walkToConvs } from "./head-walk.js";

/** Most inner values that are tried; a real export has one or two. */
const MOST_TRIED = 12;

/** How the file itself selects boxes; undefined when it gives all its rows and says nothing. */
export function selectionOf(model: Model, index: GraphIndex): Selection | undefined {
  const find = (pattern: RegExp) => model.graph.nodes.find((node) => pattern.test(node.opType));
  const suppression = find(/NonMaxSuppression|NMS/i);
  const iou = constantFloats(index, suppression?.inputs[3] ?? "")?.[0];
  if (suppression !== undefined) return { nms: true, labels: "best", ...(iou === undefined ? {} : { iou }) };
  // Suppression of oriented boxes is written out: it picks those above the threshold before it compares them.
  if (model.graph.nodes.some((node) => picksByValue(node, index))) return { nms: true, labels: "best" };
  const endToEnd = /^true$/i.test(model.metadata.get("end2end") ?? "");
  return find(/^TopK$/) !== undefined || endToEnd ? { nms: false, labels: "all" } : undefined;
}

/** Whether a node picks entries by what they are. NonZero of a constant only counts cells, as our own graphs of checkpoints do. */
function picksByValue({ opType, inputs }: Node, index: GraphIndex): boolean {
  if (opType === "NonZero") return index.producer(inputs[0] ?? "")?.opType !== "ConstantOfShape";
  return opType === "Compress";
}

/** Concatenations in front of the selection, nearest to the outputs first, each of which may join boxes and classes. */
export function beforeSelection(index: GraphIndex): string[] {
  const found: string[] = [];
  const seen = new Set(index.graph.outputs.map(({ name }) => name));
  for (const value of seen) {
    const node = index.producer(value);
    if (node === undefined || node.opType === "Conv" || found.length === MOST_TRIED || seen.size > 4000) continue;
    if (node.opType === "Concat" && Math.abs(intAttribute(node, "axis", 0)) <= 2) {
      if (walkToConvs(index, value).stranger === undefined) found.push(value);
    }
    for (const input of node.inputs) if (input !== "") seen.add(input);
  }
  return found;
}

/** What a value is, for people. */
export function sourceOf({ graph }: GraphIndex, value: string): string {
  return graph.outputs.some(({ name }) => name === value) ? "output" : "the rows before the selection,";
}
