import {
  boxHeat,
  type Detection,
  type DetectionMap,
  type ExplainResult,
  type Map2D,
  type MapFiles,
  type MetricBox,
  sampleGrid,
} from "@whybox/core";
import { boxContext, boxGrid, imageGrid, type MapLine, type RunDetection, type RunImageLine } from "./schema.js";

/** The content of the lines of an image or a frame. */
export interface Measured {
  readonly found: Pick<RunImageLine, "size" | "detections" | "empty" | "messages">;
  readonly maps: MapLine["maps"];
}

export interface MeasureOptions {
  /** Whether each map belongs to one detection. */
  readonly perDetection: boolean;
  /** The files of the result's maps, in the same order. Default: none. */
  readonly mapFiles?: readonly MapFiles[];
}

/** Measures an explanation, for the lines of a run and for reports. */
export function measure(result: ExplainResult, { perDetection, mapFiles = [] }: MeasureOptions): Measured {
  const own = new Map<number, number>();
  if (perDetection) for (const [i, map] of result.maps.entries()) own.set(map.detections[0]!, i);
  const detections = result.detections.map((detection) => {
    const i = own.get(detection.index);
    const map = i === undefined ? undefined : result.maps[i];
    return detectionOf(detection, result, map, i === undefined ? undefined : mapFiles[i]);
  });
  const { empty } = result;
  const size = [...result.letterbox.imageSize] as [number, number];
  return {
    found: {
      size,
      detections,
      empty: empty === undefined ? null : { reason: empty.reason, message: empty.message },
      messages: [...new Set(result.layers.flatMap(({ message }) => (message === undefined ? [] : [message])))],
    },
    maps: result.empty !== undefined ? [] : smallMaps(result),
  };
}

function detectionOf(
  detection: Detection,
  result: ExplainResult,
  map: DetectionMap | undefined,
  files: MapFiles | undefined,
): RunDetection {
  return {
    ...plainDetection(detection),
    explained: result.explained.includes(detection.index),
    blind: result.layers.filter((layer) => layer.blind.includes(detection.index)).map(({ name }) => name),
    heat: map === undefined ? null : heatOf(detection, map),
    files: files === undefined || (files.png === null && files.npy === null) ? null : { ...files },
  };
}

/** Converts a detection that is not explained to its form in a run's lines. */
export function plainDetection(detection: Detection): RunDetection {
  const { mask, corners, keypoints } = detection;
  return {
    class: detection.classIndex,
    name: detection.className,
    score: digits(detection.confidence),
    objectness: digits(detection.objectness),
    probability: digits(detection.classProbability),
    box: boxOf(detection.boxImage),
    level: detection.level,
    ...{ explained: false, blind: [], heat: null, files: null },
    ...(mask === undefined ? {} : { mask: { counts: [...mask.counts] } }),
    ...(corners === undefined ? {} : { corners: corners.map(([x, y]) => [pixels(x), pixels(y)] as [number, number]) }),
    ...(keypoints === undefined ? {} : { keypoints: keypoints.map(keypointOf) }),
  };
}

export function heatIn(box: MetricBox, heatmap: Map2D, maximum: number): NonNullable<RunDetection["heat"]> {
  const { inBox, area, ratio, peak, peakInBox } = boxHeat(heatmap, box);
  return { inBox, area, ratio, peak: [...peak], peakInBox, maximum };
}

function heatOf({ boxImage, isWholeImage }: Detection, { heatmap, maximum }: DetectionMap): RunDetection["heat"] {
  if (isWholeImage) return null;
  const heat = heatIn(boxImage, heatmap, maximum);
  return {
    ...heat,
    inBox: digits(heat.inBox),
    area: digits(heat.area),
    ratio: digits(heat.ratio),
    maximum: digits(maximum),
  };
}

function smallMaps(result: ExplainResult): MapLine["maps"] {
  const { explained, maps } = result;
  const all = maps.length > 0 ? maps : [{ detections: explained, heatmap: result.heatmap }];
  return all.map(({ detections, heatmap }) => {
    const [only, ...others] = detections;
    const box = only === undefined || others.length > 0 ? undefined : result.detections[only]!.boxImage;
    return {
      detections: [...detections],
      picture: wholeMap(heatmap).toString("base64"),
      box: box === undefined ? null : mapAround(heatmap, box).toString("base64"),
    };
  });
}

/** A small map of the whole image, 0..255. */
export function wholeMap(heatmap: Map2D): Buffer {
  return levels(sampleGrid(heatmap, { x1: 0, y1: 0, x2: heatmap.width, y2: heatmap.height }, imageGrid));
}

/** A small map of a box and its surroundings, 0..255. */
export function mapAround(heatmap: Map2D, { x1, y1, x2, y2 }: MetricBox): Buffer {
  const [x, y] = [(x1 + x2) / 2, (y1 + y2) / 2];
  const [w, h] = [((x2 - x1) * boxContext) / 2, ((y2 - y1) * boxContext) / 2];
  return levels(sampleGrid(heatmap, { x1: x - w, y1: y - h, x2: x + w, y2: y + h }, boxGrid));
}

function keypointOf({ name, x, y, confidence }: NonNullable<Detection["keypoints"]>[number]) {
  return { name, x: pixels(x), y: pixels(y), confidence: confidence === undefined ? null : digits(confidence) };
}

function boxOf({ x1, y1, x2, y2 }: Detection["boxImage"]): RunDetection["box"] {
  return [pixels(x1), pixels(y1), pixels(x2), pixels(y2)];
}

function levels(grid: Float32Array): Buffer {
  return Buffer.from(grid.map((value) => Math.round(255 * Math.min(Math.max(value, 0), 1))));
}

function pixels(value: number): number {
  return Math.round(value * 1e3) / 1e3;
}

/** Rounds to six significant digits. @throws RangeError for NaN and infinity, which JSON would write as null. */
function digits(value: number): number {
  if (!Number.isFinite(value)) throw new RangeError(`A measurement of a run is ${value}; expected a finite number.`);
  return Number(value.toPrecision(6));
}
