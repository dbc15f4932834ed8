import { intAttribute, intsAttribute } from "../../onnx/attributes.js";
import { GraphBuilder, type Value } from "../../onnx/builder.js";
import { freshPrefix } from "../../onnx/fresh-prefix.js";
import type { GraphIndex } from "../../onnx/graph.js";
import { DataType, type Dim, type Node } from "../../onnx/model.js";
import { constantInts, constantTensor } from "../constants.js";
import { gridlessHead, type HeadLevel } from "../head.js";
import { downsampling } from "../stride.js";
import { append, ONE } from "./canonical.js";
import type { FoundHead, HeadContext } from "./context.js";
import { outChannels } from "./head-walk.js";
import type { Miss } from "./refuse-head.js";

/**
 * A classifier: one output `[1, K]` (or `[1, K, 1, 1]`) that is computed from the last maps by pooling and linear layers. The predictions have one row:
 * the box is the whole input, the classes are probabilities, and the extra columns are the logits before the softmax or the sigmoid.
 */
export function findClassifier({ model, index, expectedClasses }: HeadContext): FoundHead | Miss {
  const [only, ...others] = model.graph.outputs;
  const output = only?.name ?? "";
  const miss = (reason: string, close = false): Miss => ({ output, reason, close });
  if (only === undefined || others.length > 0 || !FLOATS.has(only.elemType)) return miss("it is not one float output");
  if (only.shape !== undefined && !isClasses(only.shape)) return miss("it is not one score per class");
  const end = endOf(index, output);
  const maps = lastMaps(index, end.logits);
  if (maps.selectedBy !== undefined) {
    const { name, opType } = maps.selectedBy;
    const isNumber = opType === "ArgMax";
    const what = isNumber ? "is the number of a class; export the scores of all classes" : "is selected";
    return miss(`it ${what} (node "${name}", ${opType})`, isNumber);
  }
  if (maps.values.length === 0) {
    return miss("it is not pooled from a map of convolutions, so there is no map to explain", only.shape !== undefined);
  }
  const width = widthOf(index, end.logits);
  // Without a declared shape, only the layer that makes the scores tells that they are not rows.
  if (only.shape === undefined && width === undefined) return miss("its shape is not known");
  const declared = only.shape?.[1];
  const classCount = typeof declared === "number" ? declared : (width ?? expectedClasses);
  if (classCount === undefined) return miss("the number of classes is not in the file", true);
  const activation = end.activation ?? (classCount === 1 ? "Sigmoid" : "Softmax");
  const build = new GraphBuilder(freshPrefix(model, "whybox/predictions/"));
  const predictions = appendRow(build, { ...end, activation, input: model.graph.inputs[0]!.name });
  const level: HeadLevel = {
    stride: maps.stride,
    name: "image",
    anchors: 1,
    inputs: maps.values,
    convOutputs: [end.logits],
    rows: undefined,
  };
  const head = gridlessHead(
    {
      kind: "classifier",
      task: "classify",
      output: predictions,
      source: `class scores "${output}" for the whole image`,
      classCount,
      extraCount: classCount,
      hasObjectness: false,
      selection: { nms: false, labels: "all" },
      prototypes: undefined,
      ...(end.activation === undefined ? { assumed: [assumptionOf(activation)] } : {}),
    },
    level,
  );
  return { model: append(model, build), head: { ...head, rowCount: () => 1, rowRange: () => [0, 1] } };
}

type Activation = "Softmax" | "Sigmoid";

const FLOATS: ReadonlySet<number> = new Set([DataType.FLOAT, DataType.FLOAT16, DataType.DOUBLE]);

function assumptionOf(activation: Activation): string {
  return activation === "Softmax"
    ? "the scores are logits, and a softmax gives the probabilities"
    : "the score is the logit of one class, and a sigmoid gives its probability";
}

/** `[1, K]` or `[1, K, 1, 1]`. The batch may be unknown. */
function isClasses([batch, classes, ...rest]: readonly Dim[]): boolean {
  const isOne = typeof batch !== "number" || batch === 1;
  return isOne && classes !== undefined && classes !== 0 && rest.every((side) => side === 1);
}

/** Ops that only move or convert values. */
const MOVES: ReadonlySet<string> = new Set(
  "Identity Cast Flatten Reshape Squeeze Unsqueeze Dropout QuantizeLinear DequantizeLinear".split(" "),
);

/** The logits that an output is computed from, and the activation between them; undefined if there is none. */
function endOf(index: GraphIndex, output: string): { logits: Value; activation: Activation | undefined } {
  let value = output;
  for (let step = 0; step < 8; step++) {
    const node = index.producer(value);
    const given = node?.inputs[0];
    if (node === undefined || given === undefined) break;
    if (node.opType === "Softmax" || node.opType === "LogSoftmax") return { logits: given, activation: "Softmax" };
    if (node.opType === "Sigmoid") return { logits: given, activation: "Sigmoid" };
    if (!MOVES.has(node.opType)) break;
    value = given;
  }
  return { logits: output, activation: undefined };
}

/** Ops of a selection: rows that they pick are no classes. */
const SELECTS: ReadonlySet<string> = new Set("NonMaxSuppression TopK NonZero Compress ArgMax Loop If Scan".split(" "));

/** Maximum number of values between the logits and the last maps. Vision transformers have the most. */
const MAX_VALUES = 20_000;

/** The maps that the scores of a classifier are pooled from. */
interface LastMaps {
  readonly values: readonly Value[];
  readonly stride: number;
  /** The node of a selection between the maps and the logits. */
  readonly selectedBy?: Node;
}

