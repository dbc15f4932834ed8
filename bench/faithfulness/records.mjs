// The figures of every detection, in a file with a line for each detection and for each time.
import { existsSync, readFileSync, writeFileSync } from "node:fs";

const FIGURES = ["A", "B", "C", "W", "region"];

/** What a record is about: a row on a detection of an image, or the time of a row. */
export function keyOf({ network, image, row, number, time }) {
  return [network, time ? "time" : image, row, number ?? ""].join("\n");
}

/** The records of a file. None if there is no such file. */
export function readRecords(path) {
  if (!existsSync(path)) return [];
  const lines = readFileSync(path, "utf8")
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line));
  return lines.flatMap(({ rows, ...line }) => {
    if (rows === undefined) return [{ ...line, time: true }];
    return Object.entries(rows).map(([row, values]) => ({
      ...line,
      row,
      figures: values && Object.fromEntries(FIGURES.map((key, i) => [key, values[i]])),
    }));
  });
}

/** Writes records, those of one detection on one line. Figures have four decimals. */
export function writeRecords(path, records) {
  const lines = new Map();
  for (const { network, image, number, detection, row, figures, time, ...times } of records) {
    if (time) {
      lines.set(keyOf({ network, row, time }), { network, row, ...times });
      continue;
    }
    const key = keyOf({ network, image, row: "", number });
    const about = detection && {
      ...detection,
      confidence: rounded(detection.confidence),
      share: rounded(detection.share),
    };
    if (!lines.has(key)) lines.set(key, { network, image, number, detection: about, rows: {} });
    lines.get(key).rows[row] = figures && FIGURES.map((name) => rounded(figures[name]));
  }
  writeFileSync(path, [...lines.values()].map((line) => `${JSON.stringify(line)}\n`).join(""));
}

function rounded(value) {
  return Math.round(value * 10_000) / 10_000;
}
