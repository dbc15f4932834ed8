import { createRandom } from "../../algebra/random.js";
import { BOX_COLUMNS } from "../../boxes/box-columns.js";
import type { Size } from "../../image/frame.js";
import { GraphBuilder } from "../../onnx/builder.js";
import { elementType } from "../../onnx/element-type.js";
import { freshPrefix } from "../../onnx/fresh-prefix.js";
import { type GraphIndex, indexOf } from "../../onnx/graph.js";
import { DataType, type Model, type TensorProto } from "../../onnx/model.js";
import { isPointwise } from "../../onnx/replace-channels.js";
import { floatsOf } from "../../onnx/tensors.js";
import type { RuntimePort } from "../../runtime/port.js";
import type { DetectorHead, HeadLevel } from "../head.js";
import { AnchorDecoding, type AnchorRows } from "./anchor-decoding.js";
import { openDecoding, type ProbeMap } from "./probe.js";

/** A level of a lazy head. */
export interface LazyLevel {
  /** The head input of the level, `[1, C, h, w]`. */
  readonly input: string;
  /** The sigmoids of its box and objectness logits, `[1, anchors · 5, h, w]`. */
  readonly shares: string;
  /** Weights of the prediction convolution, `[anchors · columns, C]`. */
  readonly weights: Float32Array;
  /** `[anchors · columns]`. */
  readonly bias: Float32Array;
  /** Width and height of each anchor, in turn. */
  readonly sides: readonly number[];
}

/**
 * An anchor-based head whose forward session computes only boxes and objectness. Of some twenty thousand rows, an explanation reads the classes of about
 * a hundred. They are computed from the head inputs when they are read.
 */
export interface LazyHead {
  /** The model, with `shares` of each level as values. */
  readonly model: Model;
  /** In the order of the head's levels. */
  readonly levels: readonly LazyLevel[];
}

/** Maximum number of values of the predictions in the probe. Larger heads are not lazy. */
const MAX_VALUES = 2 ** 23;

/** The parts of a loaded model that the lazy form is made from. */
export interface LazySource {
  readonly model: Model;
  readonly head: DetectorHead;
  readonly runtime: RuntimePort;
}

/**
 * The lazy form of a head that is decoded like YOLOv5's, from one float32 1×1 convolution per level. The decoding runs separately on random
 * logits to make sure. Undefined for other heads.
 * @param fixedSize `[h, w]` of the input if the model fixes it.
 */
export async function findLazyHead(source: LazySource, fixedSize: Size | undefined): Promise<LazyHead | undefined> {
  const { model, head } = source;
  if (head.kind !== "anchor-based" || head.extraCount > 0) return undefined;
  const index = indexOf(model.graph);
  const convs = head.levels.map((level) => predictionConv(model, index, level, BOX_COLUMNS + head.classCount));
  const known = convs.filter((conv) => conv !== undefined);
  if (known.length < convs.length || new Set(known.map(({ input }) => input)).size < known.length) return undefined;
  const block = Math.max(...head.levels.map(({ stride }) => stride));
  const sides = await probeSides(source, fixedSize ?? [2 * block, 3 * block]);
  if (sides === undefined) return undefined;
  const build = new GraphBuilder(freshPrefix(model, "whybox/lazy/"));
  const levels = known.map((conv, i): LazyLevel => ({ ...conv, sides: sides[i]!, shares: sharesOf(build, conv) }));
  const { graph } = model;
  const initializers = new Map([...graph.initializers, ...build.initializers]);
  return { model: { ...model, graph: { ...graph, nodes: [...graph.nodes, ...build.nodes], initializers } }, levels };
}

type PredictionConv = Pick<LazyLevel, "input" | "weights" | "bias"> & { readonly anchors: number };

/** The prediction convolution of a level, if it is a 1×1 convolution in float32 with constant weights. */
function predictionConv(
  { graph }: Model,
  index: GraphIndex,
  { inputs, convOutputs, anchors }: HeadLevel,
  columns: number,
): PredictionConv | undefined {
  const [input] = inputs as [string];
  const conv = index.producer(convOutputs[0]!);
  if (conv === undefined || !isPointwise(conv, input, graph.initializers)) return undefined;
  const [weights, bias] = conv.inputs.slice(1).map((name) => graph.initializers.get(name));
  const isFloat = (tensor: TensorProto | undefined): boolean => tensor?.dataType === DataType.FLOAT;
  if (!isFloat(weights) || (conv.inputs.length > 2 && !isFloat(bias))) return undefined;
  if (weights!.dims[0] !== anchors * columns || elementType(graph, input) !== DataType.FLOAT) return undefined;
  const own = bias === undefined ? new Float32Array(anchors * columns) : floatsOf(bias);
  return { input, anchors, weights: floatsOf(weights!), bias: own };
}

