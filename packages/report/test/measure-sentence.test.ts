import { expect, it } from "vitest";
import { measureSentence } from "../src/measure-sentence.js";

const figures = (overAll: number, removal: number | null, within: number) => ({
  ...{ overAll, removal, withinBox: { overAll: within } },
});

it("says what the removal of the hottest pixels does, beside a blob", () => {
  const map = figures(0.8, 0.12, 0.3);
  expect(measureSentence({ className: "dog", map, gaussian: figures(0.7, 0.17, 0.1) })).toBe(
    "Removing the hottest 12\u00a0% of the image halves the confidence in this dog; a blob at the box needs 17\u00a0%. The map is more faithful than the blob, in the image and within the box.",
  );
  expect(measureSentence({ className: "dog", map, gaussian: figures(0.81, 0.034, 0.5) })).toBe(
    "Removing the hottest 12\u00a0% of the image halves the confidence in this dog; a blob at the box needs 3.4\u00a0%. The map is as faithful as the blob in the image, and less faithful than it within the box.",
  );
});

it("does not claim what did not happen", () => {
  const found = (map: number | null, gaussian: number | null) =>
    measureSentence({ className: "cat", map: figures(0, map, 0), gaussian: figures(0, gaussian, 0) });
  expect(found(null, 0.1)).toMatch(/^No share of the hottest pixels halves the confidence in this cat\. /);
  expect(found(0.5, null)).toMatch(/this cat; a blob at the box never does\. /);
  expect(found(0.5, 0.5)).toMatch(/as faithful as the blob, in the image and within the box\.$/);
});
