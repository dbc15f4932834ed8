import { AnchorDecoding } from "../../detector/heads/anchor-decoding.js";
import { throwIfAborted } from "../../errors.js";
import type { Box } from "../../image/frame.js";
import { rangeOf } from "../../kernels/range.js";
import { GraphBuilder } from "../../onnx/builder.js";
import { buildTail, readsOf } from "../../onnx/cut.js";
import { freshPrefix } from "../../onnx/fresh-prefix.js";
import { DataType, type Graph, type Model, type Node } from "../../onnx/model.js";
import { isPointwise } from "../../onnx/replace-channels.js";
import { floatsOf } from "../../onnx/tensors.js";
import { valueOn } from "../../scores/evaluate.js";
import { type BoxBounds, nearCandidates } from "../../scores/near-candidates.js";
import { disposeAll, readFloats } from "../passes/runtime-tensors.js";
import { targetOf } from "../targets/detection-score.js";
import { ChannelRows, type HeadConv } from "./channel-rows.js";
import type { TailRequest } from "./tail-request.js";

/** Above this share of rows that a score could read, the tail is faster. */
const MAX_SHARE = 0.25;
/** Largest relative difference of the score between the decoded rows and the predictions. */
const TOLERANCE = 1e-4;

/**
 * The score for each channel filled with a value, at the head input of an anchor-based head, without a run of the tail. Replacing a channel adds a
 * multiple of one column of the weights to the logits of a cell. The bounds of these sums bound the boxes, so that only a few rows can be among those
 * that the score reads. Only these rows are decoded. Undefined if the layer, the head or the score is of another kind, or if too many rows
 * could be read.
 */
export async function headChannelScores(
  request: TailRequest,
  replacements: ArrayLike<number>,
  score: number,
): Promise<Float64Array | undefined> {
  const opened = request.score.readsAllRows ? undefined : await openHeadConv(request, replacements);
  if (opened === undefined) return undefined;
  const found = candidates(request, opened);
  if (found?.rows.length === 0) return new Float64Array(replacements.length).fill(score);
  return found && scoresOf(request, { ...found, conv: opened.conv, replacements, score });
}

/** The convolution, and bounds of the boxes of all rows of the level over all replaced channels. */
interface OpenedHead {
  readonly conv: HeadConv;
  readonly bounds: BoxBounds;
}

/** Opens the convolution, if the tail is nothing else and the decoding gives the predictions of the forward pass. */
async function openHeadConv(request: TailRequest, replacements: ArrayLike<number>): Promise<OpenedHead | undefined> {
  const { loaded, forward, plan, tail, signal, activations } = request;
  const { head, model, runtime } = loaded;
  const [level, another] = tail.levels;
  if (head.kind !== "anchor-based" || level === undefined || another !== undefined) return undefined;
  const node = predictionConv(request, level);
  if (node === undefined) return undefined;
  const { stride, anchors } = head.levels[level]!;
  const [first, end] = head.rowRange(level, forward.letterbox.inputSize);
  const [C, height, width] = activations.dims as [number, number, number];
  const rows = { first, anchors, size: [height, width] as const, stride };
  const weights = byChannel(floatsOf(model.graph.initializers.get(node.inputs[1]!)!), C);
  if (end - first !== anchors * height * width || !areSmall(request, weights, replacements)) return undefined;
  const names = boundsNames(model, node);
  const build = (): Model => boundsModel(request, names, { node, anchors });
  const session = await loaded.sessions.get(`logits\n${tail.key}`, build, signal);
  throwIfAborted(signal);
  const values = await runtime.upload("float32", [C, 1], Float32Array.from(replacements));
  const feeds = {
    [tail.layer.value]: forward.tensors[plan.activations.get(tail.layer.value)!]!,
    [names.values]: values,
  };
  const found = await session.run(feeds, names.outputs);
  values.dispose();
  const read = names.outputs.map(async (name) => (await readFloats(name, found[name]!)).data);
  const [logits, least, most] = await Promise.all(read);
  disposeAll(found);
  const decoding = AnchorDecoding.read(rows, forward.predictions, logits!);
  if (decoding === undefined) return undefined;
  const conv = { rows, weights, logits: logits!, decoding };
  const { columns } = forward.predictions;
  return { conv, bounds: { first, low: boxesOf(conv, least!, columns), high: boxesOf(conv, most!, columns) } };
}

