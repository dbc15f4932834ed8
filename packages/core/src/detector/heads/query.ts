import { intAttribute } from "../../onnx/attributes.js";
import { GraphBuilder, type Value } from "../../onnx/builder.js";
import { freshPrefix } from "../../onnx/fresh-prefix.js";
import type { GraphIndex } from "../../onnx/graph.js";
import { DataType, type Model, type Node } from "../../onnx/model.js";
import { cellsOf, type DetectorHead, type HeadLevel } from "../head.js";
import { downsampling } from "../stride.js";
import { append } from "./canonical.js";
import type { FoundHead } from "./context.js";
import { walkToConvs } from "./head-walk.js";
import { type QueryEnds, queryEnds } from "./query-ends.js";
import type { Miss } from "./refuse-head.js";

/**
 * Finds the head of a detection transformer (DETR, RT-DETR and similar models). Each query has a box and class scores. The box is a sigmoid of
 * four numbers: fractions of the input size in centre form. The classes have one sigmoid each, or one softmax together. The inputs of the head
 * are the maps that the decoder reads (its memory).
 */
export function findQueryHead(model: Model, index: GraphIndex): FoundHead | Miss {
  const output = model.graph.outputs[0]?.name ?? "";
  const miss = (reason: string): Miss => ({ output, reason, close: false });
  const ends = queryEnds(index);
  if (ends === undefined) return miss("it is not computed from queries with boxes and classes");
  const { boxes, scores, classCount, form } = ends;
  const memory = memoryOf(index, [boxes, scores]);
  if (memory === undefined) return miss("the input maps of its decoder were not found");
  const selected = index.descendants([scores]);
  const hasTopK = model.graph.nodes.some((node) => node.opType === "TopK" && selected.has(node.inputs[0]!));
  const { model: extended, value } = appendQueries(model, ends);
  const head = queryHead(memory, {
    kind: "query",
    task: "detect",
    output: value,
    source: `queries: boxes "${boxes}" (shares), ${classCount} classes "${scores}"${form === "probabilities" ? "" : ` (${form})`}`,
    classCount,
    extraCount: 0,
    hasObjectness: false,
    selection: { nms: false, labels: hasTopK || form === "logits" ? "all" : "best" },
    prototypes: undefined,
  });
  return { model: extended, head };
}

/** Creates a head without a grid. Every query can attend to every position, so one level reads all maps. */
function queryHead(
  level: HeadLevel,
  facts: Omit<DetectorHead, "levels" | "originOf" | "rowCount" | "cells" | "rowRange">,
): DetectorHead {
  return {
    ...facts,
    levels: [level],
    rowCount: () => undefined,
    cells: (_, inputSize) => cellsOf(level, inputSize),
    rowRange: () => [0, Number.MAX_SAFE_INTEGER],
    originOf(_, inputSize, [x, y]) {
      const [height, width] = cellsOf(level, inputSize);
      const cell = (position: number, count: number) =>
        Math.min(Math.max(Math.floor(position / level.stride), 0), count - 1);
      return { level: 0, anchor: 0, cell: [cell(x, width), cell(y, height)] };
    },
  };
}

/**
 * The level of all maps that the queries read: a Concat of flattened maps with one convolution each. Without such a Concat, it is the
 * single map that has a stride and no further convolution after it: DETR reads one map.
 */
function memoryOf(index: GraphIndex, values: readonly string[]): HeadLevel | undefined {
  const upstream = index.ancestors(values);
  const strides = downsampling(index.graph);
  const candidates = index.graph.nodes.filter(
    (node) => node.opType === "Concat" && node.inputs.length > 1 && upstream.has(node.outputs[0]!),
  );
  for (const concat of candidates.reverse()) {
    const axis = intAttribute(concat, "axis", 0);
    if (axis !== 1 && axis !== -2) continue;
    const convs = concat.inputs.map((input) => {
      const walk = walkToConvs(index, input);
      return walk.convs.length === 1 && isFlattened(index, input) ? walk.convs[0]! : undefined;
    });
    if (convs.includes(undefined)) continue;
    return levelOf(convs as Node[], strides);
  }
  const last = index.graph.nodes.filter((node) => node.opType === "Conv" && upstream.has(node.outputs[0]!));
  const inner = new Set(last.flatMap((conv) => [...index.ancestors(conv.inputs.slice(0, 1))]));
  const [only, ...others] = last.filter((conv) => !inner.has(conv.outputs[0]!));
  return only === undefined || others.length > 0 ? undefined : levelOf([only], strides);
}

function isFlattened(index: GraphIndex, value: string): boolean {
  let name = value;
  for (let step = 0; step < 6; step++) {
    const node = index.producer(name);
    if (node?.opType === "Reshape" || node?.opType === "Flatten") return true;
    if (node === undefined || node.opType === "Conv") return false;
    name = node.inputs[0]!;
  }
  return false;
}

function levelOf(convs: readonly Node[], strides: ReadonlyMap<string, number>): HeadLevel | undefined {
  const known = convs.map((conv) => strides.get(conv.outputs[0]!) ?? Number.NaN);
  const stride = Math.min(...known.filter(Number.isFinite));
  if (!Number.isFinite(stride)) return undefined;
  return {
    stride,
    name: "queries",
    anchors: 1,
    inputs: convs.map((conv) => conv.inputs[0]!),
    convOutputs: convs.map((conv) => conv.outputs[0]!),
    rows: undefined,
  };
}

function appendQueries(model: Model, { boxes, scores, classCount, form }: QueryEnds): { model: Model; value: Value } {
  const build = new GraphBuilder(freshPrefix(model, "whybox/predictions/"));
  const float = (value: Value): Value => build.op("Cast", [value], { to: DataType.FLOAT });
  const rows = (value: Value, columns: number): Value =>
    build.op("Reshape", [float(value), build.ints([1, -1, columns])]);
  const shape = build.op("Shape", [model.graph.inputs[0]!.name]);
  const sides = float(build.op("Gather", [shape, build.ints([3, 2, 3, 2])], { axis: 0 }));
  const pixels = build.op("Mul", [rows(boxes, 4), sides]);
  const one = { name: "", dims: [1], dataType: DataType.FLOAT, bytes: new Uint8Array(Float32Array.of(1).buffer) };
  const first = build.op("Slice", [pixels, build.ints([0]), build.ints([1]), build.ints([2]), build.ints([1])]);
  const ones = build.op("ConstantOfShape", [build.op("Shape", [first])], { value: { tensor: one } });
  const columns = form.startsWith("softmax") ? classCount + 1 : classCount;
  const raw = rows(scores, columns);
  const probabilities =
    form === "logits"
      ? build.op("Sigmoid", [raw])
      : form === "softmax logits"
        ? build.op("Softmax", [raw], { axis: -1 })
        : raw;
  const classes =
    columns === classCount
      ? probabilities
      : build.op("Slice", [probabilities, build.ints([0]), build.ints([classCount]), build.ints([2]), build.ints([1])]);
  const value = build.op("Concat", [pixels, ones, classes], { axis: 2 });
  return { model: append(model, build), value };
}