function lastMaps(index: GraphIndex, logits: Value): LastMaps {
  const strides = downsampling(index.graph);
  const pooled = pooledValues(index, strides);
  const convs = index.graph.nodes.filter(({ opType }) => opType === "Conv").flatMap(({ outputs }) => outputs);
  const afterConv = index.descendants(convs);
  const isMap = (value: Value) => strides.has(value) && !pooled.has(value) && index.producer(value) !== undefined;
  const found = new Set<Value>();
  const seen = new Set<Value>();
  const visit = (value: Value) => {
    if (isMap(value)) found.add(beforePooling(index, value));
    else if (value !== "") seen.add(value);
  };
  visit(logits);
  for (const value of seen) {
    const node = index.producer(value);
    if (node === undefined || index.graph.initializers.has(value)) continue;
    if (node.domain === "" && SELECTS.has(node.opType)) return { values: [], stride: 1, selectedBy: node };
    if (seen.size > MAX_VALUES) break;
    node.inputs.forEach(visit);
  }
  const values = [...found].filter((value) => afterConv.has(value) && value !== logits);
  return { values, stride: Math.max(...values.map((value) => strides.get(value) ?? 1), 1) };
}

const GLOBAL_POOLS: ReadonlySet<string> = new Set(["GlobalAveragePool", "GlobalMaxPool", "GlobalLpPool"]);

/** Values that no longer have the axes of the image: pooled over all cells, or computed only from such values. */
function pooledValues(index: GraphIndex, strides: ReadonlyMap<Value, number>): ReadonlySet<Value> {
  const pooled = new Set<Value>();
  for (const node of index.order) {
    const maps = node.inputs.filter((input) => strides.has(input));
    if (maps.length === 0) continue;
    if (poolsAll(index, node) || maps.every((map) => pooled.has(map))) {
      for (const output of node.outputs) pooled.add(output);
    }
  }
  return pooled;
}

function poolsAll(index: GraphIndex, node: Node): boolean {
  if (GLOBAL_POOLS.has(node.opType)) return true;
  if (!/^Reduce(Mean|Max|Sum|L2)$/.test(node.opType)) return false;
  const axes = intsAttribute(node, "axes") ?? constantInts(index, node.inputs[1] ?? "");
  return axes === undefined || axes.length !== 1;
}

/** Ops of a classifier between a pooling with a kernel of the map's size and its end. */
const AFTER_POOLING: ReadonlySet<string> = new Set(
  "BatchNormalization Relu LeakyRelu Clip HardSwish Identity Cast Dropout Add Mul Sigmoid QuantizeLinear DequantizeLinear".split(
    " ",
  ),
);

/** The map before an AveragePool and 1×1 convolutions, or before a Transpose to channels last; otherwise the map itself. */
function beforePooling(index: GraphIndex, map: Value): Value {
  let value = map;
  for (let step = 0; step < 12; step++) {
    const node = index.producer(value);
    const input = node?.inputs[0];
    if (node === undefined || input === undefined) break;
    if (node.opType === "AveragePool") return input;
    if (node.opType === "Transpose" && step === 0) return input;
    const isPointwise = node.opType === "Conv" && intsAttribute(node, "kernel_shape")?.every((side) => side === 1);
    if (!isPointwise && !AFTER_POOLING.has(node.opType)) break;
    value = input;
  }
  return map;
}

/** Number of scores, from the constant weights of the linear layer or 1×1 convolution that makes them. */
function widthOf(index: GraphIndex, logits: Value): number | undefined {
  let value = logits;
  for (let step = 0; step < 8; step++) {
    const node = index.producer(value);
    if (node === undefined) return undefined;
    if (node.opType === "Conv") return outChannels(index, node);
    const constant = node.inputs.map((input) => constantTensor(index, input)).find((tensor) => tensor !== undefined);
    if (node.opType === "Gemm") return constant?.dims[intAttribute(node, "transB", 0) === 1 ? 0 : 1];
    if (node.opType === "MatMul") return constant?.dims.at(-1);
    if (node.opType === "Add") value = node.inputs.find((input) => constantTensor(index, input) === undefined) ?? "";
    else if (MOVES.has(node.opType) || GLOBAL_POOLS.has(node.opType)) value = node.inputs[0]!;
    else return undefined;
  }
  return undefined;
}

interface RowParts {
  readonly logits: Value;
  readonly activation: Activation;
  readonly input: Value;
}

/** Appends the row `[N, 1, 5 + 2K]`: the whole input as the box, 1, the probabilities and the logits. */
function appendRow(build: GraphBuilder, { logits, activation, input }: RowParts): Value {
  const floats = build.op("Cast", [logits], { to: DataType.FLOAT });
  const scores = build.op("Flatten", [floats], { axis: 1 });
  const probabilities =
    activation === "Softmax" ? build.op("Softmax", [scores], { axis: 1 }) : build.op("Sigmoid", [scores]);
  const shape = build.op("Shape", [input]);
  const [width, height] = [3, 2];
  const picked = build.op("Gather", [shape, build.ints([width, height, width, height, 0])], { axis: 0 });
  const sides = build.op("Cast", [picked], { to: DataType.FLOAT });
  // The fifth entry becomes the objectness: 0 · batch + 1.
  const scaled = build.op("Mul", [sides, build.floats([1, 5], Float32Array.of(0.5, 0.5, 1, 1, 0))]);
  const box = build.op("Add", [scaled, build.floats([1, 5], Float32Array.of(0, 0, 0, 0, 1))]);
  const first = build.op("Slice", [scores, build.ints([0]), build.ints([1]), build.ints([1]), build.ints([1])]);
  const ones = build.op("ConstantOfShape", [build.op("Shape", [first])], { value: { tensor: ONE } });
  const row = build.op("Concat", [build.op("Mul", [ones, box]), probabilities, scores], { axis: 1 });
  return build.op("Unsqueeze", [row, build.ints([1])]);
}
