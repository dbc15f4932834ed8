import { meanInterval } from "@whybox/core";
import {
  type Comparison,
  confidenceGroups,
  type Estimate,
  type GroupFigures,
  type MeasuredGroup,
  type MeasurementLine,
  type MeasurementSummary,
  measurementsVersion,
  type PlainMeasurement,
  type SampleFacts,
  sizeGroups,
} from "./measurements.js";
import { trustSentences } from "./trust-sentences.js";

/** With fewer images, bootstrap intervals are too narrow. */
const FEW_IMAGES = 20;
/** Enough to place the ends of an interval, and quick with thousands of images. */
const RESAMPLES = 2_000;

type Measured = MeasurementLine & { readonly measured: PlainMeasurement };

/** Sums up the lines of a sample. */
export function summarizeMeasurements(lines: readonly MeasurementLine[], sample: SampleFacts): MeasurementSummary {
  const measured = lines.filter((line): line is Measured => line.measured !== null);
  const groups = <G extends { readonly id: string; readonly title: string }>(
    all: readonly G[],
    idOf: (line: MeasurementLine) => string,
  ) =>
    all.map(({ id, title }) =>
      groupOf(
        { id, title },
        measured.filter((line) => idOf(line) === id),
      ),
    );
  const overall = groupOf({ id: "all", title: "all" }, measured);
  const summary = {
    schemaVersion: measurementsVersion,
    ...sample,
    sampled: lines.length,
    measured: measured.length,
    failed: lines.length - measured.length,
    images: overall.images,
    isSmall: overall.images < FEW_IMAGES,
    overall,
    bySize: groups(sizeGroups, ({ size }) => size),
    byConfidence: groups(confidenceGroups, ({ confidence }) => confidence),
  } as const;
  return { ...summary, sentences: trustSentences(summary) };
}

function groupOf(group: { readonly id: string; readonly title: string }, lines: readonly Measured[]): MeasuredGroup {
  const images = new Set(lines.map(({ item }) => item)).size;
  return { ...group, detections: lines.length, images, figures: lines.length === 0 ? null : figuresOf(lines) };
}

function figuresOf(lines: readonly Measured[]): GroupFigures {
  const groups = lines.map(({ item }) => String(item));
  const estimate = (values: readonly number[]): Estimate => estimateOf(values, groups);
  const comparison = (scoreOf: (figures: PlainMeasurement["random"]) => number): Comparison => {
    const scores = (map: "map" | "gaussian" | "random") => lines.map(({ measured }) => scoreOf(measured[map]));
    const [map, gaussian, random] = [scores("map"), scores("gaussian"), scores("random")];
    return {
      map: estimate(map),
      gaussian: estimate(gaussian),
      random: estimate(random),
      overGaussian: estimate(map.map((score, i) => score - gaussian[i]!)),
      overRandom: estimate(map.map((score, i) => score - random[i]!)),
    };
  };
  const regions = (map: "map" | "gaussian") => median(lines.map(({ measured }) => measured[map].sufficientOverBox));
  return {
    image: comparison(({ overAll }) => overAll),
    withinBox: comparison(({ withinBox }) => withinBox.overAll),
    sufficientOverBox: { map: regions("map"), gaussian: regions("gaussian") },
  };
}

function estimateOf(values: readonly number[], groups: readonly string[]): Estimate {
  const { mean, low, high } = meanInterval(values, { groups, resamples: RESAMPLES });
  return new Set(groups).size === 1 ? { mean, low: null, high: null } : { mean, low, high };
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  return (sorted[Math.ceil(middle) - 1]! + sorted[Math.floor(middle)]!) / 2;
}
