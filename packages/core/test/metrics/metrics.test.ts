import { describe, expect, it } from "vitest";
import {
  curveArea,
  energyInBox,
  meanInterval,
  overAll,
  perturbationCurve,
  perturbationFractions,
  pixelOrder,
  pointingGame,
  stillDetected,
} from "../../src/metrics/index.js";
import type { Map2D } from "../../src/tensor/tensor.js";

const map = (height: number, width: number, values: readonly number[]): Map2D => ({
  height,
  width,
  data: Float32Array.from(values),
});

describe("perturbation curve", () => {
  it("reads at (i / steps)^1.5", () => {
    for (const [i, share] of perturbationFractions(4).entries())
      expect(share).toBeCloseTo([0, 0.125, 0.353553, 0.649519, 1][i]!, 6);
    expect(perturbationFractions()).toHaveLength(11);
  });

  it.each([0, 2.5, Number.NaN])("refuses %s steps", (steps) => {
    expect(() => perturbationFractions(steps)).toThrow(`The number of steps is ${steps}`);
  });

  it("orders pixels from the hottest, equal ones as they are read, NaN last", () => {
    expect([...pixelOrder(map(2, 3, [0, 5, Number.NaN, 5, -1, 7]))]).toEqual([5, 1, 3, 0, 4, 2]);
  });

  it("chooses the hottest pixels share after share", async () => {
    const seen: string[] = [];
    const heat = map(2, 2, [0.2, 0.9, 0.4, 0.1]);
    const curve = await perturbationCurve(heat, [0, 0.25, 0.5, 0.75, 1], (chosen, fraction) => {
      seen.push(chosen.join(""));
      return Promise.resolve(1 - fraction);
    });
    expect(seen).toEqual(["0000", "0100", "0110", "1110", "1111"]);
    expect(curve).toEqual({ fractions: [0, 0.25, 0.5, 0.75, 1], scores: [1, 0.75, 0.5, 0.25, 0] });
  });

  it("rounds to whole pixels", async () => {
    const counts: number[] = [];
    await perturbationCurve(map(1, 3, [3, 2, 1]), [0.1, 0.2, 0.6], (chosen) =>
      counts.push(chosen.reduce((sum, value) => sum + value, 0)),
    );
    expect(counts).toEqual([0, 1, 2]);
  });

  it.each([[[0.5, 0.2]], [[-0.1, 1]], [[0, 1.2]], [[Number.NaN]]])("refuses the shares %j", async (fractions) => {
    await expect(perturbationCurve(map(1, 1, [1]), fractions, () => 0)).rejects.toThrow(
      "Expected ascending numbers from 0 to 1",
    );
  });
});

describe("area", () => {
  it("is the trapezoids', whatever their width", () => {
    // 0.25 · (1 + 0.6) / 2 + 0.75 · (0.6 + 0.2) / 2 = 0.2 + 0.3
    expect(curveArea({ fractions: [0, 0.25, 1], scores: [1, 0.6, 0.2] })).toBeCloseTo(0.5, 12);
  });

  it("is a mean height when the curve covers only a part", () => {
    expect(curveArea({ fractions: [0, 0.5], scores: [1, 0] })).toBeCloseTo(0.5, 12);
  });

  it("of insertion minus deletion is the over-all score", () => {
    const fractions = [0, 0.5, 1];
    expect(overAll({ fractions, scores: [0, 1, 1] }, { fractions, scores: [1, 0, 0] })).toBeCloseTo(0.5, 12);
  });

  it.each([
    [[0], [1]],
    [[0, 1], [1]],
    [
      [0.5, 0.5],
      [1, 1],
    ],
    [[], []],
  ])("refuses shares %j with scores %j", (fractions, scores) => {
    expect(() => curveArea({ fractions, scores })).toThrow("Expected the same number of both, two or more");
  });
});

describe("energy in the box", () => {
  const box = { x1: 1, y1: 0, x2: 3, y2: 1 };

  it("is the box's share of the heat, next to its share of the area", () => {
    // 2 × 4 pixels, two of them in the box: heat 3 of 8, area 2 of 8.
    expect(energyInBox(map(2, 4, [1, 1, 2, 0, 4, 0, 0, 0]), box)).toEqual({
      energy: 0.375,
      area: 0.25,
      enrichment: 1.5,
    });
  });

  it("of a uniform map is the area", () => {
    expect(energyInBox(map(2, 4, Array(8).fill(0.5)), box).enrichment).toBe(1);
  });

  it("counts pixels by their centres", () => {
    expect(energyInBox(map(1, 2, [1, 1]), { x1: 0.4, y1: 0, x2: 1.5, y2: 1 }).energy).toBe(0.5);
    expect(energyInBox(map(1, 2, [1, 1]), { x1: 0.6, y1: 0, x2: 1.6, y2: 1 }).energy).toBe(0.5);
  });

  it("leaves out what is negative or no number", () => {
    expect(energyInBox(map(1, 4, [-5, 1, Number.NaN, 3]), box).energy).toBe(0.25);
  });

  it("is 0 without heat or without pixels", () => {
    expect(energyInBox(map(2, 4, Array(8).fill(0)), box)).toEqual({ energy: 0, area: 0.25, enrichment: 0 });
    expect(energyInBox(map(1, 2, [1, 1]), { x1: 5, y1: 0, x2: 6, y2: 1 })).toEqual({
      energy: 0,
      area: 0,
      enrichment: 0,
    });
  });
});

