import { crc32 } from "node:zlib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { linearTaps } from "../../src/kernels/linear-taps.js";
import { resizeBilinear, resizeRgb } from "../../src/kernels/resample.js";
import type { BytePixels } from "../../src/kernels/rgb-planes.js";
import { noise } from "../support/noise.js";

/** `cv2.resize(noise, (W, H), interpolation=cv2.INTER_LINEAR)` of OpenCV 4.14 (and 5.0, which gives the same), sizes [h, w]. */
const OPENCV: readonly {
  seed: number;
  from: [number, number];
  to: [number, number];
  crc32: number;
  first: number[];
}[] = [
  {
    seed: 1,
    from: [7, 5],
    to: [11, 13],
    crc32: 3219795902,
    first: [198, 126, 129, 191, 122, 138, 156, 102, 185, 121, 83, 232],
  },
  {
    seed: 2,
    from: [13, 11],
    to: [7, 5],
    crc32: 3527859577,
    first: [126, 130, 222, 39, 157, 75, 190, 131, 29, 130, 111, 111],
  },
  {
    seed: 3,
    from: [8, 6],
    to: [4, 3],
    crc32: 1708539650,
    first: [120, 187, 163, 104, 173, 94, 92, 81, 152, 103, 144, 135],
  },
  {
    seed: 4,
    from: [9, 7],
    to: [4, 3],
    crc32: 3358655756,
    first: [128, 103, 77, 173, 168, 179, 139, 153, 95, 41, 176, 137],
  },
  { seed: 5, from: [1, 1], to: [3, 4], crc32: 1519325582, first: [223, 9, 120, 223, 9, 120, 223, 9, 120, 223, 9, 120] },
  {
    seed: 6,
    from: [1, 50],
    to: [1, 7],
    crc32: 2265025775,
    first: [129, 229, 215, 108, 61, 65, 121, 88, 103, 126, 79, 103],
  },
  {
    seed: 7,
    from: [37, 53],
    to: [38, 31],
    crc32: 1525049717,
    first: [121, 57, 88, 42, 56, 47, 183, 60, 188, 134, 71, 175],
  },
  {
    seed: 8,
    from: [6, 4],
    to: [6, 9],
    crc32: 2598892685,
    first: [50, 240, 242, 67, 230, 202, 113, 203, 95, 149, 171, 3],
  },
  {
    seed: 9,
    from: [30, 40],
    to: [17, 64],
    crc32: 1786412073,
    first: [221, 152, 131, 202, 114, 145, 176, 76, 158, 169, 180, 116],
  },
  {
    seed: 10,
    from: [64, 48],
    to: [65, 49],
    crc32: 1208402672,
    first: [191, 54, 237, 167, 241, 187, 193, 202, 39, 242, 93, 162],
  },
];

/** The resized image as interleaved bytes, as OpenCV gives it. */
function resizedBytes(image: BytePixels, [height, width]: readonly [number, number]): Uint8Array {
  const pixels = Math.max(0, Math.floor(height * width) || 0);
  const data = new Float32Array(3 * pixels);
  resizeRgb(image, [height, width], { height, width, data, top: 0, left: 0 });
  return Uint8Array.from({ length: 3 * pixels }, (_, i) =>
    Math.round(data[(i % 3) * pixels + Math.floor(i / 3)]! * 255),
  );
}

