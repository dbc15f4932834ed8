import type { ModelReport } from "../api.js";
import { formatTable } from "./table.js";
import { count, printable } from "./text.js";

/** What `whybox inspect` shows of a model. */
export function inspectionLines(report: ModelReport): string[] {
  return [
    printable(report.source),
    ...facts(report),
    "",
    "Head levels",
    ...levelTable(report),
    "",
    report.inputSize === undefined ? "Layers" : `Layers (dims at ${report.inputSize.join("×")})`,
    ...layerTable(report),
    ...missingRules(report),
  ];
}

function facts(report: ModelReport): string[] {
  const names = report.classNames.slice(0, 5).map((name) => printable(name));
  const rest = report.classNames.length - names.length;
  const rows = [
    ["format", formatText(report)],
    ["model", printable(report.description ?? "") || "the file does not say"],
    ["producer", printable(report.producer) || "unknown"],
    ["task", `${taskTexts[report.head.task]}, ${report.precision}`],
    ["sha256", report.sha256],
    ...(report.licence === undefined ? [] : [["licence", printable(report.licence)]]),
    ["classes", `${report.classNames.length}: ${names.join(", ")}${rest > 0 ? `, … and ${rest} more` : ""}`],
    ...report.inputs.map((port) => ["input", portText(port)]),
    ...report.outputs.map((port) => ["output", portText(port)]),
    ["pixels", pixelText(report)],
    ["head", headText(report)],
  ];
  return formatTable([{ title: "" }, { title: "" }], rows)
    .slice(1)
    .map((line) => `  ${line}`);
}

const taskTexts = {
  detect: "detection",
  segment: "detection with masks",
  pose: "detection with keypoints",
  obb: "detection of oriented boxes",
} as const;

function formatText({ format, opset, bytes }: ModelReport): string {
  const size = `${(bytes / 1e6).toFixed(1)} MB`;
  return format === "torch"
    ? `PyTorch checkpoint, read as ONNX of opset ${opset}, ${size}`
    : `ONNX, opset ${opset}, ${size}`;
}

const rangeReasons = {
  options: "as the options say",
  type: "by the input's type",
  graph: "by what the graph does to them",
  yolox: "as YOLOX has them",
  default: "taken for granted",
} as const;

/** What the network is given, and why. */
function pixelText({ input }: ModelReport): string {
  const range = `0..${input.range} (${rangeReasons[input.rangeFrom]})`;
  const padding = input.padding === "end" ? ", padded at the end" : "";
  return `${input.channels.toUpperCase()}, ${input.layout}, ${range}${padding}`;
}

function headText({ head }: ModelReport): string {
  const { selection } = head;
  const inside = selection.iou === undefined ? "" : `; the file's own, at IoU ${selection.iou.toFixed(2)}, is left out`;
  const chosen = selection.nms ? `non-maximum suppression${inside}` : "boxes as they are, end to end";
  return `${head.kind}: ${printable(head.source)}; ${chosen}`;
}

function portText(port: ModelReport["inputs"][number]): string {
  return printable(`${port.name} ${port.type} [${port.shape.map((dim) => dim ?? "?").join(", ")}]`);
}

function levelTable(report: ModelReport): string[] {
  return formatTable(
    [{ title: "level" }, { title: "stride", align: "right" }, { title: "anchors", align: "right" }, { title: "input" }],
    report.head.levels.map((level) => [
      printable(level.name),
      String(level.stride),
      String(level.anchors),
      printable(level.inputs.join(", ")),
    ]),
  ).map((line) => `  ${line}`);
}

function layerTable(report: ModelReport): string[] {
  return formatTable(
    [
      { title: "index", align: "right" },
      { title: "name" },
      { title: "value" },
      { title: "dims" },
      { title: "gradient to" },
    ],
    report.layers.map((layer) => [
      layer.index === undefined ? "-" : String(layer.index),
      printable(layer.name),
      printable(layer.value),
      layer.dims === undefined ? "?" : `[${layer.dims.join(", ")}]`,
      layer.differentiable
        ? layer.levels.map((level) => printable(level)).join(" ")
        : `none: ${printable(layer.reason ?? "unknown")}`,
    ]),
  ).map((line) => `  ${line}`);
}

function missingRules(report: ModelReport): string[] {
  if (report.opsWithoutRule.length === 0) return [];
  const ops = report.opsWithoutRule.map(({ op, count: n }) => `${printable(op)} (${count(n, "node")})`);
  return ["", `Ops without a gradient rule: ${ops.join(", ")}`];
}