describe("pointing game", () => {
  const box = { x1: 1, y1: 1, x2: 3, y2: 2 };

  it("is 1 where the hottest pixel is in the box and 0 where it is not", () => {
    expect(pointingGame(map(2, 3, [0, 1, 2, 3, 4, 3]), box)).toBe(1);
    expect(pointingGame(map(2, 3, [0, 1, 5, 3, 4, 3]), box)).toBe(0);
  });

  it("is a share where several are the hottest", () => {
    expect(pointingGame(map(2, 3, [4, 0, 0, 0, 4, 0]), box)).toBe(0.5);
    expect(pointingGame(map(2, 3, Array(6).fill(0)), box)).toBe(1 / 3);
  });

  it("is 0 for a map of no numbers", () => {
    expect(pointingGame(map(1, 2, [Number.NaN, Number.NaN]), { x1: 0, y1: 0, x2: 2, y2: 1 })).toBe(0);
  });
});

describe("still detected", () => {
  const box = { x1: 0, y1: 0, x2: 10, y2: 10 };
  const found = (x2: number, classIndex: number, confidence: number) => ({
    box: { ...box, x2 },
    classIndex,
    confidence,
  });

  it("is the best confidence of its class on the same place", () => {
    const boxes = [found(10, 3, 0.4), found(6, 3, 0.7), found(4, 3, 0.9), found(10, 5, 0.95)];
    expect(stillDetected({ box, classIndex: 3 }, boxes)).toBe(0.7);
  });

  it("needs an IoU above a half", () => {
    expect(stillDetected({ box, classIndex: 3 }, [found(5, 3, 0.9)])).toBe(0);
    expect(stillDetected({ box, classIndex: 3 }, [found(5.1, 3, 0.9)])).toBe(0.9);
  });

  it("is 0 when nothing is left, or the box has no area", () => {
    expect(stillDetected({ box, classIndex: 3 }, [])).toBe(0);
    expect(stillDetected({ box: { ...box, x2: 0 }, classIndex: 3 }, [found(0, 3, 1)])).toBe(0);
  });
});

describe("mean with its interval", () => {
  it("holds the mean, and narrows with more values", () => {
    const few = meanInterval([0, 1, 0, 1]);
    const many = meanInterval(Array.from({ length: 400 }, (_, i) => i % 2));
    expect(few.mean).toBe(0.5);
    expect([few.low, few.high]).toEqual([0, 1]);
    // The normal interval: 0.5 ± 1.96 · 0.5 / √400.
    expect(Math.abs(many.low - 0.451)).toBeLessThan(0.004);
    expect(Math.abs(many.high - 0.549)).toBeLessThan(0.004);
  });

  it("draws whole groups", () => {
    const values = Array.from({ length: 400 }, (_, i) => (i < 200 ? 0 : 1));
    const groups = values.map((value, i) => (i % 2 ? `a${value}` : `b${value}`));
    const { low, high, mean } = meanInterval(values, { groups });
    expect(mean).toBe(0.5);
    // Four groups of a hundred: all of one kind in one sample of sixteen.
    expect([low, high]).toEqual([0, 1]);
  });

  it("repeats itself, and follows the confidence and the seed", () => {
    const values = Array.from({ length: 30 }, (_, i) => Math.sin(i));
    expect(meanInterval(values)).toEqual(meanInterval(values));
    expect(meanInterval(values, { seed: 1 }).low).not.toBe(meanInterval(values).low);
    expect(meanInterval(values, { confidence: 0.5 }).low).toBeGreaterThan(meanInterval(values).low);
  });

  it("refuses no values, and labels that do not fit", () => {
    expect(() => meanInterval([])).toThrow("Cannot compute the mean of 0 values");
    expect(() => meanInterval([1, 2], { groups: ["a"] })).toThrow(
      "Cannot compute the mean of 2 values with 1 group labels",
    );
  });
});
