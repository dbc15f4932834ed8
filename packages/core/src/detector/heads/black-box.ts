import { intAttribute } from "../../onnx/attributes.js";
import { GraphBuilder, type Value } from "../../onnx/builder.js";
import { readsOf } from "../../onnx/cut.js";
import { freshPrefix } from "../../onnx/fresh-prefix.js";
import type { GraphIndex } from "../../onnx/graph.js";
import { FLOATS } from "../../onnx/half.js";
import { DataType, type Dim, type ValueInfo } from "../../onnx/model.js";
import { constantTensor } from "../constants.js";
import type { FamilyPreparation } from "../family-preparation.js";
import { gridlessHead, type HeadLevel } from "../head.js";
import { normalisationOf, rangeOf } from "../input/normalisation.js";
import { downsampling } from "../stride.js";
import { append } from "./canonical.js";
import type { FoundHead, HeadContext } from "./context.js";
import type { Miss } from "./refuse-head.js";
import { skipsFirstColumn } from "./skips-first-column.js";

/** Least number of rows. Fewer boxes are filled up with rows of zeros, which also serve a model that finds nothing. */
const ROWS = 300;
/** Number of classes when there are no names, and the graph does not tell it. Larger labels count as the last class. */
const CLASSES = 1000;
/** Maximum number of classes that the graph tells. */
const MAX_CLASSES = 20_000;

/**
 * The way of last resort: a model that gives the boxes that it selected, with a score and a label each. The rows before the selection were not
 * found, so nothing is differentiated. Methods that only run the network can still explain it.
 */
export function findBlackBox({ model, index, expectedClasses }: HeadContext): FoundHead | Miss {
  const output = model.graph.outputs[0]?.name ?? "";
  const found = selectedBoxes(model.graph.outputs);
  if (found === undefined) return { output, reason: "it is not boxes with scores and labels", close: false };
  const level = levelOf(index, Object.values(found.values));
  if (typeof level === "string") return { output, reason: level, close: true };
  const scored = scoreColumns(index, found.values.scores.value);
  const fromOne = scored?.isBackgroundFirst === true;
  const classCount = fromOne ? scored.columns - 1 : (expectedClasses ?? scored?.columns ?? CLASSES);
  const isLimit = expectedClasses === undefined && scored === undefined;
  const build = new GraphBuilder(freshPrefix(model, "whybox/predictions/"));
  const predictions = appendRows(build, {
    ...found,
    input: model.graph.inputs[0]!.name,
    classCount,
    firstLabel: fromOne ? 1 : 0,
    isLimit,
  });
  const head = gridlessHead(
    {
      kind: "black-box",
      task: "detect",
      output: predictions,
      source: `the boxes that the model selects, ${found.title}`,
      classCount,
      extraCount: 0,
      hasObjectness: true,
      selection: { nms: false, labels: "best" },
      prototypes: undefined,
      ...(fromOne ? { labelsFromOne: true } : {}),
      assumed: [
        "no gradients: only methods that run the network",
        `boxes are ${found.form}, in pixels, or shares if none is above 2`,
        ...(fromOne ? ["labels count from 1, after the background"] : []),
        ...(isLimit ? [`labels count from 0, and those from ${CLASSES - 1} on are one class`] : []),
        ...(expectedClasses !== undefined && scored === undefined
          ? [`labels count from 0, and those from ${classCount} on have no name and are left out`]
          : []),
      ],
      ...(isPrepared(index) ? { preparation: MASKRCNN } : {}),
    },
    { ...level, convOutputs: [predictions] },
  );
  return { model: append(model, build), head };
}

/** As maskrcnn-benchmark prepares them (FasterRCNN-12 and MaskRCNN-12 of the ONNX Model Zoo). */
const MASKRCNN: FamilyPreparation = { range: 255, channels: "bgr", mean: [102.9801, 115.9465, 122.7717] };

/** Whether a file takes an image `[3, h, w]` and does not normalise it. Those of torchvision do. */
function isPrepared(index: GraphIndex): boolean {
  const image = index.graph.inputs[0]?.name ?? "";
  const isUnbatched = index.consumers(image).some(({ opType }) => opType === "Squeeze");
  return isUnbatched && rangeOf(normalisationOf(index, image)) === undefined;
}

/**
 * The columns of the class scores that a softmax gives before the selection, and whether the selection leaves out the first one. Undefined if
 * there is no such softmax.
 */
function scoreColumns(
  index: GraphIndex,
  scores: Value,
): { readonly columns: number; readonly isBackgroundFirst: boolean } | undefined {
  const seen = new Set([scores]);
  for (const value of seen) {
    const node = index.producer(value);
    if (node?.opType === "Softmax") {
      const columns = layerWidth(index, node.inputs[0]!);
      if (columns === undefined || columns < 2 || columns > MAX_CLASSES) return undefined;
      return { columns, isBackgroundFirst: skipsFirstColumn(index, value, columns) };
    }
    if (node === undefined || LAYERS.has(node.opType) || seen.size > MAX_STEPS) continue;
    for (const input of readsOf(node)) seen.add(input);
  }
  return undefined;
}

