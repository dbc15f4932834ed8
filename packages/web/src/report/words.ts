import { type Columns, noLevel, rowKinds } from "../../../node/src/report/format.js";
import type { ReportData } from "./data.js";
import { has, ratioOf } from "./view.js";

export function percent(value: number, digits = 0): string {
  return `${(100 * value).toFixed(digits)} %`;
}

/** "4.7×", "0.12×", "130×". */
export function times(value: number): string {
  return `${value >= 100 ? value.toFixed(0) : value >= 0.95 ? value.toFixed(1) : value.toPrecision(2)}×`;
}

export function count(n: number, singular: string, plural = `${singular}s`): string {
  return `${n.toLocaleString("en")} ${n === 1 ? singular : plural}`;
}

/** The picture of a row, and the frame. */
export function sourceOf({ columns, list }: ReportData, row: number): string {
  const picture = columns.picture[row]!;
  const frame = list.frame[picture]!;
  return frame < 0 ? list.source[picture]! : `${list.source[picture]}, frame ${frame}`;
}

export function kindOf(columns: Columns, row: number) {
  return rowKinds[columns.kind[row]!]!;
}

/** "dog 88 %"; of an object that was missed without having been asked about only the class. */
export function nameOf({ facts, columns }: ReportData, row: number): string {
  const score = columns.score[row]!;
  const name = facts.classes[columns.class[row]!] ?? "?";
  return Number.isNaN(score) ? name : `${name} ${percent(score, score < 0.1 ? 1 : 0)}`;
}

/** Where its heat lies, in one line. */
export function heatLine({ columns, facts }: ReportData, row: number): string {
  const flags = columns.flags[row]!;
  if (has(flags, "heat")) {
    const { inBox, area } = columns;
    return `${percent(inBox[row]!)} of the heat on ${percent(area[row]!, area[row]! < 0.1 ? 1 : 0)} of the picture: ${times(ratioOf(columns, row))}`;
  }
  if (has(flags, "cold")) return "no heat: its gradient is zero";
  if (kindOf(columns, row).id === "missed") return facts.misses.length > 0 ? "not asked about" : "no map";
  return "no map of its own";
}

export function levelOf({ facts, columns }: ReportData, row: number): string {
  const level = columns.level[row]!;
  return level === noLevel ? "none" : (facts.levels[level] ?? String(level));
}
