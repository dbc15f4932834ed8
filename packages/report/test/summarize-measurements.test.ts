import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  confidenceGroupOf,
  type MeasurementLine,
  type PlainMeasurement,
  sizeGroupOf,
  summarizeMeasurements,
} from "../src/index.js";

interface Given {
  readonly item?: number;
  readonly area?: number;
  readonly score?: number;
  /** Over-all scores in the image and within the box. */
  readonly map?: readonly [number, number];
  readonly gaussian?: readonly [number, number];
  readonly random?: readonly [number, number];
  readonly regions?: readonly [map: number, gaussian: number];
  readonly failed?: boolean;
}

const curve = { fractions: [0, 1], scores: [1, 0] };

function lineOf(given: Given, number: number): MeasurementLine {
  const { item = number, area = 0.1, score = 0.9, map = [0.8, 0.3], gaussian = [0.7, 0.1], random = [0, 0] } = given;
  const { regions = [0.4, 0.5], failed = false } = given;
  const figures = ([overAll, within]: readonly [number, number]) => ({
    ...{ deletion: curve, insertion: curve, overAll },
    withinBox: { deletion: curve, insertion: curve, overAll: within },
  });
  const region = (i: 0 | 1) => ({ removal: 0.1, sufficient: 0.1, sufficientOverBox: regions[i] });
  const measured: PlainMeasurement = {
    ...{ detections: [0], className: "dog", score, images: 70 },
    map: { ...figures(map), ...region(0) },
    gaussian: { ...figures(gaussian), ...region(1) },
    random: figures(random),
  };
  return {
    ...{ v: 1, number, item, source: `p/${item}.jpg`, detection: 0, class: 16, name: "dog", score, area },
    ...{ confidence: confidenceGroupOf(score), size: sizeGroupOf(area) },
    measured: failed ? null : measured,
    error: failed ? { code: "runtime", message: "no" } : null,
  };
}

const sample = { asked: 5, seed: 0, candidates: 1234, results: "ab".repeat(32) };
const summary = (given: readonly Given[]) => summarizeMeasurements(given.map(lineOf), sample);

describe("summarizeMeasurements", () => {
  it("gives means by hand, the paired differences, and the medians of the regions", () => {
    const { overall } = summary([
      { map: [0.8, 0.3], gaussian: [0.7, 0.1], random: [0.1, 0], regions: [0.4, 0.5] },
      { map: [0.6, 0.2], gaussian: [0.7, 0.2], random: [0, 0.1], regions: [0.2, 0.6] },
      { map: [1, 0.4], gaussian: [0.4, 0], random: [-0.1, 0], regions: [9, 0.7] },
    ]);
    const { image, withinBox, sufficientOverBox } = overall.figures!;
    expect(image.map.mean).toBeCloseTo(0.8, 12);
    expect(image.overGaussian.mean).toBeCloseTo(0.2, 12);
    expect(image.overRandom.mean).toBeCloseTo(0.8, 12);
    expect(withinBox.overGaussian.mean).toBeCloseTo(0.2, 12);
    expect(sufficientOverBox).toEqual({ map: 0.4, gaussian: 0.6 });
    // Three images: all the same image gives the smallest and the largest difference.
    expect(image.overGaussian.low).toBeCloseTo(-0.1, 12);
    expect(image.overGaussian.high).toBeCloseTo(0.6, 12);
  });

  it("resamples images, not detections, and gives no interval from one image", () => {
    const same = summary([0, 1, 2, 3].map((i) => ({ item: 7, map: [i / 4, 0] as const })));
    expect(same.images).toBe(1);
    expect(same.overall.figures!.image.map).toEqual({ mean: 0.375, low: null, high: null });
    expect(same.sentences.join(" ")).toContain("no interval from one image");
  });

  it("divides by size and confidence at the borders of docs/faithfulness.md", () => {
    expect([0, 0.0399, 0.04, 0.16, 0.1601, 1].map(sizeGroupOf)).toEqual(
      ["small", "small", "medium", "medium", "large", "large"], // 16 % itself is medium
    );
    expect([0.1, 0.4999, 0.5, 0.8, 0.81].map(confidenceGroupOf)).toEqual(["low", "low", "medium", "medium", "high"]);
    const { bySize, byConfidence } = summary([{ area: 0.01 }, { area: 0.5, score: 0.3 }, { area: 0.5 }]);
    expect(bySize.map(({ id, detections }) => [id, detections])).toEqual([
      ["small", 1],
      ["medium", 0],
      ["large", 2],
    ]);
    expect(bySize[1]!.figures).toBeNull();
    expect(byConfidence.map(({ detections }) => detections)).toEqual([1, 0, 2]);
  });

  it("counts failures apart, and says so when nothing could be measured", () => {
    const some = summary([{}, { failed: true }]);
    expect(some).toMatchObject({ sampled: 2, measured: 1, failed: 1, images: 1 });
    expect(some.sentences.join(" ")).toContain("1 detection of the sample could not be measured.");
    const none = summary([{ failed: true }]);
    expect(none.overall.figures).toBeNull();
    expect(none.sentences.at(-1)).toBe("So this report cannot say how far the maps can be trusted.");
  });

  it.each([
    ["better than both", { map: [0.8, 0.3], gaussian: [0.7, 0.1] }, /more faithful than a blob/, /show more of what/],
    [
      "worse in the image, better inside",
      { map: [0.6, 0.3] },
      /less faithful than a blob .* more faithful than it within/,
      /show more/,
    ],
    ["equal to the blob", { map: [0.7, 0.1] }, /about as faithful as a blob/, /may show no more than where the box is/],
    ["as a random map", { map: [0, 0] }, /less faithful than a blob/, /do not rely on these maps/],
  ] as const)("says of maps that are %s what they are worth", (_, given, against, conclusion) => {
    const { sentences, isSmall } = summary(Array.from({ length: 20 }, () => given));
    expect(isSmall).toBe(false);
    expect(sentences[0]).toBe("20 of 1,234 detections were measured, in 20 images.");
    expect(sentences.join(" ")).toMatch(against);
    expect(sentences.at(-1)).toMatch(conclusion);
  });

  it("says that a small sample is small", () => {
    const { sentences, isSmall } = summary(Array.from({ length: 19 }, () => ({})));
    expect(isSmall).toBe(true);
    expect(sentences.at(-1)).toMatch(/^The sample is small \(19 detections in 19 images\)/);
  });

  it("has each mean inside its interval, and the figures of all groups add up", () => {
    const one = fc.record({
      item: fc.nat(5),
      area: fc.double({ min: 0, max: 1, noNaN: true }),
      score: fc.double({ min: 0, max: 1, noNaN: true }),
      map: fc.tuple(fc.double({ min: -1, max: 1, noNaN: true }), fc.double({ min: -1, max: 1, noNaN: true })),
    });
    fc.assert(
      fc.property(fc.array(one, { minLength: 2, maxLength: 12 }), (given) => {
        const { overall, bySize, byConfidence } = summary(given);
        const { mean, low, high } = overall.figures!.image.map;
        if (low !== null) expect(low <= mean + 1e-9 && mean - 1e-9 <= high!).toBe(true);
        for (const groups of [bySize, byConfidence]) {
          expect(groups.reduce((sum, { detections }) => sum + detections, 0)).toBe(given.length);
        }
      }),
      { seed: 15, numRuns: 20 },
    );
  });
});
