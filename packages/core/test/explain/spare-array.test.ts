import { describe, expect, it } from "vitest";
import { SpareArray } from "../../src/explain/model/loaded-model.js";
import { MINI_SIZE, miniDetector, picture } from "../support/mini-detector.js";

describe("a spare array", () => {
  it("is given to one taker only, and to who needs its size", () => {
    const spare = new SpareArray();
    const first = spare.take(6);
    spare.give(first);
    expect(spare.take(6)).toBe(first);
    expect(spare.take(6)).not.toBe(first);
    spare.give(first);
    expect(spare.take(7)).toHaveLength(7);
  });

  it("is not kept when its values went to another thread", () => {
    const spare = new SpareArray();
    const gone = spare.take(4);
    structuredClone(gone, { transfer: [gone.buffer as ArrayBuffer] });
    spare.give(gone);
    expect(Object.is(spare.take(0), gone)).toBe(false);
  });

  it("changes no result: pictures one after another and at once", async () => {
    const detector = await miniDetector();
    const pictures = [picture(), { ...picture(), data: picture().data.map((byte) => 255 - byte) }];
    const explain = (i: number) => detector.explain(pictures[i]!, { imageSize: MINI_SIZE, confidence: 0.01 });
    const alone = await Promise.all(
      pictures.map(async (one) => {
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
