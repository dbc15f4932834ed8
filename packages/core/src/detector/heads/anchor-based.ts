import { intsAttribute } from "../../onnx/attributes.js";
import type { GraphIndex } from "../../onnx/graph.js";
import type { Model, Node } from "../../onnx/model.js";
import { constantFloats, shapeVector } from "../constants.js";
import { type DetectorHead, gridHead, type HeadLevel, levelName, type Selection } from "../head.js";
import { downsampling } from "../stride.js";
import { isUndecoded, type LevelPart, levelParts, outChannels, walkToConvs } from "./head-walk.js";
import { prototypesOf } from "./prototypes.js";
import type { Miss } from "./refuse-head.js";
import { beforeSelection, selectionOf, sourceOf } from "./selection.js";

/**
 * Finds the anchor-based detection head `[1, R, 5+K]` (with masks `[1, R, 5+K+E]`) of YOLOv5 v5 to v7. It walks from the output back through
 * the decoding (Concat of levels, Reshape, Sigmoid, Transpose) to one prediction convolution per level. It does not use names. Raw outputs of
 * the levels are ignored. If the model selects boxes itself, the head uses the rows before the selection.
 */
export function findAnchorBasedHead(model: Model, index: GraphIndex): DetectorHead | readonly Miss[] {
  const misses: Miss[] = [];
  for (const { name, shape } of model.graph.outputs) {
    if (shape !== undefined && shape.length !== 3) continue;
    const found = headAt(index, name, { nms: true, labels: "best" });
    if ("kind" in found) return found;
    misses.push(found);
  }
  const selection = selectionOf(model, index);
  if (selection?.nms !== true) return misses;
  for (const value of beforeSelection(index)) {
    const found = headAt(index, value, selection);
    if ("kind" in found) return found;
  }
  return misses;
}

/**
 * The head of rows with columns that have no sigmoid, which count as classes here. They can be points.
 * @returns the reason if the output has no such rows.
 */
export function pointRowsAt(index: GraphIndex, output: string): DetectorHead | Miss {
  return headAt(index, output, { nms: true, labels: "best" }, true);
}

/** The head that computes an output, or the reason why there is none. */
function headAt(index: GraphIndex, output: string, selection: Selection, takesBare = false): DetectorHead | Miss {
  const miss = (reason: string, close: boolean): Miss => ({ output, reason, close });
  const parts = levelParts(index, output);
  if (!isParts(parts)) {
    if (parts.unexpected !== undefined)
      return miss(`unexpected in the decoding of anchor boxes: ${parts.unexpected}`, false);
    return miss(`expected one prediction convolution per level, found ${parts.convs.length} convolutions`, false);
  }
  if (isUndecoded(walkToConvs(index, output))) return miss("its boxes are not decoded", false);
  const columns = columnsOf(index, output, parts);
  if (columns === undefined) return miss("the number of columns (5 + classes) is unknown", true);
  const factors = downsampling(index.graph);
  const masks = prototypesOf(index, new Set(parts.map(({ conv }) => conv.outputs[0]!)));
  const plain = isPlainConcat(index, output, parts);
  const levels: HeadLevel[] = [];
  for (const part of parts) {
    const level = levelOf(index, part, { columns, factors, takesBare: takesBare || masks !== undefined });
    if (typeof level === "string") return miss(level, true);
    levels.push({ ...level, rows: plain ? part.value : undefined });
  }
  const extraCount = masks?.channels ?? 0;
  if (columns - 5 - extraCount < 1) return miss(`its ${columns} columns contain no class`, true);
  const facts = {
    kind: "anchor-based",
    task: masks === undefined ? "detect" : "segment",
    output,
    source: `${sourceOf(index, output)} "${output}" [1, rows, 5 + classes${masks === undefined ? "" : " + mask coefficients"}]`,
    classCount: columns - 5 - extraCount,
    extraCount,
    hasObjectness: true,
    selection,
    prototypes: masks?.value,
  } as const;
  return gridHead(facts, levels);
}

function isParts(found: ReturnType<typeof levelParts>): found is readonly LevelPart[] {
  return Array.isArray(found);
}

/** True when the output is the Concat of the parts, without further changes to the rows. */
function isPlainConcat(index: GraphIndex, output: string, parts: readonly LevelPart[]): boolean {
  let value = output;
  for (let step = 0; step < 8; step++) {
    if (parts.length === 1 && parts[0]!.value === value) return true;
    const node = index.producer(value);
    if (node?.opType === "Concat") return node.inputs.join("\n") === parts.map((part) => part.value).join("\n");
    if (node?.opType !== "Identity") return false;
    value = node.inputs[0]!;
  }
  return false;
}

