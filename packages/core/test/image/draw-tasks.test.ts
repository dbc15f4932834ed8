import { describe, expect, it } from "vitest";
import { renderContactSheet } from "../../src/image/contact-sheet.js";
import type { Canvas } from "../../src/image/draw/canvas.js";
import { type Segment, strokeSegments } from "../../src/image/draw/stroke.js";
import { type Mask, MaskWriter, maskPixels, maskRegion, resampleMask } from "../../src/image/mask.js";
import { type DrawnDetection, renderOverlay } from "../../src/image/overlay.js";

const canvasOf = (height: number, width: number): Canvas => ({
  height,
  width,
  data: new Uint8Array(height * width * 3),
});
const grey = (height: number, width: number) => ({ height, width, data: new Uint8Array(height * width * 3).fill(100) });
const noHeat = (height: number, width: number) => ({ height, width, data: new Float32Array(height * width) });
const at = ({ width, data }: { width: number; data: ArrayLike<number> }, x: number, y: number) =>
  [0, 1, 2].map((c) => data[(y * width + x) * 3 + c]);

function maskOf(height: number, width: number, isSet: (x: number, y: number) => boolean): Mask {
  const writer = new MaskWriter();
  for (let x = 0; x < width; x++) for (let y = 0; y < height; y++) writer.add(isSet(x, y));
  return writer.finish([height, width]);
}

const box = (x1: number, y1: number, x2: number, y2: number) => ({ frame: "image", x1, y1, x2, y2 }) as const;
const detection = (more: Partial<DrawnDetection>): DrawnDetection => ({
  ...{ boxImage: box(10, 10, 60, 50), classIndex: 0, className: "a", confidence: 0.5 },
  ...more,
});
const ORANGE = [230, 159, 0];
const draw = (one: DrawnDetection, boxes = true) =>
  renderOverlay(grey(80, 80), noHeat(80, 80), { detections: [one], labels: false, boxes });

describe("strokeSegments", () => {
  const area = (canvas: Canvas) => canvas.data.reduce((sum, byte) => sum + byte, 0) / (3 * 200);

  it("covers about the area of lines and discs", () => {
    const canvas = canvasOf(60, 60);
    strokeSegments(
      canvas,
      [
        [
          [10.5, 12],
          [45, 40.3],
        ],
      ],
      2,
      [200, 200, 200],
    );
    expect(area(canvas)).toBeCloseTo(4 * Math.hypot(34.5, 28.3) + Math.PI * 4, -0.5);
    const disc = canvasOf(40, 40);
    strokeSegments(
      disc,
      [
        [
          [20.2, 19.7],
          [20.2, 19.7],
        ],
      ],
      6,
      [200, 200, 200],
    );
    expect(area(disc) / (Math.PI * 36)).toBeCloseTo(1, 1);
  });

  it("draws a pixel once where translucent lines meet", () => {
    const canvas = canvasOf(40, 40);
    const corner: Segment[] = [
      [
        [5, 20],
        [20, 20],
      ],
      [
        [20, 20],
        [20, 35],
      ],
      [
        [5, 20],
        [20, 20],
      ],
    ];
    strokeSegments(canvas, corner, 3, [200, 200, 200], 0.5);
    expect(Math.max(...canvas.data)).toBe(100);
    expect(at(canvas, 20, 20)).toEqual([100, 100, 100]);
  });

  it("leaves out what is outside of the canvas", () => {
    const canvas = canvasOf(10, 10);
    strokeSegments(
      canvas,
      [
        [
          [-1e6, 5],
          [1e6, 5],
        ],
        [
          [5, -50],
          [-50, 5],
        ],
      ],
      1,
      [255, 255, 255],
    );
    expect(at(canvas, 0, 5)[0]).toBeGreaterThan(0);
    expect(at(canvas, 9, 5)[0]).toBeGreaterThan(0);
    expect(at(canvas, 5, 9)).toEqual([0, 0, 0]);
  });
});

