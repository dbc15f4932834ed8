import { kindNumber } from "../src/format.js";
import type { ReportData } from "./data.js";
import { has, ratioOf } from "./view.js";

/** What the rows of a class have in common. */
export interface ClassStats {
  readonly class: number;
  readonly name: string;
  readonly rows: number;
  /** Of them, objects that were missed. All that follows is about the others: what was detected. */
  readonly missed: number;
  /** Errors of the ground truth among the detections. */
  readonly wrong: number;
  /** Medians over the detections with heat of their own; NaN without any. */
  readonly score: number;
  readonly inBox: number;
  readonly ratio: number;
  readonly ratios: readonly number[];
  /** Share of the detections that are hotter outside of the box than in it. */
  readonly outside: number;
  /** The class on whose boxes most of their heat lies beside their own, and the mean share of it; undefined where none does. */
  readonly beside: { readonly name: string; readonly share: number } | undefined;
  /** Of the mean map's energy, the share around the box; null without a map. */
  readonly context: number | null;
  /** Cells of the mean map; undefined without one. */
  readonly mean: Uint8Array | undefined;
}

/** By class, of all rows of the report. */
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
