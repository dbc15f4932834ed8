import { type CheckedMap, type CheckResult, checkControl } from "@whybox/core";
import { expect, it } from "vitest";
import { checkDocument } from "../src/check/check-document.js";
import { checkTable } from "../src/check/check-table.js";

const images = ["a", "b", "c", "d", "e"];
const boxImage = { frame: "image" as const, x1: 1, y1: 2, x2: 3, y2: 4 };
const stages = [
  { name: "head", ops: 1, values: 10 },
  { name: "all", ops: 3, values: 30 },
];

/** The figures of the stages, with heat: the same over the image and within the box. */
const weightsOf = (...values: number[]) => values.map((value) => ({ image: value, beyondBox: value, hasHeat: true }));

/** One map per image. */
function mapsOf(method: string, figures: Partial<CheckedMap>): CheckedMap[] {
  const usual = { repeated: true, noise: 0.9, seed: undefined, classSwap: 0.4, boxSwap: 0.1 };
  return images.map((_, detection) => ({ method, detection, ...usual, weights: weightsOf(0.6, 0.2), ...figures }));
}

function documentOf(maps: readonly CheckedMap[], given: Partial<CheckResult> = {}) {
  return checkDocument({
    version: "1.2.3",
    model: { source: "m.onnx", format: "onnx", bytes: 5, sha256: "00", licence: undefined },
    options: { seed: 0, limit: 20, methods: ["GradCAM"], noise: 0.02, confidence: 0.25, imageSize: null },
    images: { found: 5, checked: [], empty: [], failures: [], chosenBy: "all" },
    titles: new Map([["GradCAM", "Grad-CAM"]]),
    result: {
      detections: images.map((image) => ({
        ...{ image, imageSize: [10, 10] as const, index: 0, className: "dog", confidence: 0.5, boxImage },
        ...{ otherClass: "cat", otherDetection: undefined },
      })),
      images: { checked: images, empty: [], failures: [] },
      ...{ maps, stages, noStages: undefined, refused: [], ...given },
    },
  });
}

const verdictsOf = (document: ReturnType<typeof documentOf>, place = 0) =>
  Object.fromEntries(Object.entries(document.methods[place]!.checks).map(([id, { verdict }]) => [id, verdict]));

it("passes a map that depends on the network, the class and the box", () => {
  const document = documentOf(mapsOf("GradCAM", {}));
  expect(verdictsOf(document)).toEqual({
    ...{ weights: "pass", "class-swap": "pass", "box-swap": "pass", noise: "pass", repeat: "pass" },
    seed: "not-possible",
  });
  expect(document.verdict).toBe("pass");
  const { weights } = document.methods[0]!.checks;
  expect(weights.stages?.map((stage) => stage?.mean)).toEqual([0.6, 0.2].map((value) => expect.closeTo(value, 12)));
  expect(document.methods[0]!.sentence).toMatch(/^Grad-CAM: its maps depend on what the network learned/);
});

it("fails a Gaussian, a constant map and a random map", () => {
  const gaussian = { noise: 1, classSwap: 1, boxSwap: 0, weights: weightsOf(1, 1) };
  const random = { noise: 0, classSwap: 0, boxSwap: 0, weights: weightsOf(0, 0) };
  const document = documentOf([
    ...mapsOf("constant", { noise: 1, classSwap: 1, boxSwap: 1, weights: weightsOf(1, 1) }),
    ...mapsOf("other numbers each time", { ...random, repeated: false }),
    ...mapsOf("seeded numbers", { ...random, noise: 1, seed: 0, classSwap: 1, boxSwap: 1, weights: weightsOf(1, 1) }),
    ...mapsOf(checkControl, gaussian),
  ]);
  expect(verdictsOf(document, 0)).toMatchObject({ weights: "fail", "class-swap": "fail", "box-swap": "fail" });
  expect(verdictsOf(document, 1)).toMatchObject({ noise: "fail", repeat: "fail" });
  expect(verdictsOf(document, 2)).toMatchObject({ seed: "fail", weights: "fail" });
  expect(verdictsOf(document, 3)).toMatchObject({ weights: "fail", "class-swap": "fail", "box-swap": "pass" });
  expect(document.methods.map(({ verdict }) => verdict)).toEqual(["fail", "fail", "fail", "fail"]);
  expect(document.control).toBe("fail");
  expect(document.methods[3]!.isControl).toBe(true);
});

