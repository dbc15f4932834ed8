import { describe, expect, it } from "vitest";
import { colormap } from "../../src/image/colormap.js";
import type { RgbImage } from "../../src/image/frame.js";
import type { OverlayOptions } from "../../src/image/overlay.js";
import { type DrawnDetection, renderOverlay } from "../../src/image/overlay.js";
import type { Map2D } from "../../src/tensor/tensor.js";
import { noise } from "../support/noise.js";

const grey = (height: number, width: number, value = 100): RgbImage => ({
  height,
  width,
  data: new Uint8Array(height * width * 3).fill(value),
});
const map = (height: number, width: number, value: number): Map2D => ({
  height,
  width,
  data: new Float32Array(height * width).fill(value),
});
const detection = (
  x1: number,
  y1: number,
  x2: number,
  y2: number,
  className = "dog",
  classIndex = 0,
): DrawnDetection => ({
  boxImage: { frame: "image", x1, y1, x2, y2 },
  classIndex,
  className,
  confidence: 0.9,
});
const pixel = (image: RgbImage, x: number, y: number) => {
  const at = (y * image.width + x) * 3;
  return [...image.data.subarray(at, at + 3)];
};

describe("renderOverlay", () => {
  it("blends each pixel with the colour of its heat", () => {
    const heat = { height: 1, width: 3, data: Float32Array.of(0, 0.5, 1) };
    const out = renderOverlay(grey(1, 3), heat, { opacity: 0.25, colormap: "viridis" });
    const table = colormap("viridis");
    for (const [x, level] of [0, 128, 255].entries()) {
      const want = [0, 1, 2].map((c) => Math.floor(75 + 0.25 * table[3 * level + c]! + 0.5));
      expect(pixel(out, x, 0)).toEqual(want);
    }
  });

  it("shows only the image at opacity 0 and only the heat at 1", () => {
    const image = { height: 4, width: 5, data: noise(60, 3) };
    expect(renderOverlay(image, map(4, 5, 0.7), { opacity: 0 }).data).toEqual(image.data);
    expect(pixel(renderOverlay(image, map(4, 5, 1), { opacity: 1 }), 2, 2)).toEqual([252, 255, 164]);
  });

  it("clips heat outside 0..1 and takes NaN for 0", () => {
    const heat = { height: 1, width: 4, data: Float32Array.of(9, -9, Number.NaN, Number.POSITIVE_INFINITY) };
    const out = renderOverlay(grey(1, 4), heat, { opacity: 1 });
    expect([0, 1, 2, 3].map((x) => pixel(out, x, 0)[2])).toEqual([164, 4, 4, 164]);
  });

  it("leaves the image as it is when there is no heat, and never writes into it", () => {
    const image = { height: 8, width: 8, data: noise(192, 5) };
    const before = image.data.slice();
    const out = renderOverlay(image, map(8, 8, 0));
    expect(out.data).toEqual(before);
    expect(out.data).not.toBe(image.data);
    renderOverlay(image, map(8, 8, 1), { detections: [detection(1, 1, 6, 6)] });
    expect(image.data).toEqual(before);
  });

  it("draws a box with a dark rim in the class's colour", () => {
    const out = renderOverlay(grey(300, 300), map(300, 300, 0), {
      detections: [detection(100, 100, 200, 200)],
      labels: false,
    });
    const row = [98, 99, 100, 101, 102, 103].map((x) => pixel(out, x, 150));
    const dark = [35, 35, 35];
    const orange = [230, 159, 0];
    expect(row).toEqual([[100, 100, 100], dark, orange, orange, dark, [100, 100, 100]]);
  });

  it("hides boxes and labels when asked", () => {
    const image = grey(120, 160);
    const detections = [detection(20, 40, 90, 100)];
    const count = (options: { boxes: boolean; labels: boolean }) =>
      renderOverlay(image, map(120, 160, 0), { detections, ...options }).data.filter((value) => value !== 100).length;
    expect(count({ boxes: false, labels: false })).toBe(0);
    const [box, label, both] = [
      count({ boxes: true, labels: false }),
      count({ boxes: false, labels: true }),
      count({ boxes: true, labels: true }),
    ];
    expect(Math.min(box, label)).toBeGreaterThan(0);
    expect(both).toBeGreaterThan(Math.max(box, label));
  });

  it.each([
    [95, 200, false],
    [200, 95, false],
    [96, 96, true],
    [48, 64, false],
  ])("labels an image of %d × %d: %s", (height, width, labelled) => {
    const box = detection(20, 30, 44, 46);
    const [withLabels, without] = [true, false].map(
      (labels) => renderOverlay(grey(height, width), map(height, width, 0), { detections: [box], labels }).data,
    );
    expect(withLabels!.some((value, i) => value !== without![i])).toBe(labelled);
    expect(without!.some((value) => value !== 100)).toBe(true);
  });

  it("draws what is asked about in dashes, on top of a more certain box, with a question mark", () => {
    const asked = { ...detection(40, 60, 160, 140), confidence: 0.01, asked: true };
    const draw = (...detections: DrawnDetection[]) =>
      renderOverlay(grey(200, 200), map(200, 200, 0), { detections, labels: false });
    const pink = (out: RgbImage) =>
      Array.from({ length: 120 }, (_, i) => pixel(out, 40 + i, 60).join() === "255,64,255");
    const alone = pink(draw(asked));
    expect(alone.filter(Boolean).length).toBeGreaterThan(40);
    expect(alone.filter((on) => !on).length).toBeGreaterThan(40);
    expect(pink(draw({ ...asked, asked: false, confidence: 0.9 }, asked))).toEqual(alone);
    expect(pink(draw({ ...asked, asked: false }))).not.toContain(true);
    const label = (question: boolean) =>
      renderOverlay(grey(200, 200), map(200, 200, 0), { detections: [{ ...asked, asked: question }], boxes: false });
    expect(label(true).data).not.toEqual(label(false).data);
  });

  it("puts original and overlay side by side", () => {
    const out = renderOverlay(grey(50, 60), map(50, 60, 1), { sideBySide: true, opacity: 1 });
    expect([out.height, out.width, out.data.length]).toEqual([50, 122, 50 * 122 * 3]);
    expect([pixel(out, 59, 10), pixel(out, 60, 10), pixel(out, 62, 10)]).toEqual([
      [100, 100, 100],
      [255, 255, 255],
      [252, 255, 164],
    ]);
  });

  it.each([
    [1, 1],
    [1, 5000],
    [5000, 1],
    [3, 7],
    [96, 96],
    [100, 4000],
  ])("draws on an image of %d × %d, boxes past the edge too", (height, width) => {
    const detections = [
      detection(-50, -50, 9000, 9000, "a very long class name that does not fit"),
      detection(0, 0, 0, 0, "猫\u0000\u202e"),
    ];
    const out = renderOverlay(grey(height, width), map(height, width, 1), { detections });
    expect(out.data.length).toBe(height * width * 3);
  });

  it.each([
    ["a heatmap of another size", grey(4, 4), map(4, 5, 1), {}, /heatmap is \[4, 5\].*image is \[4, 4\]/],
    ["an opacity past 1", grey(4, 4), map(4, 4, 1), { opacity: 1.5 }, /opacity is 1.5/],
    ["an opacity that is no number", grey(4, 4), map(4, 4, 1), { opacity: Number.NaN }, /opacity is NaN/],
    ["an unknown colour map", grey(4, 4), map(4, 4, 0), { colormap: "yet" }, /Did you mean "jet"/],
    ["RGBA pixels", { ...grey(4, 4), data: new Uint8Array(64) }, map(4, 4, 1), {}, /interleaved RGB without alpha/],
  ])("refuses %s", (_, image, heat, options, message) => {
    expect(() => renderOverlay(image, heat, options as OverlayOptions)).toThrow(
      expect.objectContaining({ code: "usage" }),
    );
    expect(() => renderOverlay(image, heat, options as OverlayOptions)).toThrow(message);
  });
});

