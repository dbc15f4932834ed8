import { kindNumber } from "../src/format.js";
import type { ReportData } from "./data.js";
import { has, ratioOf } from "./view.js";

export interface ClassStats {
  readonly class: number;
  readonly name: string;
  readonly rows: number;
  /** Number of missed objects among the rows. All other statistics are about detections only. */
  readonly missed: number;
  /** Number of detections that are wrong according to the ground truth. */
  readonly wrong: number;
  /** Medians over the detections with their own heat. NaN if there are none. */
  readonly score: number;
  readonly inBox: number;
  readonly ratio: number;
  readonly ratios: readonly number[];
  /** Share of the detections with a higher mean heat outside the box than inside. */
  readonly outside: number;
  /** The class whose boxes contain most of the heat outside the own boxes, and its mean share. Undefined if there is none. */
  readonly beside: { readonly name: string; readonly share: number } | undefined;
  /** Share of the mean map's energy around the box. Null without a map. */
  readonly context: number | null;
  /** Cells of the mean map. Undefined without a map. */
  readonly mean: Uint8Array | undefined;
}

/** The statistics of each class, over all rows of the report. */
export function classStats(data: ReportData): readonly ClassStats[] {
  const { facts, columns } = data;
  const rowsOf = new Map<number, number[]>();
  for (const [row, number] of columns.class.entries()) {
    const rows = rowsOf.get(number);
    if (rows === undefined) rowsOf.set(number, [row]);
    else rows.push(row);
  }
  return [...rowsOf].map(([number, rows]) => {
    const found = rows.filter((row) => columns.kind[row] !== kindNumber("missed"));
    const warm = found.filter((row) => has(columns.flags[row]!, "heat"));
    const ratios = warm.map((row) => ratioOf(columns, row)).filter((value) => !Number.isNaN(value));
    const known = facts.perClass.find((one) => one.class === number);
    const mean = known?.mean;
    return {
      class: number,
      name: facts.classes[number] ?? "?",
      rows: rows.length,
      missed: rows.length - found.length,
      wrong: found.filter((row) => columns.kind[row]! > kindNumber("hit")).length,
      score: median(found.map((row) => columns.score[row]!)),
      inBox: median(warm.map((row) => columns.inBox[row]!)),
      ratio: median(ratios),
      ratios,
      outside: ratios.filter((value) => value < 1).length / ratios.length,
      beside: besideOf(data, warm),
      context: known?.context ?? null,
      mean: mean == null ? undefined : Uint8Array.from(atob(mean), (c) => c.charCodeAt(0)),
    };
  });
}

function besideOf({ facts, columns }: ReportData, warm: readonly number[]): ClassStats["beside"] {
  const sums = new Map<number, number>();
  for (const row of warm) {
    const other = columns.beside[row]!;
    if (other < 0) continue;
    const number = columns.class[other]!;
    sums.set(number, (sums.get(number) ?? 0) + columns.onBeside[row]!);
  }
  const [most] = [...sums].sort(([a, x], [b, y]) => y - x || a - b);
  return most && { name: facts.classes[most[0]] ?? "?", share: most[1] / warm.length };
}

function median(values: readonly number[]): number {
  return values.length === 0 ? Number.NaN : values.toSorted((a, b) => a - b)[Math.floor((values.length - 1) / 2)]!;
}