it("judges random weights within the box, beyond the place of the box", () => {
  const place = { image: 0.8, beyondBox: 0.1, hasHeat: true };
  const kept = { image: 0.1, beyondBox: 0.8, hasHeat: false };
  const [near, same] = [place, kept].map(
    (last) => documentOf(mapsOf("GradCAM", { weights: [last, last] })).methods[0]!.checks.weights,
  );
  expect(near).toMatchObject({ verdict: "pass", withoutHeat: 0 });
  expect(near!.correlation!.mean).toBeCloseTo(0.8, 12);
  expect(same).toMatchObject({ verdict: "fail", withoutHeat: 5 });
});

it("is not misled by one map whose sign another class turns", () => {
  const [first, ...rest] = mapsOf("EigenCAM", { classSwap: 1 });
  const { checks } = documentOf([{ ...first!, classSwap: -1 }, ...rest]).methods[0]!;
  expect(checks["class-swap"].changed!.mean).toBeCloseTo(0.2, 12);
  expect(checks["class-swap"].verdict).not.toBe("pass");
});

it("leaves open what few images or a wide interval do not decide", () => {
  const [first, ...others] = mapsOf("GradCAM", {});
  const few = documentOf([first!]);
  expect(verdictsOf(few)).toMatchObject({ weights: "undecided", noise: "undecided", repeat: "pass" });
  expect(few.methods[0]!.checks.weights.why).toBe("n = 1; at least 5 images needed");
  const row = checkTable(few).rows[0]!;
  expect([row[1], row[6], row.at(-1)]).toEqual(["? 0.20", "pass 1/1", "undecided (n = 1; at least 5 images needed)"]);
  const all = '"random weights", "class swap", "box swap" and "noise" are undecided';
  expect(few.methods[0]!.sentence).toBe(
    `Grad-CAM: no check failed, but ${all} (n = 1; at least 5 images needed). Check more images.`,
  );
  const wide = documentOf([{ ...first!, weights: weightsOf(1, 2) }, ...others]);
  expect(wide.methods[0]!.checks.weights).toMatchObject({
    verdict: "undecided",
    why: "the interval contains the limit",
  });
  const mixed = documentOf([
    { ...first!, weights: weightsOf(1, 2), boxSwap: 0.1 },
    ...others.map((map) => ({ ...map, boxSwap: undefined })),
  ]);
  expect(mixed.methods[0]!.sentence).toContain(
    '"random weights" (the interval contains the limit) and "box swap" (n = 1; at least 5 images needed) are undecided.',
  );
  expect(checkTable(mixed).rows[0]!.at(-1)).toBe("undecided");
  expect(wide.verdict).toBe("undecided");
});

it("does not blame the control for few images, and says if it passes", () => {
  const control = { noise: 1, classSwap: 1, boxSwap: 0, weights: weightsOf(1, 1) };
  const few = documentOf(mapsOf(checkControl, control).slice(0, 3));
  expect(few.control).toBe("undecided");
  expect(few.methods[0]!.sentence).toMatch(/undecided \(n = 3; at least 5 images needed\)\. It knows nothing/);
  expect(few.methods[0]!.sentence).not.toMatch(/did not fail/);
  const passing = documentOf(mapsOf(checkControl, { ...control, classSwap: 0.4, weights: weightsOf(0, 0) }));
  expect(passing.control).toBe("pass");
  expect(passing.methods[0]!.sentence).toMatch(/no check failed\. It knows nothing of the network and must fail/);
});

it("says why a check is not possible", () => {
  const maps = mapsOf("GradCAM", { weights: [], classSwap: undefined, boxSwap: undefined });
  const document = documentOf(maps, { stages: [], noStages: "the file has no weights" });
  const { checks } = document.methods[0]!;
  expect(checks.weights).toMatchObject({ verdict: "not-possible", why: "the file has no weights", stages: null });
  expect(checks["class-swap"]).toMatchObject({ verdict: "not-possible", why: "the model has one class" });
  expect(document.randomisation.refused).toBe("the file has no weights");
});
