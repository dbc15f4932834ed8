import { throwIfAborted } from "../../errors.js";
import { GraphBuilder, type Value } from "../../onnx/builder.js";
import { buildTail, readsOf } from "../../onnx/cut.js";
import { DataType, type Model, type Node } from "../../onnx/model.js";
import { isPointwise } from "../../onnx/replace-channels.js";
import { floatsOf } from "../../onnx/tensors.js";
import type { RuntimeTensor } from "../../runtime/port.js";
import { extraStart } from "../../scores/columns.js";
import { type BoxBounds, nearCandidates } from "../../scores/near-candidates.js";
import { Rescorer } from "../../scores/rescore.js";
import { type BatchSession, runBatches } from "../passes/batch-runs.js";
import { disposeAll, readFloats } from "../passes/runtime-tensors.js";
import { targetOf } from "../targets/detection-score.js";
import { AnchorDecoding, type AnchorRows } from "./anchor-decoding.js";
import type { TailRequest } from "./tail-request.js";

/** A 1×1 convolution that makes all logits of a level from its head input: `logits[k] = Σ_c weights[k][c] · A[c] + bias[k]`. */
interface HeadConv {
  readonly rows: AnchorRows;
  /** Weights `[K, C]`. */
  readonly weights: Float32Array;
  /** Logits `[K, h, w]` of the unchanged activations. */
  readonly logits: Float32Array;
  readonly decoding: AnchorDecoding;
}

/** Above this share of rows that a score could read, the tail is faster. */
const MAX_SHARE = 0.25;
/** Largest relative difference of the score between the decoded rows and the predictions. */
const TOLERANCE = 1e-4;
/** Values of one batch. */
const BATCH_VALUES = 2 ** 19;

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
  const conv = request.score.readsAllRows ? undefined : await openHeadConv(request);
  if (conv === undefined) return undefined;
  const rows = candidates(request, conv, boundsOf(request, conv, replacements));
  if (rows?.length === 0) return new Float64Array(replacements.length).fill(score);
  return rows && scoresOf(request, { conv, rows, replacements, score });
}