/** What is known of all levels. */
interface LevelFacts {
  readonly columns: number;
  /** Output of a prediction convolution → the stride that its decoding multiplies by. */
  readonly factors: ReadonlyMap<string, number>;
  /** Whether columns may have no sigmoid: mask coefficients, points. */
  readonly takesBare: boolean;
}

function levelOf(
  index: GraphIndex,
  { value, conv }: LevelPart,
  { columns, factors, takesBare }: LevelFacts,
): Omit<HeadLevel, "rows"> | string {
  const where = `convolution "${conv.name}"`;
  const channels = outChannels(index, conv);
  if (channels === undefined) return `the weights of ${where} are not constant`;
  if (columns < 6 || channels % columns !== 0) {
    return `${where} has ${channels} channels, which is not a multiple of the ${columns} columns (5 + classes)`;
  }
  if (!takesBare && walkToConvs(index, value, { stopAtSigmoid: true }).convs.length > 0) {
    return `some columns of ${where} skip the sigmoid (raw logits, or mask coefficients without prototypes)`;
  }
  if (!isAnchorMajor(index, conv)) return `the rows of ${where} are not ordered by anchor, then by cell`;
  const stride = factors.get(conv.outputs[0]!) ?? strideFactor(index, value);
  if (stride === undefined || !(stride >= 1)) return `the stride of ${where} is unknown`;
  return {
    stride,
    name: levelName(stride),
    anchors: channels / columns,
    inputs: [conv.inputs[0]!],
    convOutputs: [conv.outputs[0]!],
  };
}

/** Number of columns (5 + K): from the last dimension of the output, else the last Reshape of a level, else the Reshape into anchors. */
function columnsOf(index: GraphIndex, output: string, parts: readonly LevelPart[]): number | undefined {
  const declared = index.graph.outputs.find(({ name }) => name === output)?.shape;
  const last = declared?.length === 3 ? declared[2] : undefined;
  if (typeof last === "number" && last > 0) return last;
  for (const { value, conv } of parts) {
    const node = index.producer(value);
    const flat = node?.opType === "Reshape" ? shapeVector(index, node.inputs[1] ?? "")?.at(-1) : undefined;
    const split = layoutOf(index, conv).shape?.[2];
    for (const columns of [flat, split]) if (typeof columns === "number" && columns > 0) return columns;
  }
  return undefined;
}

/** True when the map `[1, na·no, h, w]` becomes `[1, na, h, w, no]`, or the same with the cells in one axis. */
function isAnchorMajor(index: GraphIndex, conv: Node): boolean {
  const perm = layoutOf(index, conv).perm?.join();
  return perm === "0,1,3,4,2" || perm === "0,1,3,2";
}

interface Layout {
  /** The shape of the map after the Reshape: `[1, na, no, h, w]`. */
  readonly shape: readonly (number | null)[] | undefined;
  readonly perm: readonly number[] | undefined;
}

/** Follows the output of a convolution to the Reshape into anchors and the Transpose after it. */
function layoutOf(index: GraphIndex, conv: Node): Layout {
  let shape: Layout["shape"];
  let value = conv.outputs[0]!;
  for (let step = 0; step < 8; step++) {
    const node = index.consumers(value).find((consumer) => BEFORE_TRANSPOSE.has(consumer.opType));
    if (node === undefined) break;
    if (node.opType === "Transpose") return { shape, perm: intsAttribute(node, "perm") };
    if (node.opType === "Reshape") shape = shapeVector(index, node.inputs[1] ?? "");
    value = node.outputs[0]!;
  }
  return { shape, perm: undefined };
}

const BEFORE_TRANSPOSE: ReadonlySet<string> = new Set([
  "Reshape",
  "Transpose",
  "Sigmoid",
  "Add",
  "Mul",
  "Cast",
  "Identity",
  "QuantizeLinear",
  "DequantizeLinear",
]);

/** The largest scalar factor in the decoding of a level: (xy · 2 + grid) · stride. It gives the stride if the stem hides it. */
function strideFactor(index: GraphIndex, value: string): number | undefined {
  const seen = new Set([value]);
  let largest: number | undefined;
  for (const name of seen) {
    const node = index.producer(name);
    if (node === undefined || node.opType === "Conv") continue;
    for (const input of node.inputs) {
      const scalar = node.opType === "Mul" ? constantFloats(index, input) : undefined;
      if (scalar?.length === 1 && scalar[0]! > Math.max(2, largest ?? 0)) largest = scalar[0]!;
      if (input !== "") seen.add(input);
    }
  }
  return largest;
}