/** Weights `[K, C]` as `[C, K]`. */
function byChannel(weights: Float32Array, channels: number): Float32Array {
  const K = weights.length / channels;
  const turned = new Float32Array(weights.length);
  for (let k = 0; k < K; k++) for (let c = 0; c < channels; c++) turned[c * K + k] = weights[k * channels + c]!;
  return turned;
}

/** Whether all changes of logits are far from the largest float32, so that they stay finite. */
function areSmall({ activations }: TailRequest, weights: Float32Array, replacements: ArrayLike<number>): boolean {
  const largest = (values: Float32Array): number => {
    const { low, high } = rangeOf(values);
    return Math.max(-low, high);
  };
  return largest(weights) * (largest(activations.data) + largest(Float32Array.from(replacements))) < 1e30;
}

/** The prediction convolution of the level, if it is a 1×1 convolution in float32 and the tail reads the layer only through it. */
function predictionConv({ loaded, tail, score }: TailRequest, level: number): Node | undefined {
  const { graph } = tail.model.model;
  const { convOutputs, rows } = loaded.head.levels[level]!;
  const [node, another] = graph.nodes.filter((one) => readsOf(one).includes(tail.layer.value));
  const isFloat = graph.inputs.find(({ name }) => name === tail.layer.value)?.elemType === DataType.FLOAT;
  if (node === undefined || another !== undefined || !isFloat) return undefined;
  if (tail.outputs.join("\n") !== rows || convOutputs.join("\n") !== node.outputs.join("\n")) return undefined;
  const readsMasks = score.readsMask === true && tail.prototypes !== undefined;
  return !readsMasks && isPointwise(node, tail.layer.value, graph.initializers) ? node : undefined;
}

/** Names in the model of the bounds. */
interface BoundsNames {
  readonly prefix: string;
  /** Input `[C, 1]`, the replacements. */
  readonly values: string;
  /** Outputs: the logits, then the least and the largest changes. */
  readonly outputs: readonly [logits: string, least: string, most: string];
}

function boundsNames(model: Model, node: Node): BoundsNames {
  // The model of the bounds has no other node of the model.
  const graph = { ...model.graph, nodes: [node], inputs: [], outputs: [], valueInfo: [], initializers: new Map() };
  const prefix = freshPrefix({ ...model, graph }, "whybox/bounds/");
  return { prefix, values: `${prefix}values`, outputs: [node.outputs[0]!, `${prefix}least`, `${prefix}most`] };
}

/** The logits of a level, and the least and the largest change of the logits of its boxes, `[4 · anchors, h · w]`, over the replaced channels. */
function boundsModel(
  { loaded, tail, forward }: TailRequest,
  names: BoundsNames,
  { node, anchors }: { readonly node: Node; readonly anchors: number },
): Model {
  const { model } = loaded;
  const { columns } = forward.predictions;
  const [output, least, most] = names.outputs;
  const logits = buildTail(model, [tail.layer.value], [output]).model;
  const weights = floatsOf(model.graph.initializers.get(node.inputs[1]!)!);
  const C = weights.length / (anchors * columns);
  const build = new GraphBuilder(`${names.prefix}node`);
  const values = build.input(names.values, undefined);
  const change = build.op("Sub", [values, build.op("Flatten", [tail.layer.value], { axis: 2 })]);
  const ofBoxes = Array.from({ length: anchors }, (_, anchor) =>
    weights.subarray(anchor * columns * C, (anchor * columns + 4) * C),
  );
  const own = build.floats([4 * anchors, C, 1], Float32Array.from(ofBoxes.flatMap((part) => [...part])));
  const changes = build.op("Mul", [own, change]);
  const extreme = (reduce: string, join: string, name: string): void => {
    const found = build.op(reduce, [changes, build.ints([1])], { keepdims: 0 });
    build.node(join, [found, build.float(0)], [name]);
    build.output(name);
  };
  extreme("ReduceMin", "Min", least);
  extreme("ReduceMax", "Max", most);
  return { ...logits, graph: joined(logits.graph, build.graph("bounds")) };
}

