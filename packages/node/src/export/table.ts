import { printable } from "@whybox/core";
import type { BasicType } from "hyparquet-writer";
import type { OpenRun, RunImage } from "../report/read-run.js";
import type { RunDetection } from "../runs/schema.js";
import { heatFields, imagesIn } from "./run-images.js";

/** A row of the table: a detection and its image. */
export type TableRow = Readonly<Record<string, string | number | boolean | null>>;

/** The columns of CSV and Parquet. Each number has its own column, because some readers do not support lists. */
export const tableColumns: readonly (readonly [name: string, type: BasicType])[] = [
  ["item", "INT32"],
  ["source", "STRING"],
  ["frame", "INT32"],
  ["time", "DOUBLE"],
  ["height", "INT32"],
  ["width", "INT32"],
  ["detection", "INT32"],
  ["class", "INT32"],
  ["name", "STRING"],
  ["score", "DOUBLE"],
  ["x1", "DOUBLE"],
  ["y1", "DOUBLE"],
  ["x2", "DOUBLE"],
  ["y2", "DOUBLE"],
  ["level", "STRING"],
  ["explained", "BOOLEAN"],
  ["in_box", "DOUBLE"],
  ["area_fraction", "DOUBLE"],
  ["ratio", "DOUBLE"],
  ["peak_x", "DOUBLE"],
  ["peak_y", "DOUBLE"],
  ["peak_in_box", "BOOLEAN"],
  ["suspicion", "DOUBLE"],
  ["blind", "BOOLEAN"],
];

export async function* tableRows(run: OpenRun): AsyncGenerator<TableRow> {
  for await (const image of imagesIn(run)) {
    for (const [index, detection] of image.detections.entries()) yield rowOf(image, index, detection, run);
  }
}

function rowOf(image: RunImage, index: number, detection: RunDetection, run: OpenRun): TableRow {
  const { item, source, frame = null, time, size } = image;
  const [x1, y1, x2, y2] = detection.box;
  const { class: number, name, score, explained } = detection;
  const level = run.manifest.model.levels[detection.level]?.name ?? null;
  return {
    ...{ item, source, frame, time, height: size[0], width: size[1], detection: index },
    ...{ class: number, name, score, x1, y1, x2, y2, level, explained },
    ...heatFields(image, index),
  };
}

/**
 * The table as CSV (RFC 4180) with a header. Missing values are empty. Texts are printable, and none starts like a formula.
 * @yields The lines of the text.
 */
export async function* csvText(run: OpenRun): AsyncGenerator<string> {
  const names = tableColumns.map(([name]) => name);
  yield `${names.join(",")}\r\n`;
  for await (const row of tableRows(run)) yield `${names.map((name) => csvCell(row[name] ?? null)).join(",")}\r\n`;
}

/**
 * A cell of CSV. Spreadsheets compute cells that start with = + - or @, also in quotes. An apostrophe makes them text. Where the comma is
 * the decimal sign, they also split cells at semicolons.
 */
export function csvCell(value: string | number | boolean | null): string {
  if (value === null) return "";
  if (typeof value !== "string") return String(value);
  const text = printable(value).replace(/(?<=^|;)["\s]*[=+\-@\uff0b\uff0d\uff1d\uff20]/gu, "'$&");
  return /[",]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
