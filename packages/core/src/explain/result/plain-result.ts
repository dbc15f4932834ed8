import type { Detection, DetectResult } from "../../detector/detection.js";
import type { Box, Frame } from "../../image/frame.js";
import type { SearchCurves } from "../../methods/search/found.js";
import type { PerturbationCurve } from "../../metrics/metric.js";
import type { MapFigures, MeasuredCurves, Measurement, RegionFigures } from "./measurement.js";
import type { AskedAnswer, ExplainResult, LayerDiagnosis, MapNote, ScoreReport, Searched, Timings } from "./result.js";

/** An explanation as plain data, without the values of its maps. */
export type PlainResult = ReturnType<typeof plainResult>;

/**
 * An explanation as plain data for JSON: the fields that a result document copies from the result (docs/result-json.md), the method, and
 * the scores. The values of the maps are left out. Missing values are null. `JSON.stringify(result)` writes this.
 */
export function plainResult(result: ExplainResult) {
  const { empty } = result;
  return {
    method: result.method,
    backprop: [...result.backprop],
    ...plainDetections(result),
    explained: [...result.explained],
    maps: result.maps.map(({ detections, className, maximum }) => ({
      detections: [...detections],
      className,
      maximum,
    })),
    asked: result.asked === undefined ? null : plainAnswer(result.asked),
    layers: result.layers.map(plainLayer),
    scores: result.scores.map(plainScore),
    notes: result.notes.map(plainNote),
    searched: result.searched.map(plainSearch),
    measured: result.measured.map(plainMeasurement),
    empty: empty === undefined ? null : { reason: empty.reason, message: empty.message },
    timings: plainTimings(result.timings),
  };
}

/** What `detect` returns as plain data for JSON: the same fields as in `plainResult`. */
export function plainDetections({ letterbox, detections }: DetectResult) {
  const { imageSize, inputSize, contentSize, scale, padTop, padLeft } = letterbox;
  return {
    letterbox: { imageSize, inputSize, contentSize, scale, padTop, padLeft },
    detections: detections.map(plainDetection),
  };
}

/**
 * Adds a `toJSON` to a result that returns `plainResult(result)`. Without it, `JSON.stringify` would write every value of every map.
 * The property is not enumerable, so `structuredClone`, `postMessage` and comparisons ignore it.
 */
export function withPlainJson(result: ExplainResult): ExplainResult {
  return Object.defineProperty(result, "toJSON", { value: () => plainResult(result) });
}

function plainDetection(detection: Detection) {
  const { mask, keypoints, angle, corners: rotated } = detection;
  return {
    index: detection.index,
    classIndex: detection.classIndex,
    className: detection.className,
    confidence: detection.confidence,
    objectness: detection.objectness,
    classProbability: detection.classProbability,
    boxImage: corners(detection.boxImage),
    boxInput: corners(detection.boxInput),
    mask: mask === undefined ? null : { size: mask.size, counts: [...mask.counts] },
    keypoints: keypoints?.map(({ name, x, y, confidence }) => ({ name, x, y, confidence: confidence ?? null })) ?? null,
    angle: angle ?? null,
    corners: rotated ?? null,
    row: detection.row,
    level: detection.level,
    levelName: detection.levelName,
    stride: detection.stride,
    anchor: detection.anchor,
    cell: detection.cell,
  };
}

function plainAnswer(asked: AskedAnswer) {
  return {
    boxImage: corners(asked.boxImage),
    boxInput: corners(asked.boxInput),
    className: asked.className,
    row: asked.row,
    levelName: asked.levelName,
    iou: asked.iou,
    objectness: asked.objectness,
    classProbability: asked.classProbability,
    confidence: asked.confidence,
    bestClassName: asked.bestClassName,
    bestClassProbability: asked.bestClassProbability,
    detection: asked.detection ?? null,
    verdict: asked.verdict,
  };
}

function plainLayer(layer: LayerDiagnosis) {
  return {
    index: layer.index ?? null,
    name: layer.name,
    value: layer.value,
    channels: layer.channels,
    size: layer.size,
    detections: [...layer.detections],
    blind: [...layer.blind],
    gradientMax: layer.gradientMax,
    message: layer.message ?? null,
  };
}

function plainScore({ backprop, className, detections, value, withoutScore }: ScoreReport) {
  return { backprop, className, detections: [...detections], value, withoutScore: [...withoutScore] };
}

function plainNote({ name, value, layer, detections }: MapNote) {
  return { name, value, layer: layer ?? null, detections: [...detections] };
}

function plainSearch({ detections, className, chosen, map, gaussian, ...found }: Searched) {
  const { noBetterThanBox, surroundings, candidates, passes, stoppedBy } = found;
  return {
    ...{ detections: [...detections], className, noBetterThanBox },
    chosen: chosen.map((mixture) => mixture.map(({ part, weight }) => ({ part: part as string, weight }))),
    surroundings,
    ...{ map: plainSearchCurves(map), gaussian: plainSearchCurves(gaussian), candidates, passes, stoppedBy },
  };
}

function plainSearchCurves({ shares, deletion, insertion, withinBox, quality }: SearchCurves) {
  return {
    ...{ shares: [...shares], deletion: [...deletion], insertion: [...insertion], withinBox: [...withinBox] },
    quality,
  };
}

function plainMeasurement({ detections, className, score, map, gaussian, random, images }: Measurement) {
  return {
    ...{ detections: [...detections], className, score },
    ...{ map: plainRegions(map), gaussian: plainRegions(gaussian), random: plainFigures(random), images },
  };
}

function plainRegions({ removal, sufficient, sufficientOverBox, ...figures }: RegionFigures) {
  return { ...plainFigures(figures), removal, sufficient, sufficientOverBox };
}

function plainFigures({ withinBox, ...whole }: MapFigures) {
  return { ...plainCurves(whole), withinBox: plainCurves(withinBox) };
}

function plainCurves({ deletion, insertion, overAll }: MeasuredCurves) {
  const plain = ({ fractions, scores }: PerturbationCurve) => ({ fractions: [...fractions], scores: [...scores] });
  return { deletion: plain(deletion), insertion: plain(insertion), overAll };
}

function plainTimings({ letterbox, forward, detect, backward, finish, measure, total }: Timings) {
  return { letterbox, forward, detect, backward, finish, measure, explain: total };
}

function corners({ x1, y1, x2, y2 }: Omit<Box<Frame>, "frame">) {
  return { x1, y1, x2, y2 };
}
