import { throwIfAborted } from "../../errors.js";
import { allFinite } from "../../kernels/range.js";
import type { Tail } from "../../methods/method.js";
import { repeatAlongBatch, type TailModel } from "../../onnx/cut.js";
import { replaceChannels } from "../../onnx/replace-channels.js";
import type { RuntimeTensor } from "../../runtime/port.js";
import type { KeptSession } from "../../runtime/sessions.js";
import { evaluateScore, scoreHessianVector, scoreValue } from "../../scores/index.js";
import { Rescorer, type RowRange } from "../../scores/rescore.js";
import type { Tensor } from "../../tensor/tensor.js";
import { runBackward } from "../passes/backward-run.js";
import { type BatchSession, batchThatWorks, runBatches } from "../passes/batch-runs.js";
import { backwardFor } from "../passes/gradients.js";
import { disposeAll, readFloats } from "../passes/runtime-tensors.js";
import { type Seed, sumGradients } from "../passes/seeds.js";
import type { Backward } from "../plan/backward-plan.js";
import { targetOf } from "../targets/detection-score.js";
import { coneCellScores } from "./cell-scores.js";
import { headChannelScores } from "./head-channels.js";
import type { TailRequest } from "./tail-request.js";

/** Maximum number of bytes for the inputs and outputs of one batch. About the size of a processor cache: larger batches wait for memory. */
const BATCH_BYTES = 8 * 2 ** 20;
/** Maximum number of items in one batch. */
const MAX_ITEMS = 64;

/** The evidence `tail`: scores for changed activations. */
export async function openTail(request: TailRequest): Promise<Tail> {
  const { forward, activations, score, detections, options } = request;
  const ranges = rangesOf(request);
  const targets = detections.map((detection) => targetOf(detection, score, forward));
  const rescorer = new Rescorer({ score, base: forward.predictions, targets, options }, ranges);
  const run = async (runs: BatchSession, count: number, fill: (i: number, into: Float32Array) => void) => {
    const values = new Float64Array(count);
    await runBatches(runs, count, fill, (i, outputs) => {
      values[i] = rescorer.evaluate(outputs.slice(0, ranges.length), outputs[ranges.length]);
    });
    return values;
  };
  const scores: Tail["scores"] = async (count, fill) => run(await wholeItems(request), count, fill);
  const base = scoreValue(score, forward.predictions, targets, options);
  return {
    score: base,
    scores,
    async cellScores() {
      const shown = cellsThatShow(activations);
      return (await coneCellScores(request, shown, scores)) ?? wholeCellScores(activations, shown, scores);
    },
    async channelScores(replacements) {
      const [C, H, W] = activations.dims as [number, number, number];
      // A subtraction cannot remove NaN or infinity, so these need the whole activations.
      if (allFinite(activations.data)) {
        const atHead = await headChannelScores(request, replacements, base);
        if (atHead !== undefined) return atHead;
        return run(await channelItems(request), C, (c, into) => into.set([c, replacements[c]!]));
      }
      return scores(C, (c, into) => {
        into.set(activations.data);
        into.fill(replacements[c]!, c * H * W, (c + 1) * H * W);
      });
    },
  };
}

/** For each cell, 1 if a channel is not zero there. */
function cellsThatShow({ dims, data }: Tensor): Uint8Array {
  const shown = new Uint8Array(dims[1]! * dims[2]!);
  for (let i = 0; i < data.length; i++) if (data[i] !== 0) shown[i % shown.length] = 1;
  return shown;
}

/** The score of each cell alone, from runs on whole maps. Cells that are zero share a run. */
async function wholeCellScores({ data }: Tensor, shown: Uint8Array, scores: Tail["scores"]): Promise<Float64Array> {
  const cells = shown.length;
  const zero = shown.indexOf(0);
  const run = [...shown.keys()].filter((cell) => shown[cell] === 1 || cell === zero);
  const found = await scores(run.length, (i, into) => {
    into.fill(0);
    for (let at = run[i]!; at < data.length; at += cells) into[at] = data[at]!;
  });
  const all = new Float64Array(cells).fill(found[run.indexOf(zero)] ?? 0);
  run.forEach((cell, i) => {
    all[cell] = found[i]!;
  });
  return all;
}

