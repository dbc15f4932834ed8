import type { PlainResult } from "@whybox/core";

/** Version of `measurements.jsonl` and `measurements.json`. It is incremented when a field changes its meaning or is removed. */
export const measurementsVersion = 1;

/** How faithful the map of a detection is, as in the JSON of a result. */
export type PlainMeasurement = PlainResult["measured"][number];

/** Sizes of a box by its share of the image, as in docs/faithfulness.md. */
export const sizeGroups = [
  { id: "small", title: "under 4 % of the image", has: (area: number) => area < 0.04 },
  { id: "medium", title: "4 to 16 % of the image", has: (area: number) => area <= 0.16 },
  { id: "large", title: "above 16 % of the image", has: () => true },
] as const;

export const confidenceGroups = [
  { id: "low", title: "confidence under 50 %", has: (score: number) => score < 0.5 },
  { id: "medium", title: "confidence 50 to 80 %", has: (score: number) => score <= 0.8 },
  { id: "high", title: "confidence above 80 %", has: () => true },
] as const;

export type SizeGroup = (typeof sizeGroups)[number]["id"];
export type ConfidenceGroup = (typeof confidenceGroups)[number]["id"];

/** @param area the box's share of the image. */
export function sizeGroupOf(area: number): SizeGroup {
  return sizeGroups.find(({ has }) => has(area))!.id;
}

export function confidenceGroupOf(score: number): ConfidenceGroup {
  return confidenceGroups.find(({ has }) => has(score))!.id;
}

/** A line of `measurements.jsonl`: a detection of the sample. */
export interface MeasurementLine {
  readonly v: typeof measurementsVersion;
  /** Number of the line, from 0. */
  readonly number: number;
  /** Number of the image in the run, and its source. */
  readonly item: number;
  readonly source: string;
  /** Index of the detection in the image. */
  readonly detection: number;
  readonly class: number;
  /** Name of the class. */
  readonly name: string;
  /** The confidence, and its group. */
  readonly score: number;
  readonly confidence: ConfidenceGroup;
  /** The box's share of the image, and its group. */
  readonly area: number;
  readonly size: SizeGroup;
  /** Null if the detection could not be measured. */
  readonly measured: PlainMeasurement | null;
  /** Why the detection could not be measured. */
  readonly error: { readonly code: string; readonly message: string } | null;
}

/** A mean and its 95 % bootstrap interval over images. One image gives no interval. */
export interface Estimate {
  readonly mean: number;
  readonly low: number | null;
  readonly high: number | null;
}

/** The over-all scores (insertion minus deletion) of the maps, of the baselines, and the paired differences. */
export interface Comparison {
  readonly map: Estimate;
  readonly gaussian: Estimate;
  readonly random: Estimate;
  /** The map minus the Gaussian at the box. */
  readonly overGaussian: Estimate;
  /** The map minus the random map. */
  readonly overRandom: Estimate;
}

export interface GroupFigures {
  readonly image: Comparison;
  /** The same with the pixels of the box only. */
  readonly withinBox: Comparison;
  /** The median of the smallest sufficient region, as a multiple of the area of the box. */
  readonly sufficientOverBox: { readonly map: number; readonly gaussian: number };
}

/** Measured detections of a kind. */
export interface MeasuredGroup {
  readonly id: string;
  readonly title: string;
  readonly detections: number;
  readonly images: number;
  /** Null without detections. */
  readonly figures: GroupFigures | null;
}

/** How the sample was chosen. */
export interface SampleFacts {
  /** The number that was asked for. */
  readonly asked: number;
  readonly seed: number;
  /** Number of detections that the sample was drawn from: those of images, with their own maps. */
  readonly candidates: number;
  /** SHA-256 of the run's results.jsonl. */
  readonly results: string;
}

/** `measurements.json`. */
export interface MeasurementSummary extends SampleFacts {
  readonly schemaVersion: typeof measurementsVersion;
  readonly sampled: number;
  readonly measured: number;
  readonly failed: number;
  /** Number of images with measured detections. */
  readonly images: number;
  /** Whether the images are too few for exact intervals. */
  readonly isSmall: boolean;
  /** What the figures say, in plain words. */
  readonly sentences: readonly string[];
  readonly overall: MeasuredGroup;
  readonly bySize: readonly MeasuredGroup[];
  readonly byConfidence: readonly MeasuredGroup[];
}