describe("a caption", () => {
  const changed = (width: number, height: number, caption: string) => {
    const plain = renderOverlay(grey(height, width), map(height, width, 0));
    const out = renderOverlay(grey(height, width), map(height, width, 0), { caption });
    const places = [...out.data].flatMap((value, i) => (value === plain.data[i] ? [] : [Math.floor(i / 3)]));
    return { out, columns: places.map((i) => i % width), rows: places.map((i) => Math.floor(i / width)) };
  };

  it("stands in the lower left corner, in white on black", () => {
    const { out, columns, rows } = changed(400, 300, "map of frame 12");
    expect([Math.min(...columns), Math.max(...rows)]).toEqual([0, 299]);
    expect(Math.max(...columns)).toBeLessThan(200);
    expect(Math.min(...rows)).toBeGreaterThan(270);
    expect(pixel(out, 0, 299)).toEqual([0, 0, 0]);
    expect(out.data.some((value) => value > 240)).toBe(true);
    expect(changed(400, 300, "map of frame 13").out.data).not.toEqual(out.data);
  });

  it("never leaves the image, and is left out where there is no room", () => {
    expect(Math.max(...changed(96, 96, "x".repeat(500)).columns)).toBeLessThan(96);
    expect(changed(95, 400, "map of frame 12").columns).toEqual([]);
  });
});
