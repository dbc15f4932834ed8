import type { Predictions } from "../detector/detection.js";
import { scoreValue } from "./evaluate.js";
import { boxTable, fillBoxTable, nearestRows } from "./iou.js";
import type { Score, ScoreOptions, ScoreTarget } from "./score.js";

/** Consecutive rows of the predictions, `[start, end)`. */
export type RowRange = readonly [start: number, end: number];

/** `length` values, beginning at `offset`. */
interface Part {
  readonly data: Float32Array;
  readonly offset: number;
  readonly length: number;
}

/** A score of some detections on the unchanged predictions. */
export interface RescoreScene {
  readonly score: Score;
  readonly base: Predictions;
  readonly targets: readonly ScoreTarget[];
  readonly options: ScoreOptions;
}

/**
 * A score of predictions where only some rows change. `evaluate` takes the new values of these rows. The result is exactly the score of the full
 * predictions. The cost depends on the changed rows: of the other rows, only possible nearest rows are read.
 */
export class Rescorer {
  readonly #score: Score;
  readonly #targets: readonly ScoreTarget[];
  readonly #options: ScoreOptions;
  readonly #compact: Predictions & { data: Float32Array; boxes: Float32Array };
  /** The first row of each range in the compact predictions. */
  readonly #starts: readonly number[];

  /** `only`: the rows of one range that the score could read, in ascending order. Default: all rows of the ranges. */
  constructor(scene: RescoreScene, ranges: readonly RowRange[], only?: readonly number[]) {
    const { score, base, targets, options } = scene;
    const rows = rowsThatCount(scene, ranges, only);
    const place = new Map(rows.map((row, i) => [row, i]));
    this.#score = score;
    this.#options = options;
    this.#targets = targets.map((target) => ({ ...target, row: place.get(target.row)! }));
    this.#starts = only === undefined ? ranges.map(([start]) => place.get(start)!) : [place.get(only[0]!)!];
    this.#compact = gather(base, rows);
  }

  /** `parts[i]` holds the new rows of range `i` (those of `only`, if given), `[rows, columns]`; `prototypes` holds the new mask prototypes, if they change. */
  evaluate(parts: readonly Part[], prototypes?: Part): number {
    const { data, boxes, columns } = this.#compact;
    parts.forEach((part, i) => {
      const first = this.#starts[i]!;
      data.set(part.data.subarray(part.offset, part.offset + part.length), first * columns);
      fillBoxTable(boxes, this.#compact, first, first + part.length / columns);
    });
    const changed = prototypes === undefined ? this.#compact : withPrototypes(this.#compact, prototypes);
    return scoreValue(this.#score, changed, this.#targets, this.#options);
  }
}

/** Replaces the mask prototypes of the predictions. */
export function withPrototypes(predictions: Predictions, { data, offset, length }: Part): Predictions {
  const { extra } = predictions;
  if (extra?.task !== "segment") return predictions;
  const { dims } = extra.prototypes;
  return { ...predictions, extra: { ...extra, prototypes: { dims, data: data.subarray(offset, offset + length) } } };
}

/** In ascending order, so that ties are resolved as in the full predictions. */
function rowsThatCount(
  { score, base, targets, options }: RescoreScene,
  ranges: readonly RowRange[],
  only?: readonly number[],
): number[] {
  const changed = (row: number): boolean => ranges.some(([start, end]) => row >= start && row < end);
  if (score.readsAllRows) return Array.from({ length: base.rows }, (_, row) => row);
  const rows = new Set(targets.map((target) => target.row));
  if (only !== undefined) for (const row of only) rows.add(row);
  else for (const [start, end] of ranges) for (let row = start; row < end; row++) rows.add(row);
  for (const { boxInput } of targets) {
    for (const row of nearestRows(base, boxInput, options.topk, changed)) rows.add(row);
  }
  return [...rows].sort((a, b) => a - b);
}

function gather(base: Predictions, rows: readonly number[]): Predictions & { boxes: Float32Array } {
  const { columns, boxes: _, ...facts } = base;
  const data = new Float32Array(rows.length * columns);
  rows.forEach((row, i) => {
    data.set(base.data.subarray(row * columns, (row + 1) * columns), i * columns);
  });
  const gathered = { ...facts, rows: rows.length, columns, data };
  return { ...gathered, boxes: boxTable(gathered) };
}
