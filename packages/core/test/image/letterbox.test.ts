import { describe, expect, it } from "vitest";
import type { Size } from "../../src/image/frame.js";
import { letterbox, planLetterbox } from "../../src/image/letterbox.js";
import { noise } from "../support/noise.js";

const dynamic = (size: Size) => ({ size, stride: 32, fixed: false });
const GREY = Math.fround(114 / 255);

describe("planLetterbox", () => {
  /** Input sizes of YOLOv5 v7.0 for its samples and other images: image, size asked, input, content, top, left. */
  it.each([
    [[576, 768], [640, 640], [480, 640], [480, 640], 0, 0],
    [[720, 1280], [640, 640], [384, 640], [360, 640], 12, 0],
    [[720, 1280], [416, 416], [256, 416], [234, 416], 11, 0],
    [[1080, 810], [640, 640], [640, 480], [640, 480], 0, 0],
    [[1080, 810], [320, 320], [320, 256], [320, 240], 0, 8],
    [[512, 512], [640, 640], [640, 640], [640, 640], 0, 0],
    [[300, 451], [640, 640], [448, 640], [426, 640], 11, 0],
    [[1, 1], [640, 640], [640, 640], [640, 640], 0, 0],
    [[1, 5000], [640, 640], [32, 640], [1, 640], 15, 0],
    [[5000, 1], [640, 640], [640, 32], [640, 1], 0, 15],
    [[576, 768], [650, 650], [512, 672], [504, 672], 4, 0],
    [[100, 100], [320, 640], [320, 320], [320, 320], 0, 0],
  ] as [Size, Size, Size, Size, number, number][])(
    "of a dynamic model: %j at %j",
    (image, size, inputSize, contentSize, padTop, padLeft) => {
      const scale = Math.min(Math.ceil(size[0] / 32) / image[0], Math.ceil(size[1] / 32) / image[1]) * 32;
      const plan = planLetterbox(image, dynamic(size));
      expect(plan).toEqual({
        imageSize: image,
        inputSize,
        contentSize,
        scale: expect.closeTo(scale, 9),
        padTop,
        padLeft,
      });
    },
  );

  it("fills the size of a fixed model, whatever the stride", () => {
    const plan = planLetterbox([720, 1280], { size: [500, 640], stride: 32, fixed: true });
    expect(plan).toMatchObject({ inputSize: [500, 640], contentSize: [360, 640], padTop: 70, padLeft: 0 });
  });

  it("fills the one side that is fixed, and fits the other to the image", () => {
    const plan = (fixed: readonly [boolean, boolean]) =>
      planLetterbox([720, 1280], { size: [500, 650], stride: 32, fixed });
    expect(plan([true, false])).toMatchObject({
      inputSize: [500, 672],
      contentSize: [378, 672],
      padTop: 61,
      padLeft: 0,
    });
    expect(plan([false, true])).toMatchObject({
      inputSize: [384, 650],
      contentSize: [366, 650],
      padTop: 9,
      padLeft: 0,
    });
  });

  it("puts all padding at the end when told so", () => {
    const wide = planLetterbox([720, 1280], { size: [640, 640], stride: 32, fixed: true, padding: "end" });
    expect(wide).toMatchObject({ inputSize: [640, 640], contentSize: [360, 640], padTop: 0, padLeft: 0 });
    const tall = planLetterbox([1080, 810], { ...dynamic([320, 320]), padding: "end" });
    expect(tall).toMatchObject({ inputSize: [320, 256], contentSize: [320, 240], padTop: 0, padLeft: 0 });
    const one = { height: 1, width: 2, data: Uint8Array.of(255, 0, 0, 0, 255, 0) };
    const out = letterbox(one, planLetterbox([1, 2], { size: [2, 2], stride: 1, fixed: true, padding: "end" }));
    expect([...out]).toEqual([1, 0, GREY, GREY, 0, 1, GREY, GREY, 0, 0, GREY, GREY]);
  });

  /** Sizes and cuts of torchvision 0.29's Resize and CenterCrop: image, resized side, input, content, cut rows and columns. */
  it.each([
    [[576, 768], 256, 224, [256, 341], 16, 58],
    [[1080, 811], 256, 224, [340, 256], 58, 16],
    [[224, 225], 224, 224, [224, 225], 0, 0],
    [[224, 227], 224, 224, [224, 227], 0, 2],
    [[5, 1999], 232, 224, [232, 92_753], 4, 46_264],
    [[640, 480], 288, 256, [384, 288], 64, 16],
  ] as [Size, number, number, Size, number, number][])(
    "crops %j, resized to %i, to %i, as torchvision",
    (image, resized, side, content, rows, columns) => {
      const target = { size: [side, side], stride: 32, fixed: true, fit: "crop", crop: side / resized } as const;
      const { contentSize, inputSize, padTop, padLeft } = planLetterbox(image, target);
      expect([contentSize, inputSize, padTop + rows, padLeft + columns]).toEqual([content, [side, side], 0, 0]);
    },
  );

  it("stretches each side to that of the input", () => {
    const target = { size: [100, 96], stride: 32, fixed: [false, true], fit: "stretch" } as const;
    const plan = planLetterbox([30, 50], target);
    expect(plan).toMatchObject({ contentSize: [128, 96], inputSize: [128, 96], scale: 96 / 50, padTop: 0, padLeft: 0 });
  });

  it("puts the larger half of an odd padding last", () => {
    expect(planLetterbox([101, 64], { size: [64, 64], stride: 32, fixed: true })).toMatchObject({
      contentSize: [64, 41],
      padLeft: 11,
    });
  });

  it("rounds halves to even, as Python does", () => {
    expect(planLetterbox([5, 10], { size: [5, 5], stride: 1, fixed: true }).contentSize).toEqual([2, 5]);
  });

  it.each([
    [[0, 5], [640, 640], 32, /image is \[0, 5\]/],
    [[5, 5], [640.5, 640], 32, /network input is \[640.5, 640\]/],
    [[5, 5], [640, 640], 0, /stride is \[0\]/],
  ] as [Size, Size, number, RegExp][])("refuses %j at %j, stride %d", (image, size, stride, message) => {
    expect(() => planLetterbox(image, { size, stride, fixed: false })).toThrow(
      expect.objectContaining({ code: "usage" }),
    );
    expect(() => planLetterbox(image, { size, stride, fixed: false })).toThrow(message);
  });
});

