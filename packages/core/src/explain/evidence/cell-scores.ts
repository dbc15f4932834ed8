import type { Detection } from "../../detector/detection.js";
import { throwIfAborted } from "../../errors.js";
import { allFinite } from "../../kernels/range.js";
import type { Tail } from "../../methods/method.js";
import type { RuntimeTensor } from "../../runtime/port.js";
import { scoreValue } from "../../scores/index.js";
import { Rescorer } from "../../scores/rescore.js";
import { type CellTail, workOnMaps } from "../plan/cell-tail.js";
import { targetOf } from "../targets/detection-score.js";
import { cellsOf, type Pair, runPairs } from "./cone-run.js";
import type { TailRequest, ZeroLayer, ZeroLayers } from "./tail-request.js";
import { disposeZeroLayers, zeroLayerOf } from "./zero-layer.js";

/** Largest relative difference of the score between windows and whole maps. */
const TOLERANCE = 1e-4;
/** Maximum number of cells in one run. */
const MAX_CELLS = 64;

/** The rows of one level. */
interface ConeLevel {
  readonly tail: CellTail;
  readonly rows: readonly ConeRow[];
}

interface ConeRow {
  readonly detection: Detection;
  /** Its cell of the level. */
  readonly cell: readonly [y: number, x: number];
  /** Its score, by cell of the layer. It begins with the score of a layer of zeros. */
  readonly scores: Float64Array;
  readonly rescorer: Rescorer;
}

/**
 * The score for each cell of the layer kept alone, all other cells zero, for scores that read only the rows of the detections. A row depends on a
 * few cells of the layer. For these the tail runs on windows: around the cell where it is cheaper, around the row after that. All other cells give the
 * score of a layer of zeros. `shown` has 1 for each cell that is not zero. `whole` gives scores by runs on whole maps. Undefined if the network is
 * not local after the layer, or if whole maps are less work.
 */
export async function coneCellScores(
  request: TailRequest,
  shown: Uint8Array,
  whole: Tail["scores"],
): Promise<Float64Array | undefined> {
  const { score, activations, detections, tail, loaded, forward, options } = request;
  if (score.readsOwnRow !== true || score.readsMask === true || !allFinite(activations.data)) return undefined;
  const levels = new Map<number, ConeLevel & { readonly rows: ConeRow[] }>();
  const unchanged: Detection[] = [];
  for (const detection of detections) {
    const { level, cell } = loaded.head.originOf(detection.row, forward.letterbox.inputSize, [0, 0]);
    if (!tail.levels.includes(level)) {
      unchanged.push(detection);
      continue;
    }
    const own = levels.get(level)?.tail ?? tail.cells(level, forward.letterbox.inputSize);
    if (own === null) return undefined;
    if (!levels.has(level)) levels.set(level, { tail: own, rows: [] });
    levels.get(level)!.rows.push(rowOf(request, detection, [cell[1], cell[0]], shown.length));
  }
  const all = [...levels.values()];
  if (all.length === 0 || !isWorthwhile(request, all, shown)) return undefined;
  const kept: ZeroLayers = request.zeroLayers ?? new Map();
  try {
    const zero = await zeroLayerOf(request, kept);
    for (const level of all) {
      fillWithZeroScores(level.rows, zero, forward.predictions.columns);
      await runLevel(request, level, { tables: zero.tables, shown });
    }
  } finally {
    if (kept !== request.zeroLayers) await disposeZeroLayers(kept);
  }
  const targets = unchanged.map((detection) => targetOf(detection, score, forward));
  const sums = new Float64Array(shown.length).fill(scoreValue(score, forward.predictions, targets, options));
  for (const { scores } of all.flatMap(({ rows }) => rows))
    for (let i = 0; i < sums.length; i++) sums[i]! += scores[i]!;
  return (await areAsOnWholeMaps(request, { sums, levels: all, whole })) ? sums : undefined;
}

function rowOf(
  { forward, score, options }: TailRequest,
  detection: Detection,
  cell: readonly [number, number],
  cells: number,
): ConeRow {
  const { predictions } = forward;
  const scene = { score, base: predictions, targets: [targetOf(detection, score, forward)], options };
  const rescorer = new Rescorer(scene, [[0, predictions.rows]], [detection.row]);
  return { detection, cell, scores: new Float64Array(cells), rescorer };
}

