import { intAttribute } from "../../onnx/attributes.js";
import { GraphBuilder } from "../../onnx/builder.js";
import { freshPrefix } from "../../onnx/fresh-prefix.js";
import { GraphIndex } from "../../onnx/graph.js";
import type { Model, Node } from "../../onnx/model.js";
import { floatsOf } from "../../onnx/tensors.js";
import { BOX_COLUMNS } from "../../tensor/box-columns.js";
import { once } from "../../tensor/once.js";
import { createRowProducts, type RowProducts } from "../../tensor/row-products.js";
import type { DetectorHead, HeadLevel } from "../head.js";
import { ColumnNarrower, pointwise } from "./narrow-columns.js";

/** The prediction convolution of a level, for rows that are computed one by one. */
export interface SparseLevel {
  /** Value of the graph that the convolution reads, `[1, C, h, w]`. */
  readonly input: string;
  /** Value of the graph with its channels of boxes and objectness, `[1, anchors · 5, h, w]`. */
  readonly boxes: string;
  readonly channels: number;
  /** `[anchors · columns, C]`. */
  readonly weights: Float32Array;
  readonly bias: Float32Array;
  /** Of channels of the convolution, what their weights make of the map at a cell, without the bias. Made ready when first asked for. */
  readonly products: () => RowProducts;
}

/**
 * A head of which the forward session computes the boxes and the objectness alone, `[1, R, 5]`; what the other columns of a row are follows from
 * the level's input at its cell. Of some twenty thousand rows an explanation reads a hundred, and their classes are nearly the whole of the head.
 */
export interface SparseHead {
  /** The detector's model with the boxes as a value. */
  readonly model: Model;
  /** The detector's head, with `[1, R, 5]` as its output and `[1, r, 5]` as its levels' rows. */
  readonly head: DetectorHead;
  /** As the head's levels. */
  readonly levels: readonly SparseLevel[];
}

/**
 * The sparse form of a head whose classes are the sigmoids of channels of one pointwise float32 convolution per level, as YOLOv5 and YOLOv7 have
 * them; undefined for any other, and for one whose decoding is not understood.
 */
export function findSparseHead(model: Model, head: DetectorHead): SparseHead | undefined {
  const { levels, classCount } = head;
  if (head.kind !== "anchor-based" || head.task !== "detect" || !head.hasObjectness) return undefined;
  if (new Set(levels.map((level) => level.inputs[0])).size !== levels.length) return undefined;
  const plain = new GraphIndex(model.graph);
  const convs = levels.map(({ convOutputs }) => plain.producer(convOutputs[0]!));
  const own = levels.map((level, i) => sparseLevel(plain, level, convs[i], BOX_COLUMNS + classCount));
  if (own.some((level) => level === undefined)) return undefined;
  const build = new GraphBuilder(freshPrefix(model, "whybox/sparse/"));
  const nodes = model.graph.nodes.flatMap((node) => shapeOfInput(node, convs as Node[], build));
  const initializers = new Map([...model.graph.initializers, ...build.initializers]);
  const rebased: Model = { ...model, graph: { ...model.graph, nodes, initializers } };
  const index = new GraphIndex(rebased.graph);
  const values = levels.map((level) => level.convOutputs[0]!);
  const columns = BOX_COLUMNS + classCount;
  const boxColumns = Array.from({ length: BOX_COLUMNS }, (_, i) => i);
  build.nodes.length = 0;
  const narrower = new ColumnNarrower(index, build, values, columns, boxColumns);
  const rows = levels.map((level) => (level.rows === undefined ? undefined : narrower.narrow(level.rows)));
  const boxes = own.map((level) => onlyConv(build.nodes, level!.input));
  if (
    [...rows, ...boxes].some((value) => value === undefined) ||
    !levels.every((level) => areSigmoids(index, values, level, columns))
  ) {
    return undefined;
  }
  // In the order of the rows, which is not always that of the levels.
  const place = (value: string): number => rowOrder(index, head).indexOf(value);
  const ordered = levels.map((level, i) => ({ at: place(level.rows!), row: rows[i]! })).sort((a, b) => a.at - b.at);
  if (ordered.some(({ at }) => at < 0)) return undefined;
  const output =
    ordered.length === 1
      ? ordered[0]!.row
      : build.op(
          "Concat",
          ordered.map(({ row }) => row),
          { axis: 1 },
        );
  const graph = {
    ...rebased.graph,
    nodes: [...nodes, ...build.nodes],
    initializers: new Map([...initializers, ...build.initializers]),
  };
  return {
    model: { ...model, graph },
    head: { ...head, output, levels: levels.map((level, i) => ({ ...level, rows: rows[i]! })) },
    levels: own.map((level, i) => ({ ...level!, boxes: boxes[i]! })),
  };
}

