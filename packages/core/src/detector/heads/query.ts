import type { Size } from "../../image/frame.js";
import { GraphBuilder, type Value } from "../../onnx/builder.js";
import { elementType } from "../../onnx/element-type.js";
import { freshPrefix } from "../../onnx/fresh-prefix.js";
import { DataType, type Model, type Node } from "../../onnx/model.js";
import { gridlessHead, type HeadFacts, type HeadLevel } from "../head.js";
import { downsampling } from "../stride.js";
import { append } from "./canonical.js";
import type { FoundHead, HeadContext } from "./context.js";
import { type QueryEnds, queryEnds, tableOf } from "./query-ends.js";
import { memoryConvs } from "./query-memory.js";
import { type RunValue, runOnNoise } from "./query-run.js";
import { followsAttention, valuesBeforeOutputs } from "./query-structure.js";
import type { Miss } from "./refuse-head.js";

/** Maximum number of maps whose size is measured in the run. */
const MAX_MEASURED = 64;

/** The size of the run for a model without a fixed size. It gives a decoder enough cells for its queries. */
const OPEN_SIZE: Size = [320, 384];

/**
 * Finds the head of a detection transformer (DETR, RT-DETR, D-FINE, RF-DETR and similar models). Each query has a box and class scores. The
 * network runs once on noise. The shapes and numbers of the values before the outputs then show which are boxes and classes, and in which form. The
 * inputs of the head are the maps that the decoder reads (its memory).
 * @throws runtime when the runtime cannot run the network.
 */
export async function findQueryHead({ model, index, runtime, fixedSize }: HeadContext): Promise<FoundHead | Miss> {
  const output = model.graph.outputs[0]?.name ?? "";
  const image = model.graph.inputs[0]?.name ?? "";
  const miss = (reason: string): Miss => ({ output, reason, close: false });
  const values = valuesBeforeOutputs(index, image).filter((value) => isFloat(elementType(model.graph, value)));
  if (!values.some((value) => followsAttention(index, value, image))) return miss("it is not computed from queries");
  const strides = downsampling(model.graph);
  const isUnknown = ({ opType, outputs }: Node): boolean => opType === "Conv" && !strides.has(outputs[0]!);
  const unmeasured = model.graph.nodes.filter(isUnknown).slice(-MAX_MEASURED);
  const maps = new Set(unmeasured.map((conv) => conv.outputs[0]!));
  const size = fixedSize ?? OPEN_SIZE;
  const results = await runOnNoise(
    model,
    [...new Set([...values, ...maps])],
    { size, runtime },
    (value, dims) => maps.has(value) || tableOf(dims) !== undefined,
  );
  const measured = new Map(strides);
  for (const value of maps) {
    const { dims = [] } = results.get(value) ?? {};
    if (dims.length === 4 && dims[2]! > 0) measured.set(value, size[0] / dims[2]!);
  }
  const tables = new Map<Value, RunValue>();
  for (const value of values) {
    const found = results.get(value);
    if (found !== undefined && tableOf(found.dims) !== undefined) tables.set(value, found);
  }
  const ends = queryEnds(index, tables);
  if (ends === undefined) return miss("it is not computed from queries with boxes and classes");
  // Every query can attend to every position, so one level reads all maps.
  const level = levelOf(memoryConvs(index, [ends.boxes, ends.scores]) ?? [], measured);
  if (level === undefined) return miss("the input maps of its decoder were not found");
  const { model: extended, value } = appendQueries(model, ends);
  return { model: extended, head: gridlessHead(factsOf(model, index, ends, value), level) };
}

function isFloat(type: number): boolean {
  return type === DataType.FLOAT || type === DataType.FLOAT16 || type === DataType.DOUBLE;
}

function factsOf(model: Model, index: HeadContext["index"], ends: QueryEnds, output: Value): HeadFacts {
  const { boxes, corners, shares, scores, classCount, form } = ends;
  const selected = index.descendants([scores]);
  const hasTopK = model.graph.nodes.some((node) => node.opType === "TopK" && selected.has(node.inputs[0]!));
  const layout = [...(corners ? ["corners"] : []), shares ? "shares" : "pixels"].join(", ");
  const scale = form === "probabilities" ? "" : ` (${form})`;
  return {
    kind: "query",
    task: "detect",
    output,
    source: `queries: boxes "${boxes}" (${layout}), ${classCount} classes "${scores}"${scale}`,
    classCount,
    extraCount: 0,
    hasObjectness: false,
    ...(form.startsWith("softmax") ? { hasBackground: true } : {}),
    selection: { nms: false, labels: hasTopK || form === "logits" ? "all" : "best" },
    prototypes: undefined,
  };
}

function levelOf(convs: readonly Node[], strides: ReadonlyMap<string, number>): HeadLevel | undefined {
  const known = convs.map((conv) => strides.get(conv.outputs[0]!) ?? Number.NaN);
  const stride = Math.min(...known.filter(Number.isFinite));
  if (!Number.isFinite(stride)) return undefined;
  return {
    stride,
    name: "queries",
    anchors: 1,
    inputs: [...new Set(convs.map((conv) => conv.inputs[0]!))],
    convOutputs: convs.map((conv) => conv.outputs[0]!),
    rows: undefined,
  };
}

function appendQueries(model: Model, ends: QueryEnds): { model: Model; value: Value } {
  const { scores, classCount, form } = ends;
  const build = new GraphBuilder(freshPrefix(model, "whybox/predictions/"));
  const boxes = centreBoxes(build, model, ends);
  const one = { name: "", dims: [1], dataType: DataType.FLOAT, bytes: new Uint8Array(Float32Array.of(1).buffer) };
  const ones = build.op("ConstantOfShape", [build.op("Shape", [columns(build, boxes, 0, 1)])], {
    value: { tensor: one },
  });
  const width = form.startsWith("softmax") ? classCount + 1 : classCount;
  const raw = rows(build, scores, width);
  const probabilities =
    form === "logits"
      ? build.op("Sigmoid", [raw])
      : form === "softmax logits"
        ? build.op("Softmax", [raw], { axis: -1 })
        : raw;
  const classes = width === classCount ? probabilities : columns(build, probabilities, 0, classCount);
  const value = build.op("Concat", [boxes, ones, classes], { axis: 2 });
  return { model: append(model, build), value };
}

/** The boxes in centre form, in pixels of the input. */
function centreBoxes(build: GraphBuilder, model: Model, { boxes, corners, shares }: QueryEnds): Value {
  let value = rows(build, boxes, 4);
  if (corners) {
    const [low, high] = [columns(build, value, 0, 2), columns(build, value, 2, 4)];
    const centre = build.op("Mul", [build.op("Add", [low, high]), build.float(0.5)]);
    value = build.op("Concat", [centre, build.op("Sub", [high, low])], { axis: 2 });
  }
  if (!shares) return value;
  const shape = build.op("Shape", [model.graph.inputs[0]!.name]);
  const sides = build.op("Gather", [shape, build.ints([3, 2, 3, 2])], { axis: 0 });
  return build.op("Mul", [value, build.op("Cast", [sides], { to: DataType.FLOAT })]);
}

function rows(build: GraphBuilder, value: Value, width: number): Value {
  return build.op("Reshape", [build.op("Cast", [value], { to: DataType.FLOAT }), build.ints([1, -1, width])]);
}

function columns(build: GraphBuilder, value: Value, start: number, end: number): Value {
  return build.op("Slice", [value, build.ints([start]), build.ints([end]), build.ints([2]), build.ints([1])]);
}