describe("masks", () => {
  const mask = maskOf(80, 80, (x, y) => x >= 20 && x < 40 && y >= 20 && y < 44);

  it("are drawn as an outline: the inside stays as it is", () => {
    const drawn = draw(detection({ mask, boxImage: box(2, 2, 78, 78) }));
    expect(at(drawn, 20, 30)).toEqual(ORANGE);
    expect(at(drawn, 39, 43)).toEqual(ORANGE);
    expect(at(drawn, 19, 30)).not.toEqual([100, 100, 100]);
    for (const [x, y] of [
      [30, 32],
      [24, 24],
      [15, 30],
      [45, 50],
    ] as const)
      expect(at(drawn, x, y)).toEqual([100, 100, 100]);
  });

  it("reach the rim of the image, and may be empty", () => {
    const full = draw(detection({ mask: maskOf(80, 80, () => true), boxImage: box(30, 30, 40, 40) }));
    expect(at(full, 0, 60)).toEqual(ORANGE);
    expect(at(full, 79, 79)).toEqual(ORANGE);
    const empty = maskOf(80, 80, () => false);
    expect(draw(detection({ mask: empty }))).toEqual(draw(detection({})));
    expect(maskRegion(empty, 2).pixels.length).toBe(0);
  });

  it("are hidden with the boxes", () => {
    const corners = [
      [10, 10],
      [50, 20],
      [40, 60],
      [5, 40],
    ] as const;
    const keypoints = [{ x: 20, y: 20, confidence: 1 }];
    expect(draw(detection({ mask, keypoints, corners }), false)).toEqual(grey(80, 80));
  });

  it("are cut and resampled by what lies under a pixel's centre", () => {
    const half = resampleMask(mask, { left: 10, top: 20, right: 50, bottom: 40 }, [10, 20]);
    expect(half.size).toEqual([10, 20]);
    const pixels = maskPixels(half);
    expect([...pixels.subarray(0, 20)]).toEqual([...Array(5).fill(0), ...Array(10).fill(1), ...Array(5).fill(0)]);
    expect(pixels.reduce((sum, pixel) => sum + pixel, 0)).toBe(100);
  });
});

describe("rotated boxes and keypoints", () => {
  it("take the place of the box around them", () => {
    const corners = [
      [35, 10],
      [60, 30],
      [35, 50],
      [10, 30],
    ] as const;
    const drawn = draw(detection({ corners }));
    expect(at(drawn, 34, 10)[0]).toBeGreaterThan(150);
    // Half of the pixel lies within the line.
    expect(at(drawn, 47, 20)[0]).toBeGreaterThan(140);
    expect(at(drawn, 10, 10)).toEqual([100, 100, 100]);
    expect(at(drawn, 35, 30)).toEqual([100, 100, 100]);
  });

  it("are dots, joined when there are 17, without those that are not seen", () => {
    const keypoints = Array.from({ length: 17 }, (_, i) => ({
      x: 15 + 3 * i,
      y: i % 2 === 0 ? 20 : 60,
      confidence: 0.9,
    }));
    const far = { boxImage: box(0, 0, 80, 80) };
    const all = draw(detection({ ...far, keypoints }));
    expect(at(all, 15, 20)).toEqual(ORANGE);
    // The shoulders, 5 and 6, are joined.
    const between = [16 + 15 + 0.5, 40] as const;
    expect(at(all, Math.floor(between[0]), between[1])[0]).toBeGreaterThan(150);
    const some = draw(detection({ ...far, keypoints: keypoints.slice(0, 16) }));
    expect(at(some, Math.floor(between[0]), between[1])).toEqual([100, 100, 100]);
    const unseen = draw(detection({ ...far, keypoints: keypoints.map((one) => ({ ...one, confidence: 0.2 })) }));
    expect(unseen).toEqual(draw(detection(far)));
  });

  it("lie in their place on the tiles of a contact sheet", () => {
    const image = grey(400, 400);
    const mask = maskOf(400, 400, (x, y) => x >= 180 && x < 220 && y >= 180 && y < 220);
    const keypoints = [{ x: 200, y: 200, confidence: 1 }];
    const one = detection({ boxImage: box(170, 170, 230, 230), mask, keypoints });
    const tile = { heatmap: noHeat(400, 400), detections: [one], caption: "" };
    const sheet = renderContactSheet(image, [tile]);
    // The tile shows the middle 180 pixels at 480: its middle is the keypoint.
    expect(at(sheet, 14 + 240, 14 + 240)).toEqual(ORANGE);
    const edge = 14 + Math.round(((180 - 110) * 480) / 180);
    expect(at(sheet, edge + 1, 14 + 240)).toEqual(ORANGE);
    const rotated = detection({
      boxImage: one.boxImage,
      corners: [
        [170, 200],
        [200, 170],
        [230, 200],
        [200, 230],
      ],
    });
    const drawn = renderContactSheet(image, [{ ...tile, detections: [rotated] }]);
    const left = 14 + Math.round(((170 - 110) * 480) / 180);
    expect(at(drawn, left, 14 + 240)[0]).toBeGreaterThan(150);
    expect(at(drawn, left, 14 + 180)).toEqual([100, 100, 100]);
  });
});
