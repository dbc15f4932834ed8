import {
  type AnyCamMethod,
  defaultMethods,
  dependsOnScore,
  maskArea,
  printable,
  type ResultDocument,
  resolveMethod,
  resolveScore,
  shown,
} from "@whybox/core";
import { classSentence, mapSentence, measureSentence, percent, searchSentence } from "@whybox/report";
import { count } from "../words.js";
import { type Column, formatTable } from "./table.js";

/** Maximum number of table rows. The JSON contains all detections. */
const maxRows = 30;

/** Maximum number of sentences, and of detections that are named for one. */
const maxSentences = 12;
const maxNumbers = 8;

/** Most characters of a remark. It may have names of the model. */
const MAX_REMARK = 600;

/** The terminal output for one image: a heading, the table of detections, a sentence on each, the verdict on `--box`, numbers and remarks. */
export function explanationLines(
  document: ResultDocument,
  methods: readonly AnyCamMethod[] = defaultMethods,
): string[] {
  const [height, width] = document.image.size;
  const total = document.detections.length;
  const found = hasBoxes(document) ? count(total, "detection") : count(total, "class", "classes");
  const heading = `${printable(document.image.source)} (${width}×${height}): ${found}, ${howText(document)}`;
  return [
    heading,
    ...detectionTable(document),
    ...sentences(document, methods),
    ...answer(document),
    ...searches(document),
    ...measurements(document),
    ...notes(document),
    ...remarks(document),
    ...(total === 0 && document.asked === null && hasBoxes(document) ? [nothingFound] : []),
  ];
}

const nothingFound =
  "  To find weaker objects: --conf 0.1. To ask about a place: --box LEFT TOP RIGHT BOTTOM --class NAME.";

/** False for a classifier: its box is the whole image. */
function hasBoxes({ model }: ResultDocument): boolean {
  return model.head.task !== "classify";
}

function howText({ options: { method, per, versus } }: ResultDocument): string {
  const kept = per === "image" ? "" : ` per ${per}`;
  return `${method}${kept}${versus === null ? "" : `, versus ${shown(versus)}`}`;
}

function detectionTable(document: ResultDocument): string[] {
  const listed = document.detections.slice(0, maxRows);
  if (listed.length === 0) return [];
  const rows = listed.map((detection) => [
    String(detection.index),
    shown(detection.className, 40),
    detection.confidence.toFixed(2),
    ...(hasBoxes(document) ? [boxText(detection.boxImage), ...taskCells(detection), shown(detection.levelName)] : []),
    ...explanationColumns(document).map(({ cell }) => cell(detection.index)),
  ]);
  const hidden = document.detections.length - listed.length;
  const lines = formatTable(
    [
      { title: "#", align: "right" },
      { title: "class" },
      { title: "confidence", align: "right" },
      ...(hasBoxes(document) ? boxColumns(listed[0]!) : []),
      ...explanationColumns(document),
    ],
    rows,
  ).map((line) => `  ${line}`);
  return hidden === 0 ? lines : [...lines, `  … and ${hidden} more. The JSON contains all detections.`];
}

type DetectionPart = ResultDocument["detections"][number];

/** Minimum confidence of a keypoint. Keypoints below it are neither drawn nor counted. */
const minConfidence = 0.25;

function boxColumns(first: DetectionPart): Column[] {
  return [{ title: "box x1 y1 x2 y2", align: "right" }, ...taskColumns(first), { title: "level" }];
}

/** Columns for masks, keypoints or angles. All detections of a model have the same ones. */
function taskColumns({ mask, keypoints, angle }: DetectionPart): Column[] {
  if (mask !== null) return [{ title: "mask pixels", align: "right" }];
  if (keypoints !== null) return [{ title: "keypoints", align: "right" }];
  return angle === null ? [] : [{ title: "angle", align: "right" }];
}

function taskCells({ mask, keypoints, angle }: DetectionPart): string[] {
  if (mask !== null) return [String(maskArea({ size: [mask.size[0], mask.size[1]], counts: mask.counts }))];
  if (keypoints !== null) {
    const seen = keypoints.filter(({ confidence }) => (confidence ?? 1) >= minConfidence);
    return [`${seen.length} of ${keypoints.length}`];
  }
  return angle === null ? [] : [`${((180 * angle) / Math.PI).toFixed(1)}°`];
}