describe("resizeRgb", () => {
  it.each(OPENCV)(
    "equals OpenCV bit for bit: $from to $to",
    ({ seed, from: [height, width], to, crc32: sum, first }) => {
      const data = resizedBytes({ height, width, data: noise(height * width * 3, seed) }, to);
      expect([...data.subarray(0, 12)]).toEqual(first);
      expect(crc32(data)).toBe(sum);
    },
  );

  it("copies when the size stays", () => {
    const image = { height: 2, width: 2, data: noise(12, 1) };
    expect(resizedBytes(image, [2, 2])).toEqual(image.data);
  });

  it("leaves what is around the image as it is", () => {
    const data = new Float32Array(3 * 4 * 5).fill(-1);
    resizeRgb({ height: 1, width: 1, data: Uint8Array.of(51, 102, 255) }, [2, 3], {
      height: 4,
      width: 5,
      data,
      top: 1,
      left: 2,
    });
    const plane = (value: number) => [-1, -1, -1, -1, -1, -1, -1, value, value, value, -1, -1, value, value, value];
    const around = (value: number) => [...plane(value), -1, -1, -1, -1, -1];
    expect(data).toEqual(Float32Array.from([0.2, 0.4, 1].flatMap(around)));
  });

  it.each([[[0, 4]], [[4, -1]], [[2.5, 4]], [[Number.NaN, 4]]] as [[number, number]][])("refuses size %j", (size) => {
    expect(() => resizedBytes({ height: 1, width: 1, data: noise(3, 1) }, size)).toThrow(
      expect.objectContaining({ code: "usage" }),
    );
    expect(() => resizeBilinear({ height: 1, width: 1, data: Float32Array.of(1) }, ...size)).toThrow(
      expect.objectContaining({ code: "usage" }),
    );
  });
});

describe("resizeBilinear", () => {
  it.each([
    [[0, 1], 4, [0, 0.25, 0.75, 1]],
    [[0, 1, 4], 7, [0, 0.142857, 0.571429, 1, 2.285714, 3.571429, 4]],
    [[1, 3, 5, 9], 2, [2, 7]],
    [[0, 10, 20], 1, [10]],
  ] as [number[], number, number[]][])("resizes %j to %d along both axes", (values, size, want) => {
    const data = Float32Array.from(values);
    const row = resizeBilinear({ height: 1, width: values.length, data }, 1, size);
    const column = resizeBilinear({ height: values.length, width: 1, data }, size, 1);
    expect([row.height, row.width, column.height, column.width]).toEqual([1, size, size, 1]);
    for (const map of [row, column]) map.data.forEach((value, i) => void expect(value).toBeCloseTo(want[i]!, 5));
  });

  it("keeps a constant map constant and every value within the source's range", () => {
    const side = fc.integer({ min: 1, max: 40 });
    fc.assert(
      fc.property(side, side, side, side, fc.integer({ min: 1, max: 9999 }), (h, w, H, W, seed) => {
        const data = Float32Array.from(noise(h * w, seed));
        const out = resizeBilinear({ height: h, width: w, data }, H, W).data;
        expect(Math.min(...out)).toBeGreaterThanOrEqual(Math.min(...data) - 1e-4);
        expect(Math.max(...out)).toBeLessThanOrEqual(Math.max(...data) + 1e-4);
        expect(resizeBilinear({ height: h, width: w, data: data.fill(0.5) }, H, W).data.every((v) => v === 0.5)).toBe(
          true,
        );
      }),
    );
  });

  it("refuses an empty map", () => {
    expect(() => resizeBilinear({ height: 0, width: 3, data: new Float32Array() }, 2, 2)).toThrow(
      /\[0, 3\] to \[2, 2\]/,
    );
  });
});

it("a map or image with less data than its size says is refused", () => {
  const short = { height: 2, width: 3, data: new Float32Array(5) };
  expect(() => resizeBilinear(short, 2, 2)).toThrow(/\[2, 3\]\. Expected 6 values, got 5/);
  expect(() => resizedBytes({ ...short, data: new Uint8Array(17) }, [2, 2])).toThrow(
    /\[2, 3\]\. Expected 18 values, got 17/,
  );
});

describe("linearTaps", () => {
  it("repeats the edges and stays inside the source", () => {
    expect([...linearTaps(2, 4).lower]).toEqual([0, 0, 0, 1]);
    expect([...linearTaps(2, 4).upper]).toEqual([0, 1, 1, 1]);
    expect([...linearTaps(2, 4).fraction]).toEqual([0.75, 0.25, 0.75, 0.25]);
  });
});
