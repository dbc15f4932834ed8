import type { AskedAnswer, Box, Detection, ExplainResult, Frame, LayerDiagnosis } from "@whybox/core";
import type { ModelReport } from "../api.js";
import type { PartFiles, ResultFiles } from "../images/plan-outputs.js";
import type { ImageSettings } from "../images/settings.js";
import { type ResultDocument, resultSchema, resultSchemaVersion } from "./result-schema.js";

export interface ResultParts {
  readonly version: string;
  readonly model: ModelReport;
  readonly source: string;
  readonly settings: ImageSettings;
  readonly result: ExplainResult;
  readonly files: ResultFiles;
  /** In the order of the result's maps. */
  readonly mapFiles: readonly PartFiles[];
  /** Milliseconds. */
  readonly decode: number;
  readonly render: number;
}

/**
 * The document of one picture, checked against its own schema (a number that is not finite would turn into null without
 * a word). Deterministic apart from `timings`.
 */
export function buildResultDocument(parts: ResultParts): ResultDocument {
  const { result } = parts;
  return resultSchema.parse({
    schemaVersion: resultSchemaVersion,
    tool: { name: "whybox", version: parts.version },
    model: modelPart(parts.model),
    image: { source: parts.source, size: result.letterbox.imageSize },
    letterbox: result.letterbox,
    options: optionsPart(parts.settings, result),
    detections: result.detections.map(detectionPart),
    explained: result.explained,
    maps: result.maps.map(({ heatmap: _, ...map }, i) => ({ ...map, files: parts.mapFiles[i] })),
    asked: result.asked === undefined ? null : askedPart(result.asked),
    layers: result.layers.map(layerPart),
    scores: result.scores,
    notes: result.notes.map((note) => ({ ...note, layer: note.layer ?? null })),
    empty: result.empty ?? null,
    files: parts.files,
    timings: timingsPart(parts),
  });
}

function modelPart(model: ModelReport): ResultDocument["model"] {
  return {
    source: model.source,
    sha256: model.sha256,
    bytes: model.bytes,
    licence: model.licence ?? null,
    format: model.format,
    opset: model.opset,
    classCount: model.classNames.length,
    input: { ...model.input, sides: [model.input.sides[0] ?? null, model.input.sides[1] ?? null] },
    head: { ...model.head, levels: model.head.levels.map((level) => ({ ...level })) },
  };
}

function optionsPart(settings: ImageSettings, result: ExplainResult): ResultDocument["options"] {
  const {
    layer,
    imageSize,
    classNames,
    backprop: _,
    box,
    versus,
    samples,
    ablateTo,
    frames: __,
    ...rest
  } = settings.explain;
  return {
    device: settings.device,
    threads: settings.threads ?? null,
    ...rest,
    method: result.method,
    layer: layer === "auto" ? "auto" : Array.isArray(layer) ? [...layer] : [layer as string | number],
    classNames: [...classNames],
    backprop: [...result.backprop],
    versus: versus ?? null,
    box: box === undefined ? null : { ...corners(box), className: box.className },
    samples: samples ?? null,
    ablateTo: ablateTo ?? null,
    imageSize: imageSize === undefined ? null : typeof imageSize === "number" ? [imageSize, imageSize] : [...imageSize],
    save: [...settings.save],
    frame: settings.frame,
    colormap: settings.colormap,
    opacity: settings.opacity,
    hideBoxes: settings.hideBoxes,
    hideLabels: settings.hideLabels,
    sideBySide: settings.sideBySide,
    crop: settings.crop === "rest",
    cropKeep: settings.crop === "hot",
  };
}

type DetectionPart = ResultDocument["detections"][number];

function detectionPart(detection: Detection): DetectionPart {
  const { mask, keypoints, angle, corners: turned } = detection;
  return {
    ...detection,
    mask: mask === undefined ? null : { size: [...mask.size], counts: [...mask.counts] },
    keypoints: keypoints?.map((one) => ({ ...one, confidence: one.confidence ?? null })) ?? null,
    angle: angle ?? null,
    corners: turned === undefined ? null : (turned.map(([x, y]) => [x, y]) as DetectionPart["corners"]),
    boxImage: corners(detection.boxImage),
    boxInput: corners(detection.boxInput),
    cell: [...detection.cell],
  };
}

function askedPart(asked: AskedAnswer): ResultDocument["asked"] {
  const boxes = { boxImage: corners(asked.boxImage), boxInput: corners(asked.boxInput) };
  return { ...asked, ...boxes, detection: asked.detection ?? null };
}

function corners(box: Omit<Box<Frame>, "frame">): DetectionPart["boxImage"] {
  return { x1: box.x1, y1: box.y1, x2: box.x2, y2: box.y2 };
}

function layerPart(layer: LayerDiagnosis): unknown {
  return { ...layer, index: layer.index ?? null, message: layer.message ?? null };
}

function timingsPart({ decode, render, result }: ResultParts): ResultDocument["timings"] {
  const { total, ...stages } = result.timings;
  return { decode, ...stages, explain: total, render };
}
