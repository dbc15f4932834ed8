import { intAttribute } from "../../onnx/attributes.js";
import { GraphBuilder, type Value } from "../../onnx/builder.js";
import { freshPrefix } from "../../onnx/fresh-prefix.js";
import type { GraphIndex } from "../../onnx/graph.js";
import { DataType, type Model, type Node } from "../../onnx/model.js";
import { constantTensor } from "../constants.js";
import { cellsOf, type DetectorHead, type HeadLevel } from "../head.js";
import { downsampling } from "../stride.js";
import type { FoundHead } from "./anchor-free.js";
import { append } from "./canonical.js";
import { walkToConvs } from "./head-walk.js";
import type { Miss } from "./refuse-head.js";

/** Values looked at on the way from the outputs to the two sigmoids: selection is small. */
const MOST_VALUES = 400;

/**
 * Finds the head of a detection transformer (RT-DETR and its like): queries, each with a box by a sigmoid of four numbers, as shares of the
 * input in centre form, and a sigmoid for each class. The maps that the decoder reads, its memory, are the head's inputs.
 */
export function findQueryHead(model: Model, index: GraphIndex): FoundHead | Miss {
  const output = model.graph.outputs[0]?.name ?? "";
  const miss = (reason: string): Miss => ({ output, reason, close: false });
  const sigmoids = lastSigmoids(index);
  const boxes =
    sigmoids.find((one) => one.features === 4 && one.isRefinement) ?? sigmoids.find((one) => one.features === 4);
  const scores = sigmoids.find((one) => one !== boxes);
  if (boxes === undefined || scores === undefined) return miss("no queries with a box and classes stand behind it");
  const memory = memoryOf(index, [boxes.value, scores.value]);
  if (memory === undefined) return miss("the maps that its decoder reads could not be found");
  const selected = index.descendants([scores.value]);
  const hasTopK = model.graph.nodes.some((node) => node.opType === "TopK" && selected.has(node.inputs[0]!));
  const { model: extended, value } = appendQueries(model, boxes.value, scores);
  const head = queryHead(memory, {
    kind: "query",
    task: "detect",
    output: value,
    source: `queries: boxes "${boxes.value}" (shares), ${scores.features} classes "${scores.value}"`,
    classCount: scores.features,
    extraCount: 0,
    hasObjectness: false,
    selection: { nms: false, labels: hasTopK ? "all" : "best" },
    prototypes: undefined,
  });
  return { model: extended, head };
}

/** A head without a grid: every query may look everywhere, so there is one level that reads all maps. */
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

interface LastSigmoid {
  readonly value: string;
  /** Numbers that the linear layer before it gives. */
  readonly features: number;
  /** True when something computed is added before the sigmoid: a box refined layer by layer. */
  readonly isRefinement: boolean;
}

/** The sigmoids nearest to the outputs, behind a linear layer each. */
function lastSigmoids(index: GraphIndex): LastSigmoid[] {
  const found: LastSigmoid[] = [];
  const seen = new Set(index.graph.outputs.map(({ name }) => name));
  for (const value of seen) {
    const node = index.producer(value);
    if (node === undefined || seen.size > MOST_VALUES || LINEAR.has(node.opType)) continue;
    if (node.opType !== "Sigmoid") {
      for (const input of node.inputs) if (input !== "") seen.add(input);
      continue;
    }
    const features = featuresBehind(index, node.inputs[0]!);
    if (features !== undefined) found.push({ value, features, isRefinement: isRefined(index, node.inputs[0]!) });
  }
  return found;
}

const LINEAR: ReadonlySet<string> = new Set(["MatMul", "Gemm", "Conv", "LayerNormalization"]);

/** Features of the nearest linear layer with constant weights. */
function featuresBehind(index: GraphIndex, from: string): number | undefined {
  const seen = new Set([from]);
  for (const value of seen) {
    const node = index.producer(value);
    if (node === undefined || seen.size > 40) continue;
    if (node.opType === "MatMul" || node.opType === "Gemm") {
      const dims = constantTensor(index, node.inputs[1]!)?.dims;
      if (dims?.length !== 2) return undefined;
      return node.opType === "Gemm" && intAttribute(node, "transB", 0) === 1 ? dims[0] : dims[1];
    }
    for (const input of node.inputs) if (input !== "") seen.add(input);
  }
  return undefined;
}

function isRefined(index: GraphIndex, value: string): boolean {
  const node = index.producer(value);
  return node?.opType === "Add" && node.inputs.every((input) => constantTensor(index, input) === undefined);
}

/** The Concat of flattened maps, one convolution each, that the queries read: as one level of all maps. */
function memoryOf(index: GraphIndex, values: readonly string[]): HeadLevel | undefined {
  const behind = index.ancestors(values);
  const strides = downsampling(index.graph);
  const candidates = index.graph.nodes.filter(
    (node) => node.opType === "Concat" && node.inputs.length > 1 && behind.has(node.outputs[0]!),
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
  return undefined;
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

function appendQueries(model: Model, boxes: Value, scores: LastSigmoid): { model: Model; value: Value } {
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
  const value = build.op("Concat", [pixels, ones, rows(scores.value, scores.features)], { axis: 2 });
  return { model: append(model, build), value };
}
