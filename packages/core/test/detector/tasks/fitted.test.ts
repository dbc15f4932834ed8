import fc from "fast-check";
import { expect, it } from "vitest";
import type { Extra, Predictions } from "../../../src/detector/detection.js";
import { extrasOf } from "../../../src/detector/tasks/extra.js";
import { cornersOf } from "../../../src/detector/tasks/rotated.js";
import type { Box, Letterbox, Point } from "../../../src/image/frame.js";
import { toImage, toInput } from "../../../src/image/frame-map.js";
import { planLetterbox } from "../../../src/image/letterbox.js";
import { maskPixels } from "../../../src/image/mask.js";

const [HEIGHT, WIDTH] = [64, 96];

/** Plans of all fits, for any image. */
const plans = fc
  .record({
    size: fc.tuple(fc.integer({ min: 20, max: 200 }), fc.integer({ min: 20, max: 200 })),
    fit: fc.constantFrom("letterbox", "stretch", "crop"),
    crop: fc.constantFrom(1, 0.875),
  })
  .map(({ size, fit, crop }) => planLetterbox(size, { size: [HEIGHT, WIDTH], stride: 32, fixed: true, fit, crop }));

/** The part of the image that the network gets. */
function seenPart(plan: Letterbox): Box<"image"> {
  return toImage({ frame: "input", x1: 0, y1: 0, x2: WIDTH, y2: HEIGHT }, plan);
}

function inInput([x, y]: Point, plan: Letterbox): Point {
  const { x1, y1 } = toInput({ frame: "image", x1: x, y1: y, x2: x, y2: y }, plan);
  return [x1, y1];
}

/** One row of one class, with these columns behind it. */
function rowOf(box: readonly number[], extra: Extra, behind: readonly number[]): Predictions {
  const data = Float32Array.of(...box, 1, 1, ...behind);
  return { rows: 1, columns: data.length, classes: 1, extra, data };
}

it("keypoints return to their place in the image, however it was fitted", () => {
  fc.assert(
    fc.property(plans, fc.double({ min: 0, max: 1, noNaN: true }), (plan, share) => {
      const { x1, y1, x2, y2 } = seenPart(plan);
      const place: Point = [x1 + share * (x2 - x1), y1 + (1 - share) * (y2 - y1)];
      const extra = { task: "pose", keypoints: { names: ["nose"], dims: 2 } } as const;
      const { keypoints } = extrasOf(rowOf([0, 0, 1, 1], extra, inInput(place, plan)), 0, seenPart(plan), plan);
      expect(keypoints![0]!.x).toBeCloseTo(place[0], 3);
      expect(keypoints![0]!.y).toBeCloseTo(place[1], 3);
    }),
    { seed: 1 },
  );
});

it("rotated corners return to their place in the image, however it was fitted", () => {
  fc.assert(
    fc.property(plans, fc.double({ min: 0, max: 1.5, noNaN: true }), (plan, angle) => {
      const [x, y, width, height] = [WIDTH / 2, HEIGHT / 3, 20, 8];
      const predictions = rowOf([x, y, width, height], { task: "obb" }, [angle]);
      const { corners } = extrasOf(predictions, 0, seenPart(plan), plan);
      for (const [i, corner] of cornersOf({ x, y, width, height, angle }).entries()) {
        const back = inInput(corners![i]!, plan);
        expect(back[0]).toBeCloseTo(corner[0], 3);
        expect(back[1]).toBeCloseTo(corner[1], 3);
      }
    }),
    { seed: 1 },
  );
});

it("a mask returns to its place in the image, however it was fitted", () => {
  const [h, w] = [HEIGHT / 4, WIDTH / 4];
  // Above zero on one side of a slanted line through the middle of the input.
  const logit = ([x, y]: Point): number => x - WIDTH / 2 + 0.5 * (y - HEIGHT / 2);
  const values = Array.from({ length: h * w }, (_, i) => logit([4 * (i % w) + 2, 4 * Math.floor(i / w) + 2]));
  const prototypes = { dims: [1, h, w], data: Float32Array.from(values) };
  fc.assert(
    fc.property(plans, (plan) => {
      const box = seenPart(plan);
      const [height, width] = plan.imageSize;
      const { mask } = extrasOf(rowOf([0, 0, 1, 1], { task: "segment", prototypes }, [1]), 0, box, plan);
      const pixels = maskPixels(mask!);
      let inside = 0;
      for (let y = 0; y < height; y++) {
        for (let x = 0; x < width; x++) {
          const expected = logit(inInput([x + 0.5, y + 0.5], plan));
          const isSeen = x >= box.x1 && x < box.x2 && y >= box.y1 && y < box.y2;
          // On the line, the interpolation decides.
          if (isSeen && Math.abs(expected) < 3) continue;
          inside += pixels[y * width + x]!;
          if (pixels[y * width + x] !== Number(isSeen && expected > 0)) {
            expect.fail(`pixel [${x}, ${y}] of ${JSON.stringify(plan)}`);
          }
        }
      }
      expect(inside).toBeGreaterThan(0);
    }),
    { seed: 1, numRuns: 40 },
  );
});