function boxText(box: { readonly x1: number; readonly y1: number; readonly x2: number; readonly y2: number }): string {
  return [box.x1, box.y1, box.x2, box.y2].map((value) => Math.round(value).toString().padStart(4)).join(" ");
}

/** How a detection is explained: by its own map, or as a part of a map of several. With --box, no detection is explained. */
function explanationColumns(document: ResultDocument): (Column & { cell(index: number): string })[] {
  if (document.asked !== null) return [];
  return document.options.per === "detection" && hasBoxes(document)
    ? [{ title: "heat in box, × uniform", cell: (index) => heatInBox(document, index) }]
    : [{ title: "explained by", cell: (index) => explainedBy(document, index) }];
}

/** "86 %  6.6×": the share of the heat in the box, and how many times that of a uniform map it is. */
function heatInBox({ maps }: ResultDocument, index: number): string {
  const map = maps.find(({ detections }) => detections.includes(index));
  if (map === undefined) return "-";
  if (map.heat === null) return "no heat";
  const { inBox, ratio } = map.heat;
  return `${percent(inBox).padStart(5)}  ${`${ratio.toFixed(ratio < 9.95 ? 1 : 0)}×`.padStart(5)}`;
}

/** A sentence on each detection with a map of its own. Detections with the same sentence share it. */
function sentences(document: ResultDocument, methods: readonly AnyCamMethod[]): string[] {
  const { options, maps, detections } = document;
  const method = resolveMethod(options.method!, methods);
  const usual = options.versus === null ? (method.scores ?? ["class"]) : ["contrast"];
  const scores = options.backprop!.filter((id) => !usual.includes(id)).map((id) => resolveScore(id));
  const shared = {
    dependsOnScore: dependsOnScore(method),
    versus: options.versus === null ? undefined : shown(options.versus),
    scores,
  };
  const told = new Map<string, number[]>();
  for (const {
    detections: [index],
    heat,
  } of maps) {
    const className = shown(detections[index!]!.className);
    const isOfClass = !hasBoxes(document) && options.per === "detection" && isSeen(document, index!);
    if (heat === null && !isOfClass) continue;
    const sentence =
      heat === null ? classSentence({ className, ...shared }) : mapSentence({ className, ...heat, ...shared });
    told.set(sentence, [...(told.get(sentence) ?? []), index!]);
  }
  const lines = [...told].map(([sentence, indices]) => {
    const numbers = indices.length > maxNumbers ? `${indices.slice(0, maxNumbers).join(", ")}, …` : indices.join(", ");
    return `  ${numbers}: ${printable(sentence)}`;
  });
  return lines.length > maxSentences ? [...lines.slice(0, maxSentences), "  …"] : lines;
}

/** Whether the class has heat. It has none if all of its layers are blind. Some methods read no layer. */
function isSeen({ layers, empty }: ResultDocument, index: number): boolean {
  const isBlind = ({ blind }: ResultDocument["layers"][number]) => blind.includes(index);
  const tried = layers.filter((layer) => layer.detections.includes(index) || isBlind(layer));
  return empty === null && (tried.length === 0 || !tried.every(isBlind));
}

/** The layers that explain the detection; "blind" when all of its layers are blind; "-" when it is not part of the heatmap. */
function explainedBy(document: ResultDocument, index: number): string {
  if (!document.explained.includes(index)) return "-";
  const tried = document.layers.filter((layer) => layer.detections.includes(index) || layer.blind.includes(index));
  const seeing = tried.filter((layer) => !layer.blind.includes(index));
  if (seeing.length > 0) return seeing.map((layer) => shown(layer.name)).join(", ");
  return tried.length === 0 ? "-" : `blind: ${tried.map((layer) => shown(layer.name)).join(", ")}`;
}

function remarks(document: ResultDocument): string[] {
  const messages = document.layers.flatMap((layer) => (layer.message === null ? [] : [layer.message]));
  if (document.empty !== null) messages.unshift(document.empty.message);
  return [...new Set(messages)].map((message) => `  ${shown(message, MAX_REMARK)}`);
}

