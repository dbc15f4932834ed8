import { expect, it } from "vitest";
import { isInBox } from "../../src/metrics/energy-in-box.js";
import { energyInBox, peakOf } from "../../src/metrics/index.js";
import { randomSource } from "../support/random.js";

it("energyInBox is the sum over pixels whose centre is in the box, to the last bit, wherever the box lies", () => {
  const random = randomSource(7);
  for (let round = 0; round < 500; round++) {
    const [height, width] = [1 + Math.floor(9 * random()), 1 + Math.floor(9 * random())];
    const special = [0, -1, Number.NaN, 1];
    const data = Float32Array.from({ length: height * width }, () =>
      random() < 0.3 ? special[Math.floor(4 * random())]! : random(),
    );
    // On halves and wholes, too, and beyond the map.
    const edge = (limit: number) => Math.round((random() * (limit + 6) - 3) * 4) / 4;
    const box = { x1: edge(width), y1: edge(height), x2: edge(width), y2: edge(height) };
    let [inside, all, pixels] = [0, 0, 0];
    for (const [i, found] of data.entries()) {
      const value = found > 0 ? found : 0;
      all += value;
      if (!isInBox(i % width, Math.floor(i / width), box)) continue;
      inside += value;
      pixels++;
    }
    const { energy, area } = energyInBox({ height, width, data }, box);
    expect([energy, area]).toEqual([all > 0 ? inside / all : 0, pixels / data.length]);
  }
});

it("peakOf is the first of the largest", () => {
  expect(peakOf({ height: 2, width: 3, data: Float32Array.of(0, 2, 1, 2, Number.NaN, 0) })).toEqual([1, 0]);
  expect(peakOf({ height: 1, width: 2, data: Float32Array.of(-2, -1) })).toEqual([1, 0]);
});
