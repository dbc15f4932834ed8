import type { Area } from "../../autodiff/windows/local-step.js";
import { cellsIn, type NarrowAreas } from "../../autodiff/windows/narrow-areas.js";
import type { Detection } from "../../detector/detection.js";
import { allFinite } from "../../kernels/range.js";
import type { RuntimeTensor } from "../../runtime/port.js";
import { scoreValue } from "../../scores/index.js";
import { Rescorer } from "../../scores/rescore.js";
import { type BatchSession, batchThatWorks, runBatches } from "../passes/batch-runs.js";
import { disposeAll } from "../passes/runtime-tensors.js";
import { type CellTail, workOnMaps } from "../plan/cell-tail.js";
import { targetOf } from "../targets/detection-score.js";
import type { TailRequest } from "./tail-request.js";

/** Largest relative difference of the score between the crops and the forward pass. */
const TOLERANCE = 1e-4;
/** Maximum number of bytes for the maps of one batch. */
const BATCH_BYTES = 8 * 2 ** 20;
const MAX_ITEMS = 64;

/** A row, and the crops that it needs. */
interface NarrowRow {
  readonly detection: Detection;
  readonly cell: readonly [y: number, x: number];
  readonly tail: CellTail;
  readonly areas: NarrowAreas;
}

/**
 * The score for each cell of the layer kept alone, all other cells zero, for scores that read only the rows of the detections. A row depends on a
 * few cells of the layer. For these the tail runs on crops. All other cells give the score of a layer of zeros. `shown` has 1 for
 * each cell that is not zero. Undefined if the network is not local after the layer, or if whole maps are less work.
 */
export async function narrowCellScores(request: TailRequest, shown: Uint8Array): Promise<Float64Array | undefined> {
  const { score, activations, detections, tail, loaded, forward, options } = request;
  if (score.readsOwnRow !== true || score.readsMask === true || !allFinite(activations.data)) return undefined;
  const rows: NarrowRow[] = [];
  const unchanged: Detection[] = [];
  for (const detection of detections) {
    const { level } = loaded.head.originOf(detection.row, forward.letterbox.inputSize, [0, 0]);
    if (!tail.levels.includes(level)) {
      unchanged.push(detection);
      continue;
    }
    const row = narrowRow(request, detection);
    if (row === undefined) return undefined;
    rows.push(row);
  }
  const [first] = rows;
  if (first === undefined) return undefined;
  const whole = shown.length * workOnMaps(tail.model.model.graph.nodes, first.tail.facts);
  const narrow = rows.reduce((sum, { areas }) => sum + cellsIn(areas.entries.get(tail.layer.value)!) * areas.work, 0);
  if (narrow > whole) return undefined;
  const targets = unchanged.map((detection) => targetOf(detection, score, forward));
  const sums = new Float64Array(shown.length).fill(scoreValue(score, forward.predictions, targets, options));
  for (const row of rows) {
    const scores = await scoresOf(request, row, shown);
    if (scores === undefined) return undefined;
    for (let cell = 0; cell < sums.length; cell++) sums[cell]! += scores[cell]!;
  }
  return sums;
}

function narrowRow({ loaded, forward, tail }: TailRequest, detection: Detection): NarrowRow | undefined {
  const { inputSize } = forward.letterbox;
  const { level, cell } = loaded.head.originOf(detection.row, inputSize, [0, 0]);
  const own = tail.cells(level, inputSize);
  if (own === null || !own.tail.walk.entries.slice(1).every((name) => name in forward.tensors)) return undefined;
  const at = [cell[1], cell[0]] as const;
  return { detection, cell: at, tail: own, areas: own.areas(at) };
}

/** The scores of one row by cell of the layer. Undefined if the crops do not give the row of the forward pass. */
async function scoresOf(request: TailRequest, row: NarrowRow, shown: Uint8Array): Promise<Float64Array | undefined> {
  const { forward, activations, score, options, tail } = request;
  const { predictions } = forward;
  const targets = [targetOf(row.detection, score, forward)];
  const scene = { score, base: predictions, targets, options };
  const rescorer = new Rescorer(scene, [[0, predictions.rows]], [row.detection.row]);
  const area = row.areas.entries.get(tail.layer.value)!;
  const own = cellsWithin(area, activations.dims[2]!).map((cell, i) => ({ cell, i }));
  const run = own.filter(({ cell }) => shown[cell] === 1);
  const feeds = await feedsOf(request, row);
  const values = new Float64Array(run.length + 2);
  try {
    const runs = await openRuns(request, row, feeds);
    // All cells, no cell, then one cell each.
    const fill = (n: number, into: Float32Array): void => {
      into.fill(n === 0 ? 1 : 0);
      if (n >= 2) into[run[n - 2]!.i] = 1;
    };
    await runBatches(runs, values.length, fill, (n, outputs) => {
      values[n] = rescorer.evaluate(outputs);
    });
  } finally {
    disposeAll(feeds);
  }
  const base = scoreValue(score, predictions, targets, options);
  if (!(Math.abs(values[0]! - base) <= TOLERANCE * Math.max(1, Math.abs(base)))) return undefined;
  const scores = new Float64Array(shown.length).fill(values[1]!);
  run.forEach(({ cell }, n) => {
    scores[cell] = values[n + 2]!;
  });
  return scores;
}

