import { namesText, pixelText, preparedText, printable } from "@whybox/core";
import type { ModelReport } from "../api.js";
import { count } from "../words.js";
import { cutText, foldText } from "./fold.js";
import { layerLines } from "./inspect-layers.js";
import { formatTable } from "./table.js";

/** The report of every model fits on a screen of this size. */
const COLUMNS = 100;
const LINES = 40;
const LABEL_COLUMNS = 9;
const MAX_PORTS = 4;
const MAX_LEVELS = 6;

/** The output of `whybox inspect`: at most 40 lines of at most 100 columns. The JSON contains everything, uncut. */
export function inspectionLines(report: ModelReport): string[] {
  const before = [
    cutText(printable(report.source), COLUMNS, "end"),
    ...facts(report),
    "",
    ...levelTable(report).map((line) => `  ${line}`),
    "",
  ];
  const after = missingRules(report);
  return [...before, ...layerLines(report, COLUMNS, LINES - before.length - after.length), ...after];
}

/** Label, text, and the maximum number of lines. */
type Fact = readonly [label: string, text: string, max: number];

function facts(report: ModelReport): string[] {
  const rows: Fact[] = [
    ["format", formatText(report), 1],
    ["model", printable(report.description ?? "") || "not described in the file", 1],
    ["sha256", report.sha256, 1],
    ...licenceFact(report),
    ["task", taskTexts[report.head.task], 1],
    ["precision", precisionText(report), 1],
    ["classes", classText(report), 2],
    ...ports("input", report.inputs),
    ["pixels", pixelText(report.input), 1],
    ["prepared", preparedText(report.input), 2],
    ...ports("output", report.outputs),
    ["head", `${report.head.kind}: ${printable(report.head.source)}`, 2],
    ...(report.head.assumed === undefined
      ? []
      : [["assumed", report.head.assumed.map((one) => printable(one)).join("; "), 2] as const]),
    ["selection", selectionText(report), 1],
  ];
  const room = COLUMNS - 2 - LABEL_COLUMNS - 2;
  return rows.flatMap(([label, text, max]) =>
    foldText(text, room, max).map((line, i) => `  ${(i === 0 ? label : "").padEnd(LABEL_COLUMNS)}  ${line}`),
  );
}

function licenceFact({ licence, licenceInFile }: ModelReport): Fact[] {
  const own =
    licenceInFile === undefined || licenceInFile === licence ? undefined : `${licenceInFile} (stated by the file)`;
  const text = [licence, own].filter((one) => one !== undefined).join("; ");
  return text === "" ? [] : [["licence", printable(text), 1]];
}

const taskTexts = {
  detect: "detection",
  segment: "detection with masks",
  pose: "detection with keypoints",
  obb: "detection with rotated boxes",
  classify: "classification of the whole image",
} as const;

const formatTexts = {
  onnx: "ONNX, opset",
  torch: "PyTorch checkpoint, read as ONNX of opset",
  tfjs: "TF.js graph model, read as ONNX of opset",
} as const;

function formatText({ format, opset, bytes, producer }: ModelReport): string {
  const made = format === "onnx" ? `, made by ${printable(producer) || "an unnamed program"}` : "";
  return `${formatTexts[format]} ${opset}, ${(bytes / 1e6).toFixed(1)} MB${made}`;
}

function precisionText({ precision, storedPrecision }: ModelReport): string {
  return storedPrecision === precision ? precision : `${precision}, stored as ${storedPrecision}`;
}

function classText({ classNames, classNamesFrom }: ModelReport): string {
  const names = classNames.slice(0, 5).map((name) => cutText(printable(name), 24));
  const rest = classNames.length - names.length;
  return `${classNames.length}: ${names.join(", ")}${rest > 0 ? `, … and ${rest} more` : ""}${namesText(classNamesFrom)}`;
}

function ports(label: string, all: ModelReport["inputs"]): Fact[] {
  const rest = all.length - MAX_PORTS;
  const more = rest > 0 ? `, … and ${rest} more` : "";
  return all.slice(0, MAX_PORTS).map((port, i) => {
    const shape = printable(`${port.type} [${port.shape.map((dim) => dim ?? "?").join(", ")}]`);
    const text = `${cutText(printable(port.name), 40, "end")} ${shape}${i === MAX_PORTS - 1 ? more : ""}`;
    return [i === 0 ? label : "", text, 1];
  });
}

function selectionText({ head: { task, selection } }: ModelReport): string {
  if (task === "classify") return "the most probable classes";
  if (!selection.nms) return "none, the model selects the boxes itself (end to end)";
  const inside =
    selection.iou === undefined ? "" : `; the one in the file (IoU ${selection.iou.toFixed(2)}) is skipped`;
  return `non-maximum suppression${inside}`;
}

function levelTable({ head, layers }: ModelReport): string[] {
  const hasAnchors = head.task !== "classify";
  const layerOf = new Map(layers.map(({ value, index, name }) => [value, index === undefined ? name : String(index)]));
  const table = formatTable(
    [
      { title: "level" },
      { title: "stride", align: "right" },
      ...(hasAnchors ? [{ title: "anchors", align: "right" } as const] : []),
      { title: "reads layer" },
    ],
    head.levels
      .slice(0, MAX_LEVELS)
      .map((level) => [
        cutText(printable(level.name), 12),
        String(level.stride),
        ...(hasAnchors ? [String(level.anchors)] : []),
        cutText(printable(level.inputs.map((value) => layerOf.get(value) ?? value).join(", ")), 66, "end"),
      ]),
  );
  const rest = head.levels.length - MAX_LEVELS;
  return rest > 0 ? [...table, `… and ${count(rest, "more level")}`] : table;
}

/** Lists only the ops that block a gradient. */
function missingRules(report: ModelReport): string[] {
  const ops = report.opsWithoutRule
    .filter(({ onPath }) => onPath)
    .map(({ op, count: n }) => `${cutText(printable(op), 40)} (${count(n, "node")})`);
  return ["", ...foldText(`Ops without a gradient rule: ${ops.join(", ") || "none"}`, COLUMNS, 2)];
}