/** Whether runs on windows take less work than a run on whole maps for each cell. */
function isWorthwhile(request: TailRequest, levels: readonly ConeLevel[], shown: Uint8Array): boolean {
  let sum = 0;
  for (const level of levels) {
    const pairs = pairsOf(request, level, shown);
    const { work } = level.tail.tail.windows;
    sum += cellsOf(pairs).length * work.cell + pairs.length * work.row;
  }
  return sum <= shown.length * workOnMaps(request.tail.model.model.graph.nodes, levels[0]!.tail.facts);
}

/** The pairs of a row and a cell that it depends on, ordered by cell. */
function pairsOf({ activations }: TailRequest, { tail, rows }: ConeLevel, shown: Uint8Array): Pair[] {
  const [, height, width] = activations.dims as [number, number, number];
  const { reach } = tail.tail.windows;
  const pairs = rows.flatMap(({ cell }, row) => {
    const [top, bottom] = reach(0, cell[0]);
    const [left, right] = reach(1, cell[1]);
    const own: Pair[] = [];
    for (let y = Math.max(0, top); y < Math.min(height, bottom); y++)
      for (let x = Math.max(0, left); x < Math.min(width, right); x++)
        if (shown[y * width + x] === 1) own.push({ cell: y * width + x, row });
    return own;
  });
  return pairs.sort((a, b) => a.cell - b.cell);
}

/** Gives all cells the score of a layer of zeros. */
function fillWithZeroScores(rows: readonly ConeRow[], zero: ZeroLayer, columns: number): void {
  for (const { detection, scores, rescorer } of rows) {
    const part = zero.rows.find(({ start, end }) => detection.row >= start && detection.row < end)!;
    const offset = (detection.row - part.start) * columns;
    scores.fill(rescorer.evaluate([{ data: part.data, offset, length: columns }]));
  }
}

interface ConeRun {
  readonly tables: Readonly<Record<string, RuntimeTensor>>;
  readonly shown: Uint8Array;
}

/** Finds the scores of the rows of a level. */
async function runLevel(request: TailRequest, level: ConeLevel, { tables, shown }: ConeRun): Promise<void> {
  const { loaded, progress, signal } = request;
  const { tail, rows } = level;
  const session = await loaded.sessions.get(tail.key, () => tail.tail.model, signal);
  const [, , height, width] = tail.facts.dims(tail.tail.windows.reads.at(-1)!.value) as number[];
  const pairs = pairsOf(request, level, shown);
  for (let start = 0; start < pairs.length; ) {
    throwIfAborted(signal);
    const chunk = chunkOf(pairs, start, height! * width!);
    const found = await runPairs(request, tail, { session, tables, chunk, rows });
    chunk.forEach(({ cell, row }, m) => {
      rows[row]!.scores[cell] = rows[row]!.rescorer.evaluate([found[m]!]);
    });
    start += chunk.length;
    progress?.step(cellsOf(chunk).length);
  }
}

/** The next pairs of at most `MAX_CELLS` cells. The decoded map has a place for each. */
function chunkOf(pairs: readonly Pair[], start: number, places: number): Pair[] {
  const cells = new Set<number>();
  let end = start;
  while (end < pairs.length && end - start < places) {
    cells.add(pairs[end]!.cell);
    if (cells.size > MAX_CELLS) break;
    end++;
  }
  return pairs.slice(start, end);
}

interface Check {
  readonly sums: Float64Array;
  readonly levels: readonly ConeLevel[];
  readonly whole: Tail["scores"];
}

/** The first time, the cell with the highest score runs on whole maps too. */
async function areAsOnWholeMaps(
  { loaded, activations }: TailRequest,
  { sums, levels, whole }: Check,
): Promise<boolean> {
  const keys = levels.map(({ tail }) => tail.key);
  if (keys.every((key) => loaded.batches.has(key))) return true;
  const { data } = activations;
  const cell = sums.reduce((best, score, i) => (score > sums[best]! ? i : best), 0);
  const [expected] = await whole(1, (_, into) => {
    into.fill(0);
    for (let at = cell; at < data.length; at += sums.length) into[at] = data[at]!;
  });
  if (!(Math.abs(sums[cell]! - expected!) <= TOLERANCE * Math.max(1, Math.abs(expected!)))) return false;
  for (const key of keys) loaded.batches.set(key, MAX_CELLS);
  return true;
}