/** The one convolution that reads a value; undefined where there are several, or none. */
function onlyConv(nodes: readonly Node[], input: string): string | undefined {
  const found = nodes.filter((node) => node.opType === "Conv" && node.inputs[0] === input);
  return found.length === 1 ? found[0]!.outputs[0]! : undefined;
}

function sparseLevel(
  index: GraphIndex,
  { anchors, inputs }: HeadLevel,
  conv: Node | undefined,
  columns: number,
): Omit<SparseLevel, "boxes"> | undefined {
  const found = conv?.opType === "Conv" ? pointwise(index, conv) : undefined;
  if (found === undefined || found.weights.dims[0] !== anchors * columns) return undefined;
  const weights = floatsOf(found.weights);
  const bias = found.bias === undefined ? new Float32Array(anchors * columns) : floatsOf(found.bias);
  // A row that is not finite is to be told by its map alone.
  if (!weights.every(Number.isFinite) || !bias.every(Number.isFinite)) return undefined;
  const channels = found.weights.dims[1]!;
  return { input: inputs[0]!, channels, weights, bias, products: once(() => createRowProducts(weights, channels)) };
}

/** Whether the columns from the sixth on are sigmoids of the convolution's channels, and nothing else is done to them. */
function areSigmoids(index: GraphIndex, convs: readonly string[], { rows }: HeadLevel, columns: number): boolean {
  const build = new GraphBuilder("");
  const classes = Array.from({ length: columns - BOX_COLUMNS }, (_, k) => BOX_COLUMNS + k);
  const found = new ColumnNarrower(index, build, convs, columns, classes).narrow(rows!);
  const count = (op: string): number => build.nodes.filter((node) => node.opType === op).length;
  const moves = ["Reshape", "Transpose", "Slice", "Identity"].reduce((sum, op) => sum + count(op), 0);
  const shapes = build.nodes.filter((node) => node.opType === "Concat" && intAttribute(node, "axis", 0) === 0).length;
  return (
    found !== undefined && count("Sigmoid") === 1 && count("Conv") === 1 && moves + shapes + 2 === build.nodes.length
  );
}

/** The values that the head's output is the Concat of. */
function rowOrder(index: GraphIndex, { output, levels }: DetectorHead): readonly string[] {
  let value = output;
  for (let step = 0; step < 8; step++) {
    if (levels.length === 1 && levels[0]!.rows === value) return [value];
    const node = index.producer(value);
    if (node?.opType !== "Identity") return node?.opType === "Concat" ? node.inputs : [];
    value = node.inputs[0]!;
  }
  return [];
}

/**
 * A Shape of a level's predictions, asked of the map that they are computed from, which has the same cells: a grid that is made from it then does
 * not need the predictions.
 */
function shapeOfInput(node: Node, convs: readonly Node[], build: GraphBuilder): readonly Node[] {
  const conv = node.opType === "Shape" ? convs.find((one) => one.outputs[0] === node.inputs[0]) : undefined;
  if (conv === undefined) return [node];
  build.nodes.length = 0;
  const shape = build.op("Shape", [conv.inputs[0]!]);
  const piece = (start: number, end: number): string =>
    build.op("Slice", [shape, build.ints([start]), build.ints([end]), build.ints([0]), build.ints([1])]);
  const channels = build.op("Shape", [conv.inputs[1]!], { start: 0, end: 1 });
  const whole = build.op("Concat", [piece(0, 1), channels, piece(2, 4)], { axis: 0 });
  const [start, end] = [intAttribute(node, "start", 0), intAttribute(node, "end", 4)];
  const slice = [whole, build.ints([start]), build.ints([end]), build.ints([0]), build.ints([1])];
  build.node("Slice", slice, node.outputs, {}, node.name);
  return [...build.nodes];
}
