import fc from "fast-check";
import { expect, it } from "vitest";
import { jointMap } from "../../src/image/joint-map.js";
import type { Map2D } from "../../src/tensor/tensor.js";

const mapOf = (values: readonly number[], width = values.length): Map2D => ({
  height: values.length / width,
  width,
  data: Float32Array.from(values),
});

it("has at each pixel the largest value of the maps, each scaled to its own maximum", () => {
  const weak = mapOf([0, 0.01, 0.02, 0]);
  const strong = mapOf([4, 1, 0, 0]);
  expect([...jointMap([weak, strong]).data]).toEqual([1, 0.5, 1, 0]);
  expect([...weak.data, ...strong.data]).toEqual([...Float32Array.of(0, 0.01, 0.02, 0), 4, 1, 0, 0]);
});

it("does not depend on the order or the scale of the maps, and each map reaches 1", () => {
  const value = fc.float({ min: 0, max: 1, noNaN: true });
  const maps = fc.array(fc.array(value, { minLength: 6, maxLength: 6 }), { minLength: 1, maxLength: 5 });
  const property = fc.property(maps, (all) => {
    const joint = jointMap(all.map((values) => mapOf(values, 3)));
    const turned = jointMap(
      all.toReversed().map((values) =>
        mapOf(
          values.map((one) => one * 4),
          3,
        ),
      ),
    );
    expect(turned).toEqual(joint);
    for (const values of all) {
      const high = Math.max(...Float32Array.from(values));
      if (high > 0) expect(joint.data[Float32Array.from(values).indexOf(high)]).toBe(1);
    }
  });
  fc.assert(property, { seed: 17, numRuns: 200 });
});

it("takes maps without heat, and NaN, as nothing", () => {
  const joint = jointMap([mapOf([0, 0, 0]), mapOf([-1, -2, -3]), mapOf([Number.NaN, 2, 1])]);
  expect([...joint.data]).toEqual([0, 1, 0.5]);
});

it("refuses no map, and maps of different sizes", () => {
  expect(() => jointMap([])).toThrow(/There is no map to join/);
  expect(() => jointMap([mapOf([1, 2]), mapOf([1, 2, 3])])).toThrow(/different sizes: 2 × 1 and 3 × 1/);
});
