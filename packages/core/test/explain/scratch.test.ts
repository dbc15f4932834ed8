import { describe, expect, it } from "vitest";
import { Scratch, ScratchPool } from "../../src/explain/passes/scratch.js";
import { MINI_SIZE, makeImage, miniDetector } from "../support/mini-detector.js";

describe("a scratch", () => {
  it("has one array for each use, and a new one for another size", () => {
    const scratch = new Scratch();
    const first = scratch.array("map", 6);
    expect(scratch.array("map", 6)).toBe(first);
    expect(scratch.array("input", 6)).not.toBe(first);
    expect(scratch.array("map", 7)).toHaveLength(7);
  });

  it("makes a new array when the old one was transferred to another thread", () => {
    const scratch = new Scratch();
    const gone = scratch.array("input", 4);
    structuredClone(gone, { transfer: [gone.buffer as ArrayBuffer] });
    expect(scratch.array("input", 4)).toEqual(new Float32Array(4));
  });

  it("belongs to one call at a time, and then to the next one", () => {
    const pool = new ScratchPool();
    const first = pool.take();
    expect(pool.take()).not.toBe(first);
    pool.give(first);
    expect(pool.take()).toBe(first);
  });

  it("changes no result: images one after another and at once", async () => {
    const detector = await miniDetector();
    const images = [makeImage(), { ...makeImage(), data: makeImage().data.map((byte) => 255 - byte) }];
    const explain = (i: number) => detector.explain(images[i]!, { imageSize: MINI_SIZE, confidence: 0.01 });
    const alone = await Promise.all(
      images.map(async (one) => {
        const fresh = await miniDetector();
        const { heatmap } = await fresh.explain(one, { imageSize: MINI_SIZE, confidence: 0.01 });
        await fresh.dispose();
        return heatmap;
      }),
    );
    for (const i of [0, 1, 0]) expect((await explain(i)).heatmap).toEqual(alone[i]);
    expect((await Promise.all([0, 1, 1, 0].map(explain))).map(({ heatmap }) => heatmap)).toEqual(
      [0, 1, 1, 0].map((i) => alone[i]),
    );
    await detector.dispose();
  });
});
