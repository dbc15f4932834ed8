import { afterAll, describe, expect, it } from "vitest";
import { type AnyCamMethod, defaultMethods } from "../../src/methods/index.js";
import type { CamMethod, Place } from "../../src/methods/method.js";
import type { MethodId } from "../../src/methods/method-id.js";
import { MINI_SIZE, makeImage, miniDetector } from "../support/mini-detector.js";

const [H, W] = MINI_SIZE;

/** What a method sees in each view. */
const views: { input: Float32Array; place: Place }[] = [];
const spy: CamMethod<"pixels" | "places"> = {
  ...{ id: "spy", title: "", paper: "", needs: ["pixels", "places"], reads: "network" },
  map({ pixels, places }) {
    views.push({ input: pixels.input.data, place: places[0]! });
    // Hot at the left edge of the box that is explained.
    const data = new Float32Array(H * W);
    for (let y = 0; y < H; y++) data[y * W + Math.min(W - 1, Math.max(0, Math.round(places[0]!.box.x1)))] = 1;
    return { height: H, width: W, data };
  },
};
const detector = await miniDetector({ methods: [...defaultMethods, spy as unknown as AnyCamMethod] });
afterAll(() => detector.dispose());

const symmetric = (() => {
  const { data, ...size } = makeImage(11);
  const mirrored = data.map((value, i) => {
    const x = Math.floor(i / 3) % W;
    return x < W / 2 ? value : data[i + 3 * (W - 1 - 2 * x)]!;
  });
  return { ...size, data: mirrored };
})();

const mirror = (map: Float32Array) => map.map((_, i) => map[i - (i % W) + (W - 1 - (i % W))]!);
const apart = (a: Float32Array, b: Float32Array) =>
  a.reduce((most, value, i) => Math.max(most, Math.abs(value - b[i]!)), 0);
const box = { x1: 10, y1: 8, x2: 40, y2: 30, className: "class0" };
const size = { imageSize: MINI_SIZE };

describe("augSmooth", () => {
  it("sees six views: the image and its mirror image, at three brightnesses; in the mirror the mirrored box", async () => {
    views.length = 0;
    const result = await detector.explain(makeImage(), { ...size, method: "spy" as MethodId, box, augSmooth: true });
    expect(views).toHaveLength(6);
    // The unchanged image comes first; then in the order of the mean.
    views.splice(1, 0, views.shift()!);
    const original = views[1]!.input;
    const flip = original.map((_, i) => original[i - (i % W) + (W - 1 - (i % W))]!);
    for (const [v, { input, place }] of views.entries()) {
      const factor = [0.9, 1, 1.1][v % 3]!;
      const wanted = (v < 3 ? original : flip).map((value) => factor * value);
      expect(apart(input, wanted)).toBeLessThan(1e-6);
      expect([place.box.x1, place.box.x2]).toEqual(v < 3 ? [10, 40] : [W - 40, W - 10]);
      expect([place.box.y1, place.box.y2]).toEqual([8, 30]);
    }
    // Each map is turned back: left edge 10 in three views; 56 of the mirror image is 39 in the image.
    const hot = result.heatmapInput.data.subarray(0, W);
    expect([...hot].flatMap((value, x) => (value > 0 ? [x] : []))).toEqual([10, W - 1 - (W - 40)]);
    expect([...hot].filter((value) => value > 0).map((value) => Math.round(value * 1e4) / 1e4)).toEqual([1, 1]);
  });

  it("of a symmetric image and box gives a symmetric map, which the method alone does not", async () => {
    const middle = { x1: 30, y1: 10, x2: W - 30, y2: 50, className: "class0" };
    const options = { ...size, box: middle, method: "LayerCAM", layer: 17 } as const;
    const plain = await detector.explain(symmetric, options);
    expect(apart(plain.heatmap.data, mirror(plain.heatmap.data))).toBeGreaterThan(0.05);
    const smooth = await detector.explain(symmetric, { ...options, augSmooth: true });
    expect(apart(smooth.heatmap.data, mirror(smooth.heatmap.data))).toBeLessThan(1e-4);
    expect(Math.max(...smooth.heatmap.data)).toBeCloseTo(1, 5);
  });

  it("of a symmetric image and the mirrored box gives the mirrored map", async () => {
    const options = { ...size, method: "LayerCAM", layer: 17, augSmooth: true } as const;
    const left = await detector.explain(symmetric, { ...options, box });
    const right = await detector.explain(symmetric, { ...options, box: { ...box, x1: W - box.x2, x2: W - box.x1 } });
    expect(apart(left.heatmap.data, mirror(right.heatmap.data))).toBeLessThan(1e-4);
    expect(apart(left.heatmap.data, right.heatmap.data)).toBeGreaterThan(0.1);
  });

  it("goes with a map for each detection, and with none", async () => {
    const options = { ...size, augSmooth: true, maxDetections: 3 } as const;
    const each = await detector.explain(makeImage(), { ...options, per: "detection" });
    expect(each.maps.map(({ detections }) => detections)).toEqual([[0], [1], [2]]);
    for (const { heatmap } of each.maps) expect(Math.max(...heatmap.data)).toBeCloseTo(1, 5);
    const none = await detector.explain(makeImage(), { ...options, confidence: 0.99 });
    expect(none.empty?.reason).toBe("no-detection");
  });
});
