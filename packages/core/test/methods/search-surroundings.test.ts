import { describe, expect, it } from "vitest";
import type { Blends } from "../../src/methods/method.js";
import { Grid } from "../../src/methods/search/grid.js";
import { Surroundings } from "../../src/methods/search/surroundings.js";
import type { Map2D } from "../../src/tensor/tensor.js";

const [H, W] = [40, 80];
/** The image has padding above and below. */
const part = { top: 4, left: 0, height: 32, width: 80 };
const box = { x1: 34, y1: 16, x2: 46, y2: 24 };

type Region = Blends["box"];
const left: Region = { x1: 8, y1: 14, x2: 20, y2: 26 };
const right: Region = { x1: 60, y1: 14, x2: 72, y2: 26 };
const isIn = ({ x1, y1, x2, y2 }: Region, pixel: number) => {
  const [x, y] = [(pixel % W) + 0.5, Math.floor(pixel / W) + 0.5];
  return x > x1 && x < x2 && y > y1 && y < y2;
};

/** 1 in a region. */
function lit(region: Region): Map2D {
  return { height: H, width: W, data: Float32Array.from({ length: H * W }, (_, pixel) => Number(isIn(region, pixel))) };
}

/** A network that supports a detection as far as a region is sharp. */
function network(region: Region, around: Region = box) {
  const masks: Float32Array[] = [];
  const none = () => new Float32Array(3 * H * W);
  const blends: Blends = {
    ...{ input: new Float32Array(3 * H * W).fill(1), size: [H, W], part, box: around, strength: 1 },
    ...{ blurred: none, mean: none },
    gradientAt: () => Promise.reject(new Error("not asked")),
    async strengths(_blend, count, fill) {
      return Float64Array.from({ length: count }, (_, i) => {
        const into = new Float32Array(H * W);
        fill(i, into);
        masks.push(into);
        return lit(region).data.reduce((sum, one, pixel) => sum + one * into[pixel]!, 0) / 144;
      });
    },
  };
  return { blends, masks, grid: new Grid(blends) };
}

describe("the surroundings of a search", () => {
  it("are ordered by the distance in boxes, and the padding comes last", () => {
    const { blends, grid } = network(right);
    const values = new Surroundings({ blends, grid, fused: undefined }).byDistance();
    // The middle of the box is (40, 20), its size 12 × 8.
    expect(values[19 * W + 63]).toBeCloseTo(-Math.log(1 + (23.5 / 12) ** 2 + (0.5 / 8) ** 2), 5);
    expect(values[30 * W + 40]).toBeCloseTo(-Math.log(1 + (0.5 / 12) ** 2 + (10.5 / 8) ** 2), 5);
    expect(values[3 * W + 40]).toBe(Number.NEGATIVE_INFINITY);
    expect(values[36 * W + 40]).toBe(Number.NEGATIVE_INFINITY);
  });

  it("follow the gradients where they lead to more support, in images that keep the grid and two areas around it", async () => {
    const { blends, grid, masks } = network(right);
    const surroundings = new Surroundings({ blends, grid, fused: undefined });
    for (let i = 0; i < 6; i++) surroundings.add(lit(right));
    const { by, values } = await surroundings.choose();
    expect(by).toBe("network");
    expect(values[20 * W + 66]).toBeGreaterThan(values[20 * W + 13]! + 1);
    const area = grid.height * grid.width;
    expect(masks).toHaveLength(8);
    for (const [i, mask] of masks.entries()) {
      const sharp = mask.reduce((sum, one) => sum + one, 0);
      expect(sharp).toBeGreaterThanOrEqual([2, 4][i % 2]! * area);
      expect(sharp).toBeLessThan([2, 4][i % 2]! * area + 60);
      expect(mask[(grid.top + 1) * W + grid.left + 1]).toBe(1);
      expect(mask.subarray(0, 4 * W).every((one) => one === 0)).toBe(true);
    }
  });

  it("follow the heat of the depths in the same way", async () => {
    const { blends, grid } = network(right);
    const { by, values } = await new Surroundings({ blends, grid, fused: lit(right) }).choose();
    expect(by).toBe("network");
    // log(1 + 0.01) in the region, log(0.01) on the other side.
    expect(values[20 * W + 66]! - values[20 * W + 13]!).toBeCloseTo(Math.log(1.01 / 0.01), 0);
  });

  it("stay ordered by the distance where the gradients lead away from the support", async () => {
    const { blends, grid } = network(left);
    const surroundings = new Surroundings({ blends, grid, fused: undefined });
    for (let i = 0; i < 6; i++) surroundings.add(lit(right));
    expect(await surroundings.choose()).toEqual({ by: "distance", values: surroundings.byDistance() });
  });

  it("need no images without gradients and heat, or if the grid covers nearly the whole image", async () => {
    const { blends, grid, masks } = network(right);
    expect((await new Surroundings({ blends, grid, fused: undefined }).choose()).by).toBe("distance");
    const large = network(right, { x1: 2, y1: 5, x2: 78, y2: 35 });
    const surroundings = new Surroundings({ blends: large.blends, grid: large.grid, fused: lit(right) });
    surroundings.add(lit(right));
    expect((await surroundings.choose()).by).toBe("distance");
    expect([...masks, ...large.masks]).toEqual([]);
  });
});
