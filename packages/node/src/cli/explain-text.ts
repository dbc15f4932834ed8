import type { ResultDocument } from "../io/result-json.js";
import { formatTable } from "./table.js";
import { count, printable } from "./text.js";

/** Rows of a table at most; all detections are in the JSON. */
const maxRows = 30;

/** What the terminal shows about one picture: a heading, the table of detections, and what a person should know. */
export function explanationLines(document: ResultDocument): string[] {
  const [height, width] = document.image.size;
  const found = count(document.detections.length, "detection");
  const heading = `${printable(document.image.source)} (${width}×${height}): ${found}, ${document.options.method}`;
  return [heading, ...detectionTable(document), ...remarks(document)];
}

function detectionTable(document: ResultDocument): string[] {
  const shown = document.detections.slice(0, maxRows);
  if (shown.length === 0) return [];
  const rows = shown.map((detection) => [
    String(detection.index),
    printable(detection.className),
    detection.confidence.toFixed(2),
    boxText(detection.boxImage),
    detection.levelName,
    explainedBy(document, detection.index),
  ]);
  const hidden = document.detections.length - shown.length;
  const lines = formatTable(
    [
      { title: "#", align: "right" },
      { title: "class" },
      { title: "confidence", align: "right" },
      { title: "box x1 y1 x2 y2", align: "right" },
      { title: "level" },
      { title: "explained by" },
    ],
    rows,
  ).map((line) => `  ${line}`);
  return hidden === 0 ? lines : [...lines, `  … and ${hidden} more: all of them are in the JSON.`];
}

function boxText(box: { readonly x1: number; readonly y1: number; readonly x2: number; readonly y2: number }): string {
  return [box.x1, box.y1, box.x2, box.y2].map((value) => Math.round(value).toString().padStart(4)).join(" ");
}

/** The layers that explain the detection; "blind" when every layer asked for is; "-" when it is not part of the heatmap. */
function explainedBy(document: ResultDocument, index: number): string {
  if (!document.explained.includes(index)) return "-";
  const tried = document.layers.filter((layer) => layer.detections.includes(index) || layer.blind.includes(index));
  const seeing = tried.filter((layer) => !layer.blind.includes(index));
  if (seeing.length > 0) return seeing.map((layer) => printable(layer.name)).join(", ");
  return tried.length === 0 ? "-" : `blind: ${tried.map((layer) => printable(layer.name)).join(", ")}`;
}

function remarks(document: ResultDocument): string[] {
  const messages = document.layers.flatMap((layer) => (layer.message === null ? [] : [layer.message]));
  if (document.empty !== null) messages.unshift(document.empty.message);
  return [...new Set(messages)].map((message) => `  ${printable(message)}`);
}

/** "Saved dog.png, dog.json" with the folder in front of each name. */
export function savedLine(document: ResultDocument, folder: string, separator: string): string {
  const names = Object.values(document.files).filter((name) => name !== null);
  return `  Saved ${names.map((name) => printable(folder + separator + name)).join(", ")}`;
}
