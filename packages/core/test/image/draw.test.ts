import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { canvasOf, fillRect, strokeRect } from "../../src/image/draw/canvas.js";
import { type Contour, loadFont, shape } from "../../src/image/draw/font.js";
import { classColours, textColourOn } from "../../src/image/draw/palette.js";
import { placeLabels } from "../../src/image/draw/place-labels.js";
import { rasterize } from "../../src/image/draw/rasterize.js";
import { drawText, layOut } from "../../src/image/draw/text.js";

const FONT = loadFont();
const text = (codes: readonly number[]) => String.fromCodePoint(...codes);
const same = (point: { readonly x: number; readonly y: number }) => point;
const corners = (...points: [number, number][]): Contour => points.map(([x, y]) => ({ x, y, on: true }));

describe("letters", () => {
  it("cover ASCII, and every one but the space has an outline", () => {
    for (let code = 0x21; code < 0x7f; code++) expect(FONT.glyphs.get(code)?.contours.length).toBeGreaterThan(0);
    expect(FONT.glyphs.get(0x20)?.advance).toBeGreaterThan(0);
  });

  it.each([
    ["traffic light 0.91", "traffic light 0.91"],
    ["Żółć Ärger Кошка Σίγμα", "Żółć Ärger Кошка Σιγμα"],
    ["ẵ Ǎ ﬁ ½ ①", "a A fi ½ 1"],
    ["e\u0301", "é"],
    ["a\u2013b\u2019s", "a-b's"],
    ["猫 cat 🐈 \ufffd", "? cat ? ?"],
    ["a\u0000b\u202ec\u200bd\n", "abcd"],
    ["\u0301", "?"],
    ["", ""],
  ])("write %j as %j", (typed, want) => {
    expect(text(shape(FONT, typed))).toBe(want);
  });

  it("can be drawn for any string", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (typed) => {
        expect(shape(FONT, typed).every((code) => FONT.glyphs.has(code))).toBe(true);
      }),
    );
  });
});

describe("rasterize", () => {
  it("covers pixels by area", () => {
    const square = corners([0.5, 0.25], [2.5, 0.25], [2.5, 2], [0.5, 2]);
    const { left, top, width, height, data } = rasterize([square], same);
    expect([left, top, width, height]).toEqual([0, 0, 3, 2]);
    expect([...data]).toEqual([0.375, 0.75, 0.375, 0.5, 1, 0.5]);
  });

  it("covers the half of pixels on a diagonal, whichever way the contour runs", () => {
    const triangle = corners([0, 0], [3, 3], [0, 3]);
    for (const contour of [triangle, triangle.toReversed()]) {
      expect([...rasterize([contour], same).data]).toEqual([0.5, 0, 0, 1, 0.5, 0, 1, 1, 0.5]);
    }
  });

  it("leaves holes open and starts at the shape's first pixel", () => {
    const outer = corners([-3, 5], [0, 5], [0, 8], [-3, 8]);
    const hole = corners([-2, 6], [-2, 7], [-1, 7], [-1, 6]);
    const out = rasterize([outer, hole], same);
    expect([out.left, out.top, ...out.data]).toEqual([-3, 5, 1, 1, 1, 1, 0, 1, 1, 1, 1]);
  });

  it("gives a flat slope its area over several pixels", () => {
    const { data } = rasterize([corners([0, 0], [4, 1], [0, 1])], same);
    expect([...data].map((value) => Math.round(value * 1000))).toEqual([875, 625, 375, 125]);
  });

  it("draws circles from curves with implied points", () => {
    const circle: Contour = [
      [2, 0],
      [4, 0],
      [4, 2],
      [4, 4],
      [2, 4],
      [0, 4],
      [0, 2],
      [0, 0],
    ].map(([x, y], i) => ({
      x: x! * 10,
      y: y! * 10,
      on: i % 2 === 0,
    }));
    const onlyControls = circle.filter((point) => !point.on);
    const area = (contour: Contour) => rasterize([contour], same).data.reduce((sum, value) => sum + value, 0);
    expect(area(circle)).toBeGreaterThan(1315); // four parabolas: 1600 * (1 - 1 / 6) = 1333, a little less in straight pieces
    expect(area(circle)).toBeLessThan(1334);
    expect(area([circle[0]!, ...onlyControls])).toBeCloseTo(area(circle), 3);
  });

  it("of no outline is empty", () => {
    expect(rasterize([], same)).toMatchObject({ width: 0, height: 0 });
  });
});