/** The convolution and the decoding, if the tail is nothing else and the decoding gives the predictions of the forward pass. */
async function openHeadConv(request: TailRequest): Promise<HeadConv | undefined> {
  const { loaded, forward, plan, tail, signal } = request;
  const { head, model } = loaded;
  const [level, another] = tail.levels;
  if (head.kind !== "anchor-based" || level === undefined || another !== undefined) return undefined;
  const node = predictionConv(request, level);
  if (node === undefined) return undefined;
  const [output] = node.outputs as [string];
  const build = (): Model => buildTail(model, [tail.layer.value], [output]).model;
  const session = await loaded.sessions.get(`logits\n${tail.key}`, build, signal);
  throwIfAborted(signal);
  const activations = forward.tensors[plan.activations.get(tail.layer.value)!]!;
  const found = await session.run({ [tail.layer.value]: activations }, [output]);
  const { data: logits } = await readFloats(output, found[output]!);
  disposeAll(found);
  const { stride, anchors } = head.levels[level]!;
  const [first, end] = head.rowRange(level, forward.letterbox.inputSize);
  const [, height, width] = request.activations.dims as [number, number, number];
  const rows = { first, anchors, size: [height, width] as const, stride };
  if (end - first !== anchors * height * width) return undefined;
  const decoding = AnchorDecoding.read(rows, forward.predictions, logits);
  const weights = floatsOf(model.graph.initializers.get(node.inputs[1]!)!);
  return decoding && { rows, weights, logits, decoding };
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

/** Bounds of the boxes of all rows of the level, over all replaced channels. */
function boundsOf({ activations, forward }: TailRequest, conv: HeadConv, replacements: ArrayLike<number>): BoxBounds {
  const { rows, weights, logits, decoding } = conv;
  const { columns } = forward.predictions;
  const cells = rows.size[0] * rows.size[1];
  const low = new Float64Array(4 * rows.anchors * cells);
  const high = new Float64Array(low.length);
  for (let box = 0; box < 4 * rows.anchors; box++) {
    const [anchor, column] = [Math.floor(box / 4), box % 4];
    const k = anchor * columns + column;
    const least = new Float64Array(cells);
    const most = new Float64Array(cells);
    for (let c = 0; c < replacements.length; c++) {
      const weight = weights[k * replacements.length + c]!;
      const offset = weight * replacements[c]!;
      for (let cell = 0, at = c * cells; cell < cells; cell++, at++) {
        const change = offset - weight * activations.data[at]!;
        if (change < least[cell]!) least[cell] = change;
        else if (change > most[cell]!) most[cell] = change;
      }
    }
    for (let cell = 0; cell < cells; cell++) {
      const row = anchor * cells + cell;
      const logit = logits[k * cells + cell]!;
      low[4 * row + column] = decoding.value(row, column, logit + least[cell]!);
      high[4 * row + column] = decoding.value(row, column, logit + most[cell]!);
    }
  }
  return { first: rows.first, low, high };
}

/** The rows of the level that the score could read with any channel replaced. Undefined for too many. */
function candidates(
  { forward, detections, options }: TailRequest,
  { rows }: HeadConv,
  bounds: BoxBounds,
): number[] | undefined {
  const count = bounds.low.length / 4;
  const found = new Set<number>();
  for (const { row, boxInput } of detections) {
    const near = nearCandidates(forward.predictions, bounds, boxInput, options.topk);
    if (near === undefined) return undefined;
    for (const one of near) found.add(one);
    if (row >= rows.first && row < rows.first + count) found.add(row);
  }
  return found.size > MAX_SHARE * count ? undefined : [...found].sort((a, b) => a - b);
}

interface HeadScores {
  readonly conv: HeadConv;
  /** The rows that change. */
  readonly rows: readonly number[];
  readonly replacements: ArrayLike<number>;
  /** The score on the unchanged predictions. */
  readonly score: number;
}

async function scoresOf(request: TailRequest, asked: HeadScores): Promise<Float64Array | undefined> {
  const { forward, detections, options, activations } = request;
  const { conv, rows, replacements, score } = asked;
  const { columns } = forward.predictions;
  const cells = conv.rows.size[0] * conv.rows.size[1];
  const targets = detections.map((detection) => targetOf(detection, request.score, forward));
  const scene = { score: request.score, base: forward.predictions, targets, options };
  const { first, anchors } = conv.rows;
  const rescorer = new Rescorer(scene, [[first, first + anchors * cells]], rows);
  const own = rows.map((row) => row - first);
  const { runs, close } = await openRows(request, asked);
  // Item 0 is unchanged. Its score is subtracted, so that the rounding of the decoded rows cancels.
  const scores = new Float64Array(replacements.length + 1);
  const fill = (i: number, into: Float32Array): void => {
    into[0] = Math.max(0, i - 1);
    own.forEach((row, r) => {
      into[r + 1] = i === 0 ? 0 : replacements[i - 1]! - activations.data[(i - 1) * cells + (row % cells)]!;
    });
  };
  try {
    await runBatches(runs, scores.length, fill, (i, [output]) => {
      const { data, offset } = output!;
      own.forEach((row, r) => {
        const at = offset + r * columns;
        for (let column = 0; column < 4; column++)
          data[at + column] = conv.decoding.ofSigmoid(row, column, data[at + column]!);
      });
      scores[i] = rescorer.evaluate([output!]);
    });
  } finally {
    close();
  }
  const base = scores[0]!;
  if (!(Math.abs(base - score) <= TOLERANCE * Math.max(1, Math.abs(score)))) return undefined;
  return scores.subarray(1).map((value) => score + (value - base));
}

/** A session whose items are a channel and its change at the cell of each row. It outputs the sigmoids of the rows' logits. */
async function openRows(
  request: TailRequest,
  { conv, rows }: HeadScores,
): Promise<{ readonly runs: BatchSession; readonly close: () => void }> {
  const { loaded, tail, signal, progress, forward } = request;
  const { runtime, sessions } = loaded;
  const { columns } = forward.predictions;
  const { size, first } = conv.rows;
  const cells = size[0] * size[1];
  const key = `rows\n${tail.key}`;
  const session = await sessions.get(key, () => rowModel(request, conv), signal);
  const anchorOf = rows.map((row) => Math.floor((row - first) / cells));
  const logits = new Float32Array(rows.length * columns);
  rows.forEach((row, r) => {
    for (let column = 0; column < columns; column++) {
      logits[r * columns + column] = conv.logits[(anchorOf[r]! * columns + column) * cells + ((row - first) % cells)]!;
    }
  });
  const feeds: Record<string, RuntimeTensor> = {
    logits: await runtime.upload("float32", [rows.length, columns], logits),
    anchors: await runtime.upload("float32", [rows.length], Float32Array.from(anchorOf)),
  };
  const dims = [rows.length + 1];
  const batch = Math.max(1, Math.floor(BATCH_VALUES / (rows.length * columns)));
  const runs = { runtime, session, input: "items", dims, feeds, outputs: ["rows"], batch, signal, progress };
  return { runs, close: () => disposeAll(feeds) };
}

function rowModel({ loaded, forward, activations }: TailRequest, { rows, weights }: HeadConv): Model {
  const build = new GraphBuilder("rows/");
  const { columns } = forward.predictions;
  const [C] = activations.dims as [number];
  const { ints } = build;
  const slice = (value: Value, start: number, end: number, axis: number): Value =>
    build.op("Slice", [value, ...[[start], [end], [axis]].map((one) => ints.call(build, one))]);
  build.input("items", undefined);
  build.input("logits", undefined);
  build.input("anchors", undefined);
  const channel = build.op("Cast", [build.op("Squeeze", [slice("items", 0, 1, 1), ints.call(build, [1])])], {
    to: DataType.INT64,
  });
  const change = build.op("Unsqueeze", [slice("items", 1, 2 ** 31 - 1, 1), ints.call(build, [2])]);
  // `[K, C]` as `[C, anchors, columns]`.
  const K = rows.anchors * columns;
  const byChannel = Float32Array.from(weights, (_, i) => weights[(i % K) * C + Math.floor(i / K)]!);
  const all = build.floats([C, rows.anchors, columns], byChannel);
  const anchors = build.op("Cast", ["anchors"], { to: DataType.INT64 });
  const own = build.op("Gather", [build.op("Gather", [all, channel], { axis: 0 }), anchors], { axis: 1 });
  const sums = build.op("Add", ["logits", build.op("Mul", [own, change])]);
  const extra = extraStart(forward.predictions);
  if (extra === columns) build.node("Sigmoid", [sums], ["rows"]);
  else {
    const shares = build.op("Sigmoid", [slice(sums, 0, extra, 2)]);
    build.node("Concat", [shares, slice(sums, extra, columns, 2)], ["rows"], { axis: 2 });
  }
  build.output("rows");
  return { ...loaded.model, graph: build.graph("rows") };
}
