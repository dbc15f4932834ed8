import type { ReportData } from "./data.js";
import { has, ratioOf } from "./view.js";

/** What the rows of a class have in common. */
export interface ClassStats {
  readonly class: number;
  readonly name: string;
  readonly rows: number;
  /** Medians over its rows with heat of their own; NaN without any. */
  readonly score: number;
  readonly inBox: number;
  readonly ratio: number;
  /** Share of its rows that are hotter outside of the box than in it. */
  readonly outside: number;
  /** Of the mean map's energy, the share around the box; null without a map. */
  readonly context: number | null;
  /** Cells of the mean map; undefined without one. */
  readonly mean: Uint8Array | undefined;
}

/** By class, of all rows of the report. */
export function classStats({ facts, columns }: ReportData): readonly ClassStats[] {
  const rowsOf = new Map<number, number[]>();
  for (const [row, number] of columns.class.entries()) {
    const rows = rowsOf.get(number);
    if (rows === undefined) rowsOf.set(number, [row]);
    else rows.push(row);
  }
  return [...rowsOf].map(([number, rows]) => {
    const warm = rows.filter((row) => has(columns.flags[row]!, "heat"));
    const ratios = warm.map((row) => ratioOf(columns, row)).filter((value) => !Number.isNaN(value));
    const known = facts.perClass.find((one) => one.class === number);
    const mean = known?.mean;
    return {
      class: number,
      name: facts.classes[number] ?? "?",
      rows: rows.length,
      score: median(rows.map((row) => columns.score[row]!).filter((value) => !Number.isNaN(value))),
      inBox: median(warm.map((row) => columns.inBox[row]!)),
      ratio: median(ratios),
      outside: ratios.filter((value) => value < 1).length / ratios.length,
      context: known?.context ?? null,
      mean: mean == null ? undefined : Uint8Array.from(atob(mean), (c) => c.charCodeAt(0)),
    };
  });
}

function median(values: readonly number[]): number {
  return values.length === 0 ? Number.NaN : values.toSorted((a, b) => a - b)[Math.floor((values.length - 1) / 2)]!;
}
