import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { chooseSample } from "../../src/runs/sample/choose-sample.js";
import { type ResultLine, type RunDetection, resultLineSchema } from "../../src/runs/schema.js";

const results = "ab".repeat(32);

type Given = readonly [number: number, score: number, area: number];

/** An image of 100 × 100 pixels with boxes of the given shares of it. */
function image(item: number, given: readonly Given[], explained = true): ResultLine {
  const detections = given.map(([number, score, area]): RunDetection => {
    return {
      ...{ class: number, name: `class ${number}`, score, objectness: 1, probability: score },
      ...{ box: [0, 0, 100 * area, 100], level: 0, explained, blind: [], heat: null, files: null },
    };
  });
  const line = { v: 1, item, source: `${item}.jpg`, kind: "picture", size: [100, 100], detections };
  return resultLineSchema.parse({ ...line, empty: null, messages: [], files: { png: null, npy: null } });
}

function choose(all: readonly ResultLine[], asked: number, seed = 0) {
  return chooseSample({
    ...{ asked, seed, results },
    lines: async function* () {
      yield* all;
    },
  });
}

function strata(detections: readonly { class: number; size: string; confidence: string }[]) {
  const counts: Record<string, number> = {};
  for (const { class: number, size, confidence } of detections) {
    const name = `${number} ${size} ${confidence}`;
    counts[name] = (counts[name] ?? 0) + 1;
  }
  return counts;
}

describe("chooseSample", () => {
  it("gives each stratum of class, size and confidence its share", async () => {
    const many = Array.from({ length: 60 }, (_, i) =>
      image(i, [
        [0, 0.9, 0.01],
        [0, 0.9, 0.01],
        [0, 0.3, 0.5],
        [2, 0.6, 0.1],
      ]),
    );
    const { candidates, detections } = await choose(many, 40);
    expect(candidates).toBe(240);
    expect(strata(detections)).toEqual({ "0 small high": 20, "0 large low": 10, "2 medium medium": 10 });
    const places = detections.map(({ item, detection }) => item * 10 + detection);
    expect(places).toEqual(places.toSorted((a, b) => a - b));
    expect(new Set(places).size).toBe(40);
    expect(Math.max(...places)).toBeGreaterThan(400); // not only the first images
  });

  it("is the same for a seed, another for another, and does not depend on how images lie in the list", async () => {
    const many = Array.from({ length: 50 }, (_, i) =>
      image(i, [
        [0, 0.9, 0.2],
        [1, 0.4, 0.02],
      ]),
    );
    const [a, again, other] = [await choose(many, 12, 5), await choose(many, 12, 5), await choose(many, 12, 6)];
    expect(again).toEqual(a);
    expect(other.detections).not.toEqual(a.detections);
    const places = (sample: typeof a) => sample.detections.map(({ item, detection }) => `${item}/${detection}`);
    expect(places(await choose(many.toReversed(), 12, 5))).toEqual(places(a));
  });

  it("leaves out what is not explained, what is too weak, failures and videos", async () => {
    const failure = resultLineSchema.parse({
      ...{ v: 1, item: 3, source: "3.jpg", kind: "failure", error: { code: "bad-input", message: "no" } },
    });
    const all = [image(0, [[0, 0.9, 0.2]], false), image(1, [[0, 0.009, 0.2]]), image(2, [[0, 0.01, 0.2]]), failure];
    const { candidates, detections } = await choose(all, 5);
    expect([candidates, detections.map(({ item }) => item)]).toEqual([1, [2]]);
    expect(await choose([], 5)).toMatchObject({ candidates: 0, detections: [] });
  });

  it("draws each stratum's share, rounded up or down, and never more than asked", async () => {
    const one = fc.tuple(fc.nat(3), fc.constantFrom(0.3, 0.6, 0.9), fc.constantFrom(0.01, 0.1, 0.5));
    const given = fc.array(fc.array(one, { maxLength: 6 }), { maxLength: 20 });
    await fc.assert(
      fc.asyncProperty(given, fc.integer({ min: 1, max: 60 }), fc.nat(100), async (images, asked, seed) => {
        const all = images.map((detections, item) => image(item, detections));
        const sizes = strata((await choose(all, 1_000)).detections);
        const { candidates, detections } = await choose(all, asked, seed);
        const count = Math.min(asked, candidates);
        expect(detections).toHaveLength(count);
        const found = strata(detections);
        for (const [name, size] of Object.entries(sizes)) {
          const share = (size * count) / candidates;
          expect(Math.abs((found[name] ?? 0) - share)).toBeLessThan(1 + 1e-9);
        }
      }),
      { seed: 15, numRuns: 40 },
    );
  });
});
