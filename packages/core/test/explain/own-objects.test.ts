import { readFileSync } from "node:fs";
import { afterAll, describe, expect, expectTypeOf, it } from "vitest";
import {
  type AnyCamMethod,
  type CamMethod,
  type Colormap,
  type ColormapName,
  colormap,
  defaultMethods,
  defaultScores,
  type ExplainOptions,
  type MethodId,
  type OverlayOptions,
  renderOverlay,
  type Score,
  type ScoreId,
} from "../../src/index.js";
import { MINI_SIZE, makeImage, miniDetector } from "../support/mini-detector.js";

const ramp: CamMethod<"activations"> = {
  id: "Ramp",
  title: "Ramp",
  paper: "an example",
  needs: ["activations"],
  map: ({ activations: { dims } }) => {
    const [, height, width] = dims as [number, number, number];
    return { height, width, data: new Float32Array(height * width).map((_, i) => i) };
  },
};
const area: Score = {
  id: "area",
  title: "Area of the box",
  of: ({ tape, at }, { row }) => tape.log(tape.mul(at(row, 2), at(row, 3))),
};
const grey: Colormap = Uint8Array.from({ length: 768 }, (_, i) => Math.floor(i / 3));

describe("types of options", () => {
  it("are unions of names and objects", () => {
    expectTypeOf<ExplainOptions["method"]>().toEqualTypeOf<MethodId | AnyCamMethod | undefined>();
    expectTypeOf<ExplainOptions["backprop"]>().toEqualTypeOf<readonly (ScoreId | Score)[] | undefined>();
    expectTypeOf<OverlayOptions["colormap"]>().toEqualTypeOf<ColormapName | Colormap | undefined>();
    expectTypeOf<"tap-fusion">().toExtend<MethodId>();
    expectTypeOf<"grad-cam">().toExtend<MethodId>();
    expectTypeOf<"keypoint:nose">().toExtend<ScoreId>();
    expectTypeOf<typeof ramp>().toExtend<NonNullable<ExplainOptions["method"]>>();
  });

  it("have no other names", () => {
    // @ts-expect-error there is no such method
    expectTypeOf<{ method: "nonsense" }>().toExtend<ExplainOptions>();
    // @ts-expect-error any text is too wide
    expectTypeOf<string>().toExtend<MethodId>();
    // @ts-expect-error there is no such score
    expectTypeOf<{ backprop: ["nonsense"] }>().toExtend<ExplainOptions>();
    // @ts-expect-error there is no such colour map
    expectTypeOf<{ colormap: "nonsense" }>().toExtend<OverlayOptions>();
  });

  /** The quoted names in a file of `src`. */
  const namesIn = (file: string) =>
    [...readFileSync(new URL(`../../src/${file}.ts`, import.meta.url), "utf8").matchAll(/^ {2}\| "(.+)"/gm)].map(
      ([, name]) => name,
    );

  it.each([
    ["methods/method-id", defaultMethods],
    ["scores/score-id", defaultScores],
  ])("%s has each id and alias", (file, known) => {
    const names = known.flatMap(({ id, aliases = [] }) => [...new Set([id, ...aliases])]);
    expect(namesIn(file).toSorted()).toEqual(names.toSorted());
  });
});

describe("a method and a score of one's own", async () => {
  const detector = await miniDetector();
  afterAll(() => detector.dispose());
  const options = { imageSize: MINI_SIZE, maxDetections: 2, confidence: 0.01 } as const;

  it("are taken as objects", async () => {
    const found = await detector.explain(makeImage(), { ...options, method: ramp, layer: 17 });
    expect([found.method, found.backprop]).toEqual(["Ramp", ["class"]]);
    expect(found.empty).toBeUndefined();
    expect(found.heatmap.data.at(-1)).toBe(1);
    expect(found.heatmap.data[0]).toBe(0);
    const { method, backprop, empty } = await detector.explain(makeImage(), {
      ...options,
      method: "LayerCAM",
      backprop: [area, "class"],
    });
    expect([method, backprop, empty]).toEqual(["LayerCAM", ["area", "class"], undefined]);
  });

  it.each([
    [{ method: {} }, /^method is \{\}; expected a method or the name of one/],
    [{ method: { id: "mine" } }, /^method is \{"id":"mine"\}; expected a method/],
    [{ backprop: [area, { id: "mine" }] }, /^backprop is \{"id":"mine"\}; expected the name of a score, or a score/],
    [{ method: ramp, seed: 3 }, /seed has no meaning for Ramp/],
  ])("refuses %j", async (wrong, message) => {
    await expect(detector.explain(makeImage(), { ...options, ...wrong } as ExplainOptions)).rejects.toMatchObject({
      code: "usage",
      message: expect.stringMatching(message),
    });
  });
});

describe("a colour map of one's own", () => {
  const image = { height: 1, width: 2, data: new Uint8Array(6) };
  const heat = { height: 1, width: 2, data: Float32Array.of(0, 1) };

  it("draws with its colours", () => {
    const drawn = renderOverlay(image, heat, { colormap: grey, opacity: 1 });
    expect([...drawn.data]).toEqual([0, 0, 0, 255, 255, 255]);
    expect(colormap(grey)).toBe(grey);
  });

  it("has 256 colours", () => {
    expect(() => renderOverlay(image, heat, { colormap: grey.subarray(3) })).toThrow(/765 bytes.*768 bytes/);
    expect(() => colormap(7 as never)).toThrow(/colour map/);
  });
});
