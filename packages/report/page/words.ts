import { printable } from "@whybox/core";
import { type Columns, noLevel, noObject, rowKinds, rowSides } from "../src/format.js";
import { percent } from "../src/texts.js";

import type { ReportData } from "./data.js";
import { has, ratioOf } from "./view.js";

/** "4.7×", "0.12×", "130×". */
export function times(value: number): string {
  return `${value >= 100 ? value.toFixed(0) : value >= 0.95 ? value.toFixed(1) : value.toPrecision(2)}×`;
}

/** The image of a row, with the frame number in a video. */
export function sourceOf({ columns, list }: ReportData, row: number): string {
  const image = columns.image[row]!;
  const frame = list.frame[image]!;
  const source = printable(list.source[image]!);
  return frame < 0 ? source : `${source}, frame ${frame}`;
}

export function kindOf(columns: Columns, row: number) {
  return rowKinds[columns.kind[row]!]!;
}

export function classOf({ facts, columns }: ReportData, row: number): string {
  return facts.classes[columns.class[row]!] ?? "?";
}

/** "dog 88 %". Only the class for a missed object without a score. */
export function nameOf(data: ReportData, row: number): string {
  const score = data.columns.score[row]!;
  const name = classOf(data, row);
  return Number.isNaN(score) ? name : `${name} ${percent(score, score < 0.1 ? 1 : 0)}`;
}

/** One line about the heat of a row. */
export function heatLine({ columns, facts, misses }: ReportData, row: number): string {
  if (!facts.hasBoxes) return "a class of the whole image";
  const flags = columns.flags[row]!;
  if (has(flags, "heat")) {
    const { inBox, area } = columns;
    return `${percent(inBox[row]!)} of the heat on ${percent(area[row]!, area[row]! < 0.1 ? 1 : 0)} of the image: ${times(ratioOf(columns, row))}`;
  }
  if (has(flags, "cold")) return "no heat: the gradient is zero";
  if (kindOf(columns, row).id === "missed") return misses.size > 0 ? "not explained" : "no map";
  return "no map for this detection";
}

/** Shares of heat outside the box below this value are not described. */
const LITTLE = 0.05;

/** The row whose box contains much of the heat outside a row's own box. −1 if there is none. */
export function otherUnder({ columns: { inBox, beside, onBeside } }: ReportData, row: number): number {
  const isMuch = onBeside[row]! >= Math.max(LITTLE, (1 - inBox[row]!) / 3);
  return isMuch ? beside[row]! : -1;
}

/** One sentence about the heat outside the box. Undefined if there is very little. */
export function outsideLine(data: ReportData, row: number): string | undefined {
  const { columns } = data;
  const { flags, inBox, onBeside, side } = columns;
  if (!has(flags[row]!, "heat")) return undefined;
  const outside = 1 - inBox[row]!;
  const peak = has(flags[row]!, "peakInBox") ? "" : ", and so is the hottest point";
  if (outside < LITTLE) return peak === "" ? undefined : "The hottest point is outside the box.";
  const other = otherUnder(data, row);
  const where = rowSides[side[row]!]!;
  const most =
    other >= 0
      ? `, ${percent(onBeside[row]!)} on “${classOf(data, other)}”`
      : where === "none"
        ? ""
        : `, most of it ${sideWords[where]}`;
  return `${percent(outside)} is outside the box${most}${peak}.`;
}

/** The reason for a card's position: the missed object, or the suspicion and its cause. */
export function whyLine(data: ReportData, row: number): string | undefined {
  const { columns, misses } = data;
  if (kindOf(columns, row).id === "missed") return misses.get(row)?.verdict;
  const suspicion = columns.suspicion[row]!;
  if (Number.isNaN(suspicion)) return undefined;
  const line = outsideLine(data, row);
  return `Suspicion: ${suspicionLevel(suspicion)}. ${line ?? ""}`.trim();
}

/** Suspicion from which a level starts, the highest first. */
const levels = [
  ["high", 0.5],
  ["medium", 0.2],
  ["low", 0],
] as const;

export function suspicionLevel(suspicion: number): (typeof levels)[number][0] {
  return levels.find(([, from]) => suspicion >= from)![0];
}

/** What the levels mean, beside the list. */
export const suspicionHint =
  "Suspicion is high for a confident detection with its heat elsewhere. It says what to look at first, not how likely an error is.";

const sideWords = { left: "on the left", right: "on the right", above: "above it", below: "below it" } as const;

/** The object of the ground truth for an error. For other rows, the meaning of their kind. */
export function kindLine({ columns, facts }: ReportData, row: number): string {
  const kind = kindOf(columns, row);
  const object = columns.object[row]!;
  const isOther = kind.id === "class" || kind.id === "both";
  if (!isOther || object === noObject) return kind.about;
  return `${kind.about}: ${facts.classes[object] ?? "?"}`;
}

export function levelOf({ facts, columns }: ReportData, row: number): string {
  const level = columns.level[row]!;
  return level === noLevel ? "none" : (facts.levels[level] ?? String(level));
}