/** Emits the part of the convolution that predicts boxes and objectness, and returns its sigmoids. */
function sharesOf(build: GraphBuilder, { input, anchors, weights, bias }: PredictionConv): string {
  const columns = bias.length / anchors;
  const channels = weights.length / bias.length;
  const rows = Array.from({ length: anchors * BOX_COLUMNS }, (_, i) => {
    return Math.floor(i / BOX_COLUMNS) * columns + (i % BOX_COLUMNS);
  });
  const chosen = new Float32Array(rows.length * channels);
  rows.forEach((row, i) => {
    chosen.set(weights.subarray(row * channels, (row + 1) * channels), i * channels);
  });
  const own = [
    build.floats([rows.length, channels, 1, 1], chosen),
    build.floats(
      [rows.length],
      rows.map((row) => bias[row]!),
    ),
  ];
  return build.op("Sigmoid", [build.op("Conv", [input, ...own], { kernel_shape: [1, 1] })]);
}

/** The sides of the anchors of each level, if the decoding of random logits gives YOLOv5's boxes. */
async function probeSides(
  { model, head, runtime }: LazySource,
  size: Size,
): Promise<readonly (readonly number[])[] | undefined> {
  const columns = BOX_COLUMNS + head.classCount;
  const rows = head.rowCount(size);
  if (rows === undefined || rows * columns > MAX_VALUES) return undefined;
  const maps = head.levels.map(({ convOutputs, anchors }, level) => {
    return { value: convOutputs[0]!, dims: [1, anchors * columns, ...head.cells(level, size)] as const };
  });
  const logits = new Map(maps.map(({ value, dims }, i) => [value, randomLogits(dims[1] * dims[2] * dims[3], i)]));
  const data = await decode(model, head.output, { maps, logits, inputDims: [1, 3, ...size], runtime });
  if (data?.length !== rows * columns) return undefined;
  const predictions = { data, columns, classes: head.classCount };
  const sides = head.levels.map(({ anchors, stride }, level) => {
    const own = { first: head.rowRange(level, size)[0], anchors, size: head.cells(level, size), stride };
    return decodingOf(own, predictions, logits.get(maps[level]!.value)!)?.sides;
  });
  const found = sides.filter((one) => one !== undefined);
  return found.length === sides.length ? found : undefined;
}

/** The decoding of a level. Boxes and objectness of every row are compared, and every seventh row completely. */
function decodingOf(rows: AnchorRows, table: DecodedTable, logits: Float32Array): AnchorDecoding | undefined {
  const decoding = AnchorDecoding.read(rows, table, logits);
  const count = rows.anchors * rows.size[0] * rows.size[1];
  for (let row = 0; row < count; row++) {
    if (!decoding?.gives(table, logits, row, row % 7 === 0 ? table.columns : BOX_COLUMNS)) return undefined;
  }
  return decoding;
}

interface DecodedTable {
  readonly data: Float32Array;
  readonly columns: number;
  readonly classes: number;
}

/** Runs the decoding alone. Undefined if it does not run at this size. */
async function decode(
  model: Model,
  output: string,
  { maps, logits, inputDims, runtime }: ProbeRun,
): Promise<Float32Array | undefined> {
  try {
    const decoding = await openDecoding(model, output, maps, inputDims, runtime);
    try {
      return await decoding.run((value) => logits.get(value)!);
    } finally {
      await decoding.release();
    }
  } catch {
    // The head works without its lazy form. If the runtime itself fails, the next session says so.
    return undefined;
  }
}

interface ProbeRun {
  readonly maps: readonly ProbeMap[];
  readonly logits: ReadonlyMap<string, Float32Array>;
  readonly inputDims: readonly number[];
  readonly runtime: RuntimePort;
}

/** Random numbers in -4..4 that repeat after a prime number of values. */
function randomLogits(size: number, stream: number): Float32Array {
  const random = createRandom(0, stream);
  const period = Array.from({ length: 1009 }, () => 8 * random.uniform() - 4);
  return Float32Array.from({ length: size }, (_, i) => period[i % period.length]!);
}