/** The verdict on the box of `--box`. */
function answer({ asked }: ResultDocument): string[] {
  if (asked === null) return [];
  const corners = boxText(asked.boxImage).replace(/\s+/g, " ").trim();
  return [`  ${shown(asked.className)} at ${corners}? ${shown(asked.verdict, MAX_REMARK)}`];
}

/** With --method search: how the map of each detection was found. */
function searches({ searched }: ResultDocument): string[] {
  if (searched.length === 0) return [];
  const lines = searched
    .slice(0, maxSentences)
    .map((one) => `  ${one.detections[0] ?? "box"}: ${printable(searchSentence(one))}`);
  return [
    "  Found by search (quality: what stays when the hottest pixels are kept, minus when they are removed)",
    ...lines,
  ];
}

/** With --measure: the figures of each map beside the baselines, and what they say. */
function measurements({ measured }: ResultDocument): string[] {
  if (measured.length === 0) return [];
  const shown = measured.slice(0, maxRows);
  const right = (title: string) => ({ title, align: "right" as const });
  const columns = ["map", "blob", "random", "map in box", "blob in box", "random in box", "smallest region"].map(right);
  const rows = shown.map(({ detections, className, map, gaussian, random }) => [
    String(detections[0] ?? "box"),
    printable(className),
    ...[map, gaussian, random].map(({ overAll }) => overAll.toFixed(2)),
    ...[map, gaussian, random].map(({ withinBox }) => withinBox.overAll.toFixed(2)),
    `${map.sufficientOverBox.toFixed(2)} of the box`,
  ]);
  const lines = formatTable([right("#"), { title: "class" }, ...columns], rows).map((line) => `  ${line}`);
  const sentences = shown
    .slice(0, maxSentences)
    .map((one) => `  ${one.detections[0] ?? "box"}: ${printable(measureSentence(one))}`);
  const title =
    "  Measured: insertion minus deletion (higher is better), and the smallest region that keeps half of the confidence";
  return [title, ...lines, ...sentences];
}

/** The numbers that the method reports, in one line: "spectral gap 0.84, 0.69; masks 256". */
function notes(document: ResultDocument): string[] {
  const names = [...new Set(document.notes.map((note) => note.name))];
  const parts = names.map((name) => {
    const values = document.notes.filter((note) => note.name === name).map((note) => note.value);
    return `${printable(wordsOf(name))} ${valuesText(values)}`;
  });
  return parts.length === 0 ? [] : [`  ${parts.join("; ")}`];
}

/** "completenessGap" → "completeness gap". */
function wordsOf(name: string): string {
  return name.replace(/(?<=[a-z])[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}

/** Lists up to three different numbers, and shows more as a range. */
function valuesText(values: readonly number[]): string {
  const different = [...new Set(values.map(numberText))];
  if (different.length <= 3) return different.join(", ");
  const sorted = values.toSorted((a, b) => a - b);
  return `${numberText(sorted[0]!)} to ${numberText(sorted.at(-1)!)}`;
}

function numberText(value: number): string {
  return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(3)));
}

/** "412 ms: 12 to read, 340 to explain, 60 to draw." */
export function speedLine({ timings: { decode, explain, render } }: ResultDocument): string {
  const ms = (value: number) => String(Math.round(value));
  return `  ${ms(decode + explain + render)} ms: ${ms(decode)} to read, ${ms(explain)} to explain, ${ms(render)} to draw`;
}

/** "Saved dog.png, dog.json", with the folder before each name. Of the files of single maps, only the first is named. */
export function savedLine(document: ResultDocument, folder: string, separator: string): string {
  const names = Object.values(document.files).filter((name) => name !== null);
  const parts = document.maps.flatMap(({ files }) => Object.values(files)).filter((name) => name !== null);
  const listed = names.map((name) => printable(folder + separator + name)).join(", ");
  if (parts.length === 0) return `  Saved ${listed}`;
  const more = parts.length === 1 ? "" : ` and ${count(parts.length - 1, "more file")}`;
  return `  Saved ${listed}; ${printable(folder + separator + parts[0])}${more}`;
}