function cellsWithin([y, x]: Area, width: number): number[] {
  const cells: number[] = [];
  for (let row = y[0]; row < y[1]; row++)
    for (let column = x[0]; column < x[1]; column++) cells.push(row * width + column);
  return cells;
}

/** The inputs that say where the crops are. */
async function feedsOf(
  { loaded, forward }: TailRequest,
  { detection, cell, tail, areas }: NarrowRow,
): Promise<Record<string, RuntimeTensor>> {
  const { runtime } = loaded;
  const { inputs, walk } = tail.tail;
  const feeds: Record<string, RuntimeTensor> = {};
  const feed = async (name: string, dims: readonly number[], values: readonly number[]): Promise<void> => {
    feeds[name] = await runtime.upload("int64", dims, BigInt64Array.from(values, BigInt));
  };
  const { bounds } = areas;
  await feed(
    inputs.starts,
    [bounds.length, 2],
    bounds.flatMap((area) => area.map(([start]) => start)),
  );
  await feed(
    inputs.ends,
    [bounds.length, 2],
    bounds.flatMap((area) => area.map(([, end]) => end)),
  );
  const [, , height, width] = tail.facts.dims(walk.roots[0]!) as number[];
  await feed(inputs.pads, [4], [...cell, height! - 1 - cell[0], width! - 1 - cell[1]]);
  await feed(inputs.row, [1], [detection.row - decodedRows(loaded, forward, detection)[0]]);
  for (const [value, name] of inputs.others) await feed(name, [3], (tail.facts.dims(value) as number[]).slice(1));
  return feeds;
}

/** The range of the rows that a run decodes: those of the detection's level, or all if the model does not compute the levels separately. */
function decodedRows(
  { head }: TailRequest["loaded"],
  { letterbox, predictions }: TailRequest["forward"],
  { row }: Detection,
): readonly [start: number, end: number] {
  const { level } = head.originOf(row, letterbox.inputSize, [0, 0]);
  const hasOwnRows = head.levels[level]!.rows !== undefined;
  return hasOwnRows ? head.rowRange(level, letterbox.inputSize) : [0, predictions.rows];
}

async function openRuns(
  { loaded, forward, plan, tail: { layer }, activations, progress, signal }: TailRequest,
  { detection, tail, areas }: NarrowRow,
  places: Readonly<Record<string, RuntimeTensor>>,
): Promise<BatchSession> {
  const { model, inputs, walk, row } = tail.tail;
  const session = await loaded.sessions.get(tail.key, () => model, signal);
  const bypass = walk.entries.slice(1).map((name) => [name, forward.tensors[name]!] as const);
  const taps = forward.tensors[plan.activations.get(layer.value)!]!;
  const feeds = { ...Object.fromEntries(bypass), ...places, [layer.value]: taps };
  const [y, x] = areas.entries.get(layer.value)!;
  const dims = [1, y[1] - y[0], x[1] - x[0]];
  const runs = { runtime: loaded.runtime, session, input: inputs.masks, dims, feeds, outputs: [row], signal, progress };
  const cells = dims[1]! * dims[2]!;
  if (!loaded.batches.has(tail.key)) {
    loaded.batches.set(tail.key, await batchThatWorks(runs, new Float32Array(cells).fill(1), MAX_ITEMS));
  }
  const [start, end] = decodedRows(loaded, forward, detection);
  const bytes = 4 * (activations.dims[0]! * cells + forward.predictions.columns * (end - start));
  const wanted = Math.max(1, Math.min(MAX_ITEMS, Math.floor(BATCH_BYTES / bytes)));
  return { ...runs, batch: Math.min(wanted, loaded.batches.get(tail.key)!) };
}