describe("drawText", () => {
  it("stays within its width and the canvas", () => {
    const canvas = canvasOf({ height: 20, width: 60, data: new Uint8Array(3600) });
    const line = layOut(FONT, "dog", 14);
    drawText(canvas, line, { font: FONT, origin: [5, 15], colour: [255, 255, 255] });
    const columns = [...canvas.data.keys()].filter((i) => canvas.data[i]! > 0).map((i) => Math.floor(i / 3) % 60);
    expect(Math.min(...columns)).toBeGreaterThanOrEqual(5);
    expect(Math.max(...columns)).toBeLessThan(5 + line.width);
    expect(Math.max(...canvas.data)).toBe(255);
    expect(() => drawText(canvas, line, { font: FONT, origin: [-20, 3], colour: [255, 0, 0] })).not.toThrow();
    expect(() => drawText(canvas, line, { font: FONT, origin: [55, 30], colour: [255, 0, 0] })).not.toThrow();
  });
});

describe("rectangles", () => {
  const canvas = () => canvasOf({ height: 4, width: 4, data: new Uint8Array(48) });
  const red = (drawn: { readonly data: Uint8Array }) => [...drawn.data].filter((_, i) => i % 3 === 0).join("");

  it("are filled without their right and bottom edge, and cut at the canvas", () => {
    const drawn = canvas();
    fillRect(drawn, { left: 1, top: -5, right: 9, bottom: 2 }, [1, 0, 0]);
    expect(red(drawn)).toBe("0111011100000000");
  });

  it("are framed inside, and filled when thinner than the lines", () => {
    const drawn = canvas();
    strokeRect(drawn, { left: 0, top: 0, right: 4, bottom: 4 }, 1, [1, 0, 0]);
    expect(red(drawn)).toBe("1111100110011111");
    const thin = canvas();
    strokeRect(thin, { left: 0, top: 1, right: 4, bottom: 3 }, 1, [1, 0, 0]);
    expect(red(thin)).toBe("0000111111110000");
  });
});

describe("colours", () => {
  it("are distinct in one image and mostly the same in all", () => {
    const dogAndCar = classColours([16, 2, 2]);
    expect(dogAndCar.get(16)).toEqual(classColours([16]).get(16));
    expect(new Set([...classColours([0, 8, 16, 24]).values()]).size).toBe(4);
    expect(classColours(Array.from({ length: 80 }, (_, i) => i)).size).toBe(80);
  });

  it("of text contrast with the background by 4.5 at least", () => {
    expect(textColourOn([255, 255, 255])).toEqual([0, 0, 0]);
    expect(textColourOn([0, 0, 0])).toEqual([255, 255, 255]);
    expect(textColourOn([0, 0, 160])).toEqual([255, 255, 255]);
  });
});

describe("placeLabels", () => {
  const box = { left: 20, top: 30, right: 60, bottom: 60 };

  it("puts a label on top of its box, and inside when there is no room above", () => {
    const [above] = placeLabels([{ box, width: 30, height: 10 }], { width: 100, height: 100 });
    expect(above).toEqual({ left: 20, top: 20, right: 50, bottom: 30 });
    const [inside] = placeLabels([{ box: { ...box, top: 2 }, width: 30, height: 10 }], { width: 100, height: 100 });
    expect(inside).toMatchObject({ top: 0 });
  });

  it("moves labels of boxes on one another apart", () => {
    const places = placeLabels(
      Array.from({ length: 8 }, () => ({ box, width: 30, height: 10 })),
      { width: 100, height: 100 },
    );
    const keys = new Set(places.map(({ left, top }) => `${left} ${top}`));
    expect(keys.size).toBeGreaterThanOrEqual(5);
  });

  it("keeps every label inside the image when it fits", () => {
    const coordinate = fc.integer({ min: -50, max: 150 });
    fc.assert(
      fc.property(fc.array(fc.tuple(coordinate, coordinate), { maxLength: 30 }), (corners) => {
        const requests = corners.map(([left, top]) => ({
          box: { left, top, right: left + 20, bottom: top + 20 },
          width: 40,
          height: 12,
        }));
        for (const place of placeLabels(requests, { width: 100, height: 80 })) {
          expect(place.left).toBeGreaterThanOrEqual(0);
          expect(place.top).toBeGreaterThanOrEqual(0);
          expect(place.right).toBeLessThanOrEqual(100);
          expect(place.bottom).toBeLessThanOrEqual(80);
        }
      }),
    );
  });

  it("starts a label that is too large at the left and top edge", () => {
    const [place] = placeLabels([{ box, width: 300, height: 300 }], { width: 50, height: 40 });
    expect(place).toMatchObject({ left: 0, top: 0 });
  });
});