describe("letterbox", () => {
  it("gives whole 8-bit pixels over 255, as models of bytes are fed", () => {
    const image = { height: 37, width: 53, data: noise(37 * 53 * 3, 3) };
    const out = letterbox(image, planLetterbox([37, 53], { size: [64, 64], stride: 32, fixed: true }));
    const bytes = out.map((value) => Math.round(value * 255));
    expect(out.every((value, i) => value === Math.fround(bytes[i]! / 255))).toBe(true);
    expect(new Set(bytes).size).toBeGreaterThan(200);
  });

  it("is planar RGB 0..1 with grey around the content", () => {
    const image = { height: 1, width: 2, data: Uint8Array.of(255, 0, 51, 0, 255, 102) };
    const out = letterbox(image, planLetterbox([1, 2], { size: [3, 2], stride: 1, fixed: true }));
    const third = (a: number, b: number) => [GREY, GREY, Math.fround(a), Math.fround(b), GREY, GREY];
    expect([...out]).toEqual([...third(1, 0), ...third(0, 1), ...third(0.2, 0.4)]);
  });

  it("takes images of one pixel and of extreme shape", () => {
    for (const [height, width] of [
      [1, 1],
      [1, 5000],
      [5000, 1],
    ] as const) {
      const plan = planLetterbox([height, width], dynamic([64, 64]));
      const out = letterbox({ height, width, data: noise(height * width * 3, 3) }, plan);
      expect(out.length).toBe(3 * plan.inputSize[0] * plan.inputSize[1]);
      expect(out.some((value) => value !== GREY)).toBe(true);
    }
  });

  it("refuses data that does not fit the size", () => {
    const plan = planLetterbox([2, 2], dynamic([64, 64]));
    expect(() => letterbox({ height: 2, width: 2, data: new Uint8Array(16) }, plan)).toThrow(
      /with 16 bytes\. Expected/,
    );
  });

  it("refuses another image than the planned one", () => {
    const plan = planLetterbox([2, 2], dynamic([64, 64]));
    expect(() => letterbox({ height: 1, width: 2, data: new Uint8Array(6) }, plan)).toThrow(/planned for .*\[2, 2\]/);
  });

  it("writes all of an array that is there, and refuses one of another size", () => {
    const image = { height: 3, width: 7, data: noise(63, 2) };
    const plan = planLetterbox([3, 7], dynamic([64, 64]));
    const used = new Float32Array(3 * plan.inputSize[0] * plan.inputSize[1]).fill(7);
    expect(letterbox(image, plan, used)).toBe(used);
    expect(used).toEqual(letterbox(image, plan));
    expect(() => letterbox(image, plan, new Float32Array(5))).toThrow(/needs 6144 values, got 5/);
  });
});
