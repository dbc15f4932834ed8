import { afterAll, describe, expect, it } from "vitest";
import { search } from "../../src/methods/search.js";
import { makeImage, miniDetector } from "../support/mini-detector.js";

describe("search on a mini network", async () => {
  const detector = await miniDetector();
  afterAll(() => detector.dispose());
  const image = makeImage();
  const options = { method: "search", per: "detection", confidence: 0.2, maxDetections: 1, budget: 3600 } as const;

  it("tells how each map was found, counts its runs, and is plain data", async () => {
    const reports: { done: number; total: number }[] = [];
    const found = await detector.explain(image, { ...options, onProgress: (state) => reports.push(state) });
    expect(found.searched.map(({ detections }) => detections)).toEqual([[0]]);
    expect(reports[0]!.total).toBe(1 + search.runs!({ dims: [], samples: undefined }));
    expect(reports.at(-1)!.done).toBe(reports[0]!.total);
    for (const { map, gaussian, noBetterThanBox, stoppedBy } of found.searched) {
      expect(stoppedBy).not.toBe("budget");
      expect(noBetterThanBox || map.quality > gaussian.quality).toBe(true);
      for (const values of [map.insertion, map.deletion, map.withinBox]) {
        expect(values).toHaveLength(map.shares.length);
        expect(values.every(Number.isFinite)).toBe(true);
      }
    }
    expect(JSON.parse(JSON.stringify(found)).searched).toEqual(found.searched);
  });

  it("searches each detection for the map of the image, and a box that is asked about", async () => {
    const whole = await detector.explain(image, { ...options, per: "image", maxDetections: 2, budget: 1e-3 });
    expect(whole.searched.map(({ detections }) => detections)).toEqual([[0], [1]]);
    const box = { x1: 8, y1: 8, x2: 60, y2: 50, className: detector.classNames[0]! };
    const asked = await detector.explain(image, { ...options, per: "image", maxDetections: 1000, budget: 1e-3, box });
    expect(asked.searched.map(({ detections, stoppedBy }) => [detections, stoppedBy])).toEqual([[[], "budget"]]);
  });

  it("stops after the batch in which it is aborted", async () => {
    const stop = new AbortController();
    let done = 0;
    const call = detector.explain(image, {
      ...options,
      signal: stop.signal,
      onProgress: (state) => {
        done = state.done;
        if (done >= 30) stop.abort();
      },
    });
    await expect(call).rejects.toMatchObject({ code: "aborted" });
    expect(done).toBeLessThan(40);
  });
});