/** Maximum number of values between the scores and their softmax. A selection for each of many classes has thousands. */
const MAX_STEPS = 8000;
const LAYERS: ReadonlySet<string> = new Set(["MatMul", "Gemm", "Conv"]);

/** Number of columns of a linear layer with constant weights. */
function layerWidth(index: GraphIndex, value: Value): number | undefined {
  const node = index.producer(value);
  if (node?.opType === "Add") {
    return node.inputs.map((input) => constantTensor(index, input)?.dims.at(-1)).find((width) => width !== undefined);
  }
  const dims = constantTensor(index, node?.inputs[1] ?? "")?.dims;
  if (node?.opType === "MatMul") return dims?.at(-1);
  return node?.opType === "Gemm" ? dims?.[intAttribute(node, "transB", 0) === 1 ? 0 : 1] : undefined;
}

/** Where boxes, scores and labels are: an output, and columns of it. */
export interface Part {
  readonly value: Value;
  /** Number of columns of the output. */
  readonly width: number;
  readonly from: number;
  readonly to: number;
}

export interface Selected {
  readonly values: { readonly boxes: Part; readonly scores: Part; readonly labels: Part };
  /** The columns of a box. */
  readonly form: "x1 y1 x2 y2" | "y1 x1 y2 x2" | "x y w h";
  readonly title: string;
}

const INTEGERS: ReadonlySet<number> = new Set([DataType.INT32, DataType.INT64]);

/** Finds boxes, scores and labels among the outputs, by their shapes, types and, where these are equal, names. */
export function selectedBoxes(outputs: readonly ValueInfo[]): Selected | undefined {
  const whole = (value: ValueInfo, width = 1): Part => ({ value: value.name, width, from: 0, to: width });
  const tables = outputs.filter((output) => FLOATS.has(output.elemType) && output.shape !== undefined);
  const ofWidth = (...widths: number[]): ValueInfo | undefined =>
    tables.find(({ shape = [] }) => isTable(shape) && widths.includes(Number(shape.at(-1))));
  const boxes = ofWidth(4, 5);
  const lists = outputs.filter((output) => output !== boxes && output.shape !== undefined && isList(output.shape));
  const labels =
    lists.find(({ elemType, name }) => INTEGERS.has(elemType) && !COUNTS.test(name)) ?? lists.find(isLabels);
  if (boxes !== undefined && labels !== undefined) {
    const width = Number(boxes.shape!.at(-1));
    const scores = lists.find((one) => one !== labels && FLOATS.has(one.elemType) && !COUNTS.test(one.name));
    const inBoxes = width === 5 ? { value: boxes.name, width, from: 4, to: 5 } : undefined;
    const part = inBoxes ?? (scores && whole(scores));
    if (part === undefined) return undefined;
    const form = formOf(boxes.name);
    const values = { boxes: { value: boxes.name, width, from: 0, to: 4 }, scores: part, labels: whole(labels) };
    return { values, form, title: `boxes "${boxes.name}", scores "${part.value}", labels "${labels.name}"` };
  }
  const one = ofWidth(6);
  if (one === undefined) return undefined;
  const columns = (from: number, to = from + 1): Part => ({ value: one.name, width: 6, from, to });
  const values = { boxes: columns(0, 4), scores: columns(4), labels: columns(5) };
  return { values, form: formOf(one.name), title: `"${one.name}" (box, score, label)` };
}

/** TensorFlow's detectors give y before x. Boxes are corners, unless the name tells otherwise. */
function formOf(name: string): Selected["form"] {
  if (/^detection_boxes/i.test(name)) return "y1 x1 y2 x2";
  return /c?xc?ywh/i.test(name) ? "x y w h" : "x1 y1 x2 y2";
}

/** Names of outputs with a number of boxes. */
const COUNTS = /num|count|valid/i;

function isLabels({ name }: ValueInfo): boolean {
  return /label|class|cls/i.test(name);
}

/** `[n, width]` or `[1, n, width]`. */
function isTable(shape: readonly Dim[]): boolean {
  return shape.length === 2 || (shape.length === 3 && (shape[0] === 1 || typeof shape[0] !== "number"));
}

/** `[n]`, `[1, n]` or `[1, n, 1]`, and no single number. */
function isList(shape: readonly Dim[]): boolean {
  const sides = shape.filter((side, i) => side !== 1 && !(i === 0 && shape.length > 1 && typeof side !== "number"));
  return sides.length === 1 || (shape.length === 1 && shape[0] !== 1);
}