/** A session whose items are activations `[C, H, W]`. */
async function wholeItems(request: TailRequest): Promise<BatchSession> {
  const { tail, activations } = request;
  const session = await sessionOf(request);
  const runs = { session, input: tail.layer.value, dims: activations.dims, feeds: crossingFeeds(request) };
  return withBatch(request, runs, tail.key, activations.data);
}

/** A session whose items are pairs of a channel and its new value. The activations are uploaded once. */
async function channelItems(request: TailRequest): Promise<BatchSession> {
  const { loaded, forward, plan, tail, signal } = request;
  const key = `channels\n${tail.key}`;
  const made = replaceChannels(repeatedTail(request), tail.layer.value);
  const session = await loaded.sessions.get(key, () => made.model, signal);
  const activations = forward.tensors[plan.activations.get(tail.layer.value)!]!;
  const feeds = { ...crossingFeeds(request), [made.activations]: activations };
  return withBatch(request, { session, input: made.items, dims: [2], feeds }, key, Float32Array.of(0, 0));
}

/** Sets the batch to the maximum that the graph accepts and `BATCH_BYTES` allows. */
async function withBatch(
  request: TailRequest,
  own: Pick<BatchSession, "session" | "input" | "dims" | "feeds">,
  key: string,
  item: Float32Array,
): Promise<BatchSession> {
  const { loaded, forward, tail, signal, progress } = request;
  const masks = tail.prototypes !== undefined && request.score.readsMask === true ? [tail.prototypes] : [];
  const runs = { ...own, runtime: loaded.runtime, outputs: [...tail.outputs, ...masks], signal, progress };
  if (!loaded.batches.has(key)) loaded.batches.set(key, await batchThatWorks(runs, item, MAX_ITEMS));
  const rows = rangesOf(request).reduce((sum, [start, end]) => sum + end - start, 0);
  const bytes = 4 * (item.length + rows * forward.predictions.columns);
  const wanted = Math.max(1, Math.min(MAX_ITEMS, Math.floor(BATCH_BYTES / bytes)));
  return { ...runs, batch: Math.min(wanted, loaded.batches.get(key)!) };
}

/** The rows of the predictions in each output of the tail. */
function rangesOf({ loaded, forward, tail }: TailRequest): RowRange[] {
  const { head } = loaded;
  const { inputSize } = forward.letterbox;
  if (tail.outputs.length === 1 && tail.outputs[0] === head.output) return [[0, forward.predictions.rows]];
  return tail.levels.map((level) => head.rowRange(level, inputSize));
}

async function sessionOf(request: TailRequest): Promise<KeptSession> {
  const { loaded, tail, signal } = request;
  return loaded.sessions.get(tail.key, () => repeatedTail(request).model, signal);
}

/** The tail for several items at once. */
function repeatedTail({ forward, tail }: TailRequest): TailModel {
  const maps = tail.crossing.filter((name) => {
    const tensor = forward.tensors[name]!;
    return tensor.type === "float32" && tensor.dims.length === 4 && tensor.dims[0] === 1;
  });
  return maps.length === 0 ? tail.model : repeatAlongBatch(tail.model, tail.layer.value, new Set(maps));
}

function crossingFeeds({ forward, tail }: TailRequest): Record<string, RuntimeTensor> {
  return Object.fromEntries(tail.crossing.map((name) => [name, forward.tensors[name]!]));
}

/** Step of the differences, as a fraction of the activations. */
const STEP = 0.02;

/** Steps and weights of central differences with two widths. They cancel the leading error (Richardson). The divisor is 12 steps. */
const DIFFERENCES = [
  [1, 8],
  [-1, -8],
  [2, -1],
  [-2, 1],
] as const;