function joined(graph: Graph, more: Graph): Graph {
  return {
    ...graph,
    nodes: [...graph.nodes, ...more.nodes],
    initializers: new Map([...graph.initializers, ...more.initializers]),
    inputs: [...graph.inputs, ...more.inputs],
    outputs: [...graph.outputs, ...more.outputs],
  };
}

/** The boxes `[rows, 4]` of all rows of the level, with changed logits. */
function boxesOf({ rows, logits, decoding }: HeadConv, changes: Float32Array, columns: number): Float64Array {
  const cells = rows.size[0] * rows.size[1];
  const boxes = new Float64Array(4 * rows.anchors * cells);
  for (let row = 0; row < rows.anchors * cells; row++) {
    const anchor = Math.floor(row / cells);
    const cell = row - anchor * cells;
    for (let column = 0; column < 4; column++) {
      const logit = logits[(anchor * columns + column) * cells + cell]!;
      const change = changes[(4 * anchor + column) * cells + cell]!;
      boxes[4 * row + column] = decoding.value(row, column, logit + change);
    }
  }
  return boxes;
}

interface Candidates {
  /** The rows that the score could read with any channel replaced, in ascending order. None if none of them changes. */
  readonly rows: readonly number[];
  /** Box → the rows that may be among its nearest. */
  readonly near: ReadonlyMap<Box<"input">, readonly number[]>;
}

/** Undefined if too many rows of the level could be read, or one is decoded in another way. */
function candidates(
  { forward, detections, options, score }: TailRequest,
  { conv, bounds }: OpenedHead,
): Candidates | undefined {
  const { decoding, logits } = conv;
  const { first, anchors, size } = conv.rows;
  const count = anchors * size[0] * size[1];
  const near = new Map<Box<"input">, readonly number[]>();
  for (const { boxInput } of score.readsOwnRow === true ? [] : detections) {
    const found = nearCandidates(forward.predictions, bounds, boxInput, options.topk);
    if (found === undefined) return undefined;
    near.set(boxInput, found);
  }
  const rows = [...new Set([...near.values(), detections.map(({ row }) => row)].flat())];
  const changing = rows.filter((row) => row >= first && row < first + count);
  const { columns } = forward.predictions;
  const areDecoded = changing.every((row) => decoding.gives(forward.predictions, logits, row - first, columns));
  if (changing.length > MAX_SHARE * count || !areDecoded) return undefined;
  return { near, rows: changing.length === 0 ? [] : rows.sort((a, b) => a - b) };
}

interface HeadScores extends Candidates {
  readonly conv: HeadConv;
  readonly replacements: ArrayLike<number>;
  /** The score on the unchanged predictions. */
  readonly score: number;
}

function scoresOf(request: TailRequest, asked: HeadScores): Float64Array | undefined {
  const { forward, detections, options, activations } = request;
  const { conv, rows, near, replacements, score } = asked;
  const cells = conv.rows.size[0] * conv.rows.size[1];
  const view = new ChannelRows({ base: forward.predictions, conv, rows, near });
  const targets = detections.map((detection) => {
    const target = targetOf(detection, request.score, forward);
    return { ...target, row: rows.indexOf(target.row) };
  });
  const valueWith = (channel: number, changeOf: (cell: number) => number): number => {
    view.replace(channel, changeOf);
    return valueOn(view, request.score, targets, options);
  };
  // The score of unchanged rows is subtracted, so that the rounding of their decoding cancels.
  const base = valueWith(0, () => 0);
  if (!(Math.abs(base - score) <= TOLERANCE * Math.max(1, Math.abs(score)))) return undefined;
  const scores = new Float64Array(replacements.length);
  for (let c = 0; c < scores.length; c++) {
    const value = valueWith(c, (cell) => replacements[c]! - activations.data[c * cells + cell]!);
    scores[c] = score + (value - base);
  }
  return scores;
}
