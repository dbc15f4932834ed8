import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import {
  confidenceGroupOf,
  type MeasurementLine,
  type PlainMeasurement,
  sizeGroupOf,
  summarizeMeasurements,
} from "@whybox/report";
import type { FakeImage } from "./synthetic-run.js";

export interface FakeScores {
  /** Over-all scores in the image and within the box. */
  readonly map?: readonly [number, number];
  readonly gaussian?: readonly [number, number];
}

/** Writes measurements of all detections into the folder of a run. @param scoresOf undefined: the detection could not be measured. */
export async function writeMeasurements(
  folder: string,
  images: readonly FakeImage[],
  scoresOf: (item: number, detection: number) => FakeScores | undefined = () => ({}),
): Promise<readonly MeasurementLine[]> {
  const places = images.flatMap(({ detections }, item) => detections.map((_, detection) => [item, detection] as const));
  const lines = places.map(([item, detection], number): MeasurementLine => {
    const { source, detections, size = [48, 64] } = images[item]!;
    const { class: index, name, score, box } = detections[detection]!;
    const area = ((box[2] - box[0]) * (box[3] - box[1])) / (size[0] * size[1]);
    const scores = scoresOf(item, detection);
    return {
      ...{ v: 1, number, item, source, detection, class: index, name, score },
      ...{ confidence: confidenceGroupOf(score), area, size: sizeGroupOf(area) },
      measured: scores === undefined ? null : measurementOf(name, score, scores),
      error: scores === undefined ? { code: "bad-input", message: `${source} is gone` } : null,
    };
  });
  const sample = { asked: lines.length, seed: 3, candidates: 10 * lines.length, results: "ab".repeat(32) };
  const text = lines.map((line) => `${JSON.stringify(line)}\n`).join("");
  await writeFile(join(folder, "measurements.jsonl"), text);
  await writeFile(join(folder, "measurements.json"), JSON.stringify(summarizeMeasurements(lines, sample)));
  return lines;
}

const curve = { fractions: [0, 0.5, 1], scores: [1, 0.3, 0] };

function measurementOf(
  className: string,
  score: number,
  { map = [0.8, 0.3], gaussian = [0.7, 0.1] }: FakeScores,
): PlainMeasurement {
  const figures = ([overAll, within]: readonly [number, number]) => ({
    ...{ deletion: curve, insertion: curve, overAll },
    withinBox: { deletion: curve, insertion: curve, overAll: within },
  });
  const regions = { removal: 0.12, sufficient: 0.1, sufficientOverBox: 0.4 };
  return {
    ...{ detections: [0], className, score, images: 70, random: figures([0, 0]) },
    map: { ...figures(map), ...regions },
    gaussian: { ...figures(gaussian), ...regions, removal: 0.17, sufficientOverBox: 0.5 },
  };
}