/**
 * `∂⟨G, A'⟩ / ∂A` with A' = A constant: the Hessian of the score times A. The Hessian is symmetric, so this is the derivative of G when the
 * activations move along A. Let y be the predictions and s the score's gradient on them. The result is the sum of two parts. Jᵀ (∂²s/∂y² · dy)
 * uses the second derivatives of the score, which are exact and ignore the kinks of IoU, as in PyTorch. d(Jᵀ) s is computed by differences.
 */
export async function curvatureOf(request: TailRequest): Promise<Tensor> {
  const { activations, forward, loaded, plan, tail, signal, progress } = request;
  const { predictions } = forward;
  const targets = request.detections.map((detection) => targetOf(detection, request.score, forward));
  const backward = backwardFor(loaded, plan, {
    layers: [tail.layer],
    levels: new Set(loaded.head.levels.keys()),
    masks: false,
  });
  const sum = new Float64Array(activations.data.length);
  if (backward !== null) {
    const seed = sumGradients(
      [evaluateScore(request.score, predictions, targets, request.options)],
      predictions.columns,
    );
    const tangent = new Float32Array(predictions.data.length);
    for (const [steps, weight] of DIFFERENCES) {
      const moved = activations.data.map((value) => value * (1 + steps * STEP));
      const there = await tailAt(request, backward, moved, seed);
      const factor = weight / (12 * STEP);
      for (let i = 0; i < sum.length; i++) sum[i]! += factor * (there.gradient?.[i] ?? 0);
      for (let i = 0; i < tangent.length; i++) tangent[i]! += factor * there.predictions[i]!;
      progress?.step();
    }
    const curved = scoreHessianVector(request.score, predictions, targets, request.options, tangent);
    const second = sumGradients([{ value: 0, terms: [], prototypes: [], ...curved }], predictions.columns);
    const gradients = await runBackward(loaded, { forward, backward, seeds: [second], signal });
    const own = await takeGradient(gradients, tail.layer.value);
    for (let i = 0; i < sum.length; i++) sum[i]! += own?.[i] ?? 0;
  }
  return { dims: activations.dims, data: new Float32Array(sum) };
}

/** Predictions and Jᵀ seed at other activations. */
async function tailAt(
  request: TailRequest,
  backward: Backward,
  activations: Float32Array,
  seed: Seed,
): Promise<{ predictions: Float32Array; gradient: Float32Array | undefined }> {
  const { loaded, forward, tail, signal } = request;
  const session = await sessionOf(request);
  throwIfAborted(signal);
  const tap = await loaded.runtime.upload("float32", [1, ...request.activations.dims], activations);
  const outputs = [...new Set([...tail.outputs, ...tail.saved])];
  const results = await session.run({ ...crossingFeeds(request), [tail.layer.value]: tap }, outputs);
  try {
    const changed = { ...results, [tail.layer.value]: tap };
    const gradients = await runBackward(loaded, { forward, changed, backward, seeds: [seed], signal });
    const predictions = await predictionsWith(request, results);
    return { predictions, gradient: await takeGradient(gradients, tail.layer.value) };
  } finally {
    tap.dispose();
    disposeAll(results);
  }
}

async function takeGradient(
  gradients: ReadonlyMap<string, RuntimeTensor>,
  value: string,
): Promise<Float32Array | undefined> {
  const tensor = gradients.get(value);
  if (tensor === undefined) return undefined;
  const { data } = await readFloats(value, tensor);
  tensor.dispose();
  return data;
}

/** The predictions, with the rows from a run of the tail. */
async function predictionsWith(
  request: TailRequest,
  results: Readonly<Record<string, RuntimeTensor>>,
): Promise<Float32Array> {
  const { columns, data: base } = request.forward.predictions;
  const data = base.slice();
  for (const [i, [start]] of rangesOf(request).entries()) {
    const name = request.tail.outputs[i]!;
    data.set((await readFloats(name, results[name]!)).data, start * columns);
  }
  return data;
}
