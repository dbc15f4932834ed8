import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { classLabel, isDrawable, platformLabel } from "../../src/image/draw/class-label.js";
import { loadFont, shape } from "../../src/image/draw/font.js";
import { type DrawnDetection, type OverlayOptions, renderOverlay } from "../../src/image/overlay.js";

const font = loadFont();
const label = (className: string, classIndex = 7) => classLabel({ className, classIndex });

describe("classLabel", () => {
  it.each([
    ["traffic light", "traffic light"],
    ["Żółć Кошка", "Żółć Кошка"],
    ["", "#7"],
    ["猫", "#7"],
    ["🚗 car", "car #7"],
    ["ẵ", "a #7"],
    ["x".repeat(32), "x".repeat(32)],
    ["x".repeat(33), `${"x".repeat(31)}… #7`],
    ["a #3", "a #3 #7"],
    [" a", "a #7"],
    ["a\ufffdb", "ab #7"],
  ])("writes %j as %j", (name, want) => {
    expect(label(name)).toBe(want);
  });

  it("without a number of the class has the letters alone", () => {
    expect(["猫", "猫 cat"].map((name) => label(name, -1))).toEqual(["", "cat"]);
  });

  it("differs for any two different names, and can be drawn", () => {
    const name = fc.oneof(
      fc.string({ unit: "binary", maxLength: 40 }),
      fc.string({ unit: fc.constantFrom("a", "é", "猫", " ", "#", "1", "2", "\u0301", "\u200d"), maxLength: 36 }),
    );
    fc.assert(
      fc.property(name, name, (a, b) => {
        fc.pre(a.normalize("NFC") !== b.normalize("NFC"));
        for (const write of [classLabel, platformLabel]) {
          expect(write({ className: a, classIndex: 1 })).not.toBe(write({ className: b, classIndex: 2 }));
        }
        const drawn = label(a);
        expect(String.fromCodePoint(...shape(font, drawn))).toBe(drawn);
        expect(drawn).not.toContain("\ufffd");
      }),
      { seed: 16, numRuns: 500 },
    );
  });

  it("keeps all letters for a platform that has them", () => {
    expect(platformLabel({ className: "猫 🐈", classIndex: 7 })).toBe("猫 🐈");
    expect(platformLabel({ className: "猫".repeat(40), classIndex: 7 })).toBe(`${"猫".repeat(31)}… #7`);
    expect([isDrawable("café"), isDrawable("猫"), isDrawable("a\u0000")]).toEqual([true, false, false]);
  });
});

describe("labels in images", () => {
  const image = { height: 120, width: 200, data: new Uint8Array(120 * 200 * 3).fill(90) };
  const cold = { height: 120, width: 200, data: new Float32Array(120 * 200) };
  const draw = (names: readonly string[], options: OverlayOptions = {}) =>
    renderOverlay(image, cold, {
      detections: names.map((className, classIndex): DrawnDetection => {
        const y = 10 + 50 * classIndex;
        return {
          boxImage: { frame: "image", x1: 20, y1: y, x2: 180, y2: y + 30 },
          classIndex,
          className,
          confidence: 0.5,
        };
      }),
      ...options,
    }).data;

  it("show the number for a name without letters, and for a name of two classes", () => {
    expect(draw(["猫"])).toEqual(draw(["犬"]));
    expect(draw(["猫"])).not.toEqual(draw(["cat"]));
    // Both are drawn as "cat #0" and "cat #1".
    expect(draw(["cat", "cat"])).toEqual(draw(["cat 猫", "cat 犬"]));
  });

  it("are painted by the platform where Whybox lacks letters, and only there", () => {
    const asked: string[] = [];
    const paintText: OverlayOptions["paintText"] = (text) => {
      asked.push(text);
      const data = Uint8Array.from({ length: 4 * 30 * 8 }, (_, i) => (i % 4 === 1 ? 0 : 255));
      return { advance: 30, left: 0, top: -8, width: 30, height: 8, data };
    };
    const painted = draw(["cat", "猫"], { paintText });
    expect(new Set(asked)).toEqual(new Set(["猫 0.50"]));
    const magenta = Array.from({ length: painted.length / 3 }, (_, i) => painted.slice(3 * i, 3 * i + 3).join());
    expect(magenta.filter((one) => one === "255,0,255")).toHaveLength(30 * 8);
    expect(draw(["猫"], { paintText: () => undefined })).toEqual(draw(["猫"]));
  });
});