/** Coarsest stride where the strides are not known. */
const USUAL_STRIDE = 32;

/** The map that the last convolution reads, and the largest stride. Returns a reason if the runtime cannot compute the boxes. */
function levelOf(index: GraphIndex, parts: readonly Part[]): Omit<HeadLevel, "convOutputs"> | string {
  const upstream = index.ancestors(parts.map(({ value }) => value));
  const nodes = index.graph.nodes.filter(({ outputs }) => outputs.some((value) => upstream.has(value)));
  const foreign = nodes.find(({ domain }) => !DOMAINS.has(domain));
  if (foreign !== undefined) {
    return `its boxes come from node "${foreign.name}" (${foreign.domain}.${foreign.opType}), which ONNX Runtime does not have, and the rows before it were not found`;
  }
  if (!nodes.some(({ opType }) => SELECTS.has(opType))) return "its outputs are not selected boxes";
  const strides = downsampling(index.graph);
  const known = nodes.flatMap(({ outputs: [value = ""] }) => strides.get(value) ?? []);
  const stride = known.length === 0 ? USUAL_STRIDE : Math.max(...known);
  const last = nodes.findLast(({ opType }) => opType === "Conv");
  const inputs = last === undefined ? [] : [last.inputs[0]!];
  return { stride, name: "boxes", anchors: 1, inputs, rows: undefined };
}

/** Ops of a selection. Without one, the rows of an output are no selected boxes, and their columns mean something else. */
const SELECTS: ReadonlySet<string> = new Set(["NonMaxSuppression", "TopK", "NonZero", "Compress", "Loop", "If"]);
const DOMAINS: ReadonlySet<string> = new Set(["", "ai.onnx", "ai.onnx.ml", "com.microsoft"]);

interface RowOptions {
  /** The image. */
  readonly input: Value;
  readonly classCount: number;
  /** The label of the first class. */
  readonly firstLabel: number;
  /** Whether larger labels count as the last class. */
  readonly isLimit: boolean;
}

/** Appends the rows `[1, R, 5 + K]`: box, score as objectness, and 1 for the class of the label. */
function appendRows(
  build: GraphBuilder,
  { values, form, input, classCount, firstLabel, isLimit }: Selected & RowOptions,
): Value {
  const cut = (value: Value, from: number, to: number, axis = 1): Value =>
    build.op("Slice", [value, build.ints([from]), build.ints([to]), build.ints([axis]), build.ints([1])]);
  const read = ({ value, width, from, to }: Part): Value => {
    const floats = build.op("Cast", [value], { to: DataType.FLOAT });
    const rows = build.op("Reshape", [floats, build.ints([-1, width])]);
    return to - from === width ? rows : cut(rows, from, to);
  };
  const columns = 5 + classCount;
  const table = read(values.boxes);
  const count = build.op("Max", [build.op("Shape", [table], { start: 0, end: 1 }), build.ints([ROWS])]);
  const filled = (value: Value, width: number, by = 0): Value => {
    const more = build.floats([ROWS, width], new Float32Array(ROWS * width).fill(by));
    const long = build.op("Concat", [value, more], { axis: 0 });
    return build.op("Slice", [long, build.ints([0]), count, build.ints([0]), build.ints([1])]);
  };
  const given = filled(table, 4);
  const boxes = form === "y1 x1 y2 x2" ? build.op("Gather", [given, build.ints([1, 0, 3, 2])], { axis: 1 }) : given;
  const shape = build.op("Shape", [input]);
  const sides = build.op("Cast", [build.op("Gather", [shape, build.ints([3, 2, 3, 2])], { axis: 0 })], {
    to: DataType.FLOAT,
  });
  const most = build.op("ReduceMax", [boxes], { keepdims: 0 });
  const areShares = build.op("LessOrEqual", [most, build.float(2)]);
  const pixels = build.op("Where", [areShares, build.op("Mul", [boxes, sides]), boxes]);
  const [low, high] = [cut(pixels, 0, 2), cut(pixels, 2, 4)];
  const centre = build.op("Mul", [build.op("Add", [low, high]), build.float(0.5)]);
  const box = form === "x y w h" ? [pixels] : [centre, build.op("Sub", [high, low])];
  const scores = filled(read(values.scores), 1);
  const numbers = build.floats(
    [1, classCount],
    Float32Array.from({ length: classCount }, (_, k) => k + firstLabel),
  );
  const labels = filled(read(values.labels), 1, -1);
  const bounded = isLimit ? build.op("Min", [labels, build.float(classCount - 1)]) : labels;
  const isClass = build.op("Equal", [bounded, numbers]);
  const classes = build.op("Cast", [isClass], { to: DataType.FLOAT });
  const rows = build.op("Concat", [...box, scores, classes], { axis: 1 });
  return build.op("Reshape", [rows, build.ints([1, -1, columns])]);
}
