import { afterAll, describe, expect, it } from "vitest";
import { MINI_SIZE, makeImage, miniDetector } from "../support/mini-detector.js";
import { rejectionOf } from "./error-of.js";

const detector = await miniDetector();
afterAll(() => detector.dispose());

const options = { imageSize: MINI_SIZE, method: "GradCAM", maxDetections: 9 } as const;

describe("explaining some detections", () => {
  it("gives their maps out of those of all, in the order that was asked for", async () => {
    const all = await detector.explain(makeImage(), { ...options, per: "detection" });
    const some = await detector.explain(makeImage(), { ...options, per: "detection", detections: [5, 2, 5] });
    expect(some.detections).toEqual(all.detections);
    expect(some.explained).toEqual([5, 2]);
    expect(some.maps.map(({ detections }) => detections)).toEqual([[5], [2]]);
    expect(all.maps[5]!.heatmap.data).not.toEqual(all.maps[2]!.heatmap.data);
    for (const { detections, heatmap } of some.maps) {
      const same = all.maps[detections[0]!]!.heatmap;
      heatmap.data.forEach((value, i) => {
        expect(Math.abs(value - same.data[i]!)).toBeLessThan(1e-5);
      });
    }
  });

  it("makes one map of them together", async () => {
    const { detections } = await detector.detect(makeImage(), options);
    const { className } = detections[0]!;
    const ofClass = detections.flatMap((one) => (one.className === className ? [one.index] : []));
    expect(ofClass.length).toBeLessThan(detections.length);
    const byIndex = await detector.explain(makeImage(), { ...options, detections: ofClass });
    const byName = await detector.explain(makeImage(), { ...options, classNames: [className] });
    expect(byIndex.heatmap).toEqual(byName.heatmap);
    expect(byIndex.heatmap.data.some((value) => value > 0)).toBe(true);
  });

  it("has nothing to choose from where nothing is detected", async () => {
    const { explained, empty } = await detector.explain(makeImage(), { ...options, confidence: 1, detections: [3] });
    expect([explained, empty?.reason]).toEqual([[], "no-detection"]);
  });

  it.each([
    [{ detections: [0, 9, 12] }, "There is no detection 9, 12. These options find 9 detections, 0 to 8."],
    [{ detections: [-1] }, "detections is -1"],
    [{ detections: [0.5] }, "detections is 0.5"],
    [{ detections: [] }, "detections is an empty list"],
    [{ detections: [0], classNames: ["class0"] }, "Leave classNames out"],
    [{ detections: [0], box: { x1: 0, y1: 0, x2: 9, y2: 9, className: "class0" } }, "Use one of the two"],
  ])("refuses %j", async (given, message) => {
    const error = await rejectionOf(detector.explain(makeImage(), { ...options, ...given }));
    expect(error.code).toBe("usage");
    expect(error.message).toContain(message);
  });
});
