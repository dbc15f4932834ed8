import { describe, expect, it } from "vitest";
import { combine, finishLayers as finished } from "../../src/explain/finish/finish-layers.js";
import {
  applied,
  dividedBy,
  type FinishedMap,
  keepTop as kept,
  largest,
  maximumOf,
  mean,
  scaledToUnit,
} from "../../src/explain/finish/finished-map.js";
import { type GroupMap, groupMaps, inputMap } from "../../src/explain/finish/group-maps.js";
import type { ResolvedExplainOptions } from "../../src/explain/options/resolve-options.js";
import type { ScoredTargets } from "../../src/explain/targets/score-targets.js";
import type { Map2D } from "../../src/tensor/tensor.js";

const row = (...values: number[]): Map2D => ({ height: 1, width: values.length, data: Float32Array.from(values) });
const values = (map: Map2D): number[] => [...map.data];
/** Maps whose values are final. */
const final = (...maps: Map2D[]): FinishedMap[] => maps.map((one) => ({ values: one }));
const finishLayers = (...given: Parameters<typeof finished>): Map2D => applied(finished(...given));
const keepTop = (map: Map2D, percent: number): Map2D => applied(kept({ values: map }, percent));
const rounded = (map: Map2D): number[] => values(map).map((value) => Math.round(1e5 * value) / 1e5);

describe("keepTop", () => {
  // numpy.percentile([1 … 5], q), linear: 40 → 2.6, 50 → 3, 75 → 4, 90 → 4.6, 30 → 2.2.
  it.each([
    [60, [0, 0, 3, 4, 5]],
    [50, [0, 0, 0, 4, 5]],
    [25, [0, 0, 0, 0, 5]],
    [10, [0, 0, 0, 0, 5]],
    [70, [0, 0, 3, 4, 5]],
    [100, [1, 2, 3, 4, 5]],
  ])("%d %: what lies above NumPy's percentile stays", (percent, wanted) => {
    expect(values(keepTop(row(1, 2, 3, 4, 5), percent))).toEqual(wanted);
    expect(values(keepTop(row(5, 3, 1, 2, 4), percent))).toEqual([5, 3, 1, 2, 4].map((v) => wanted[v - 1]!));
  });

  it("the threshold lies between values, in proportion", () => {
    // numpy.percentile([0, 10], 30) = 3; of three pixels [0, 1, 10] at 45 %: place 0.9 → 0.9.
    expect(values(keepTop(row(0, 10), 70))).toEqual([0, 10]);
    expect(values(keepTop(row(0, 1, 10), 55))).toEqual([0, 1, 10]);
    expect(values(keepTop(row(0, 1, 10), 49))).toEqual([0, 0, 10]);
  });

  it("drops all of a constant map, and the only pixel, as the reference does", () => {
    expect(values(keepTop(row(2, 2, 2), 99))).toEqual([0, 0, 0]);
    expect(values(keepTop(row(2), 50))).toEqual([0]);
    expect(values(keepTop(row(2, 2, 2), 100))).toEqual([2, 2, 2]);
  });
});

describe("finishLayers", () => {
  const size = [1, 4] as const;

  it("ReLU, scales, resizes, averages and scales again", () => {
    // [−1, 3] → [0, 1]; [2, 4] → [0, 1] → both enlarged 0, ¼, ¾, 1.
    expect(rounded(finishLayers([row(-1, 3), row(2, 4)], { size }))).toEqual([0, 0.25, 0.75, 1]);
    // Opposite maps: the mean is ½ throughout, a constant, and becomes zeros.
    expect(rounded(finishLayers([row(0, 1), row(1, 0)], { size }))).toEqual([0, 0, 0, 0]);
  });

  it("unscaled, keeps the values, less the negative ones", () => {
    expect(rounded(finishLayers([row(-1, 3)], { size, isScaled: false }))).toEqual([0, 0.75, 2.25, 3]);
    expect(rounded(finishLayers([row(-1, 4), row(2, 2)], { size, isScaled: false }))).toEqual([1, 1.5, 2.5, 3]);
  });

  it("of no layers, and of NaN, makes zeros", () => {
    expect(finishLayers([], { size: [2, 3] })).toEqual({ height: 2, width: 3, data: new Float32Array(6) });
    expect(values(finishLayers([row(Number.NaN, Number.NaN)], { size }))).toEqual([0, 0, 0, 0]);
    expect(values(finishLayers([row(5, 5)], { size }))).toEqual([0, 0, 0, 0]);
  });

  it("fuses scaled maps; those that are zero throughout are left out", () => {
    const seen: number[][][] = [];
    const fuse = (maps: readonly Map2D[]): Map2D => {
      seen.push(maps.map(rounded));
      return row(...values(maps[0]!).map((value, i) => value * maps.at(-1)!.data[i]!));
    };
    const fused = finishLayers([row(-1, 3), row(0, 0), row(4, 2)], { size, fuse });
    expect(seen).toEqual([
      [
        [0, 0.25, 0.75, 1],
        [1, 0.75, 0.25, 0],
      ],
    ]);
    expect(rounded(fused)).toEqual([0, 1, 1, 0]);
    // Unscaled, the parts are scaled all the same, the fused map is not.
    expect(rounded(finishLayers([row(-1, 3), row(4, 2)], { size, isScaled: false, fuse }))).toEqual([
      0, 0.1875, 0.1875, 0,
    ]);
    expect(seen).toHaveLength(2);
  });

  it("does not fuse when no map is lit", () => {
    const never = (): Map2D => {
      throw new Error("fused");
    };
    expect(values(finishLayers([row(-1, -3), row(0, 0)], { size, fuse: never }))).toEqual([0, 0, 0, 0]);
  });
});

describe("groupMaps", () => {
  const layers = [row(0, 4), { height: 2, width: 3, data: Float32Array.of(3, 1, 0, 3, 1, 0) }, row(0, 0)];
  const fusedAt = (fuseStride: number | undefined) => {
    const sizes: string[] = [];
    const fuse = (maps: readonly Map2D[]): Map2D => {
      for (const { height, width } of maps) sizes.push(`${height} ${width}`);
      return maps.at(-1)!;
    };
    const method = { fuse, ...(fuseStride === undefined ? {} : { fuseStride }) };
    const options = { method, scale: "each", scores: [{}] } as unknown as ResolvedExplainOptions;
    const scored = { groups: [[]], entries: [], tasks: [{ group: 0, scoreIndex: 0 }] } as unknown as ScoredTargets;
    const [[map]] = groupMaps(options, scored, { byTask: [layers], inputSize: [4, 6] }) as [[GroupMap]];
    return { sizes, map, input: applied(inputMap(map, { inputSize: [4, 6], isScaled: true })) };
  };

  it("fuses at the stride of the method, and resizes the result once", () => {
    const { sizes, map, input } = fusedAt(2);
    expect(sizes).toEqual(["2 3", "2 3"]);
    expect("layers" in map && map.layers.map(rounded)).toEqual([[1, 0.33333, 0, 1, 0.33333, 0]]);
    expect(rounded(input)).toEqual(rounded(finishLayers([layers[1]!], { size: [4, 6] })));
    expect(fusedAt(4).sizes).toEqual(["1 2", "1 2"]);
  });

  it("fuses at the size of the input by default", () => {
    const { sizes, input } = fusedAt(undefined);
    expect(sizes).toEqual(["4 6", "4 6"]);
    expect([input.height, input.width]).toEqual([4, 6]);
  });
});

describe("maps together", () => {
  it("mean, largest, their maximum", () => {
    expect(values(applied(mean(final(row(1, 2, 6), row(3, 2, 0)))))).toEqual([2, 2, 3]);
    expect(values(applied(mean(final(row(1, 2)))))).toEqual([1, 2]);
    expect(values(applied(largest(final(row(1, 5, -1), row(3, 2, -2), row(2, 9, -3)))))).toEqual([3, 9, -1]);
    expect(maximumOf({ values: row(1, 5, 2) })).toBe(5);
    expect(maximumOf({ values: row(-1, -5) })).toBe(0);
  });

  it("over their maximum, or another's; zeros stay zeros", () => {
    const over = (map: Map2D, high?: number) => {
      return values(applied(dividedBy({ values: map }, high ?? maximumOf({ values: map }))));
    };
    expect(over(row(1, 4, 2))).toEqual([0.25, 1, 0.5]);
    expect(over(row(1, 4, 2), 8)).toEqual([0.125, 0.5, 0.25]);
    expect(over(row(0, 0))).toEqual([0, 0]);
    expect(values(combine(final(row(1, 3), row(1, 1))))).toEqual([0.5, 1]);
  });

  it("know their maximum only while it is theirs", () => {
    for (const map of [row(1, 4, 2), row(0, 0), row(-1e-6, 1e-6), row(7, 7), row(0, Number.POSITIVE_INFINITY)]) {
      const fresh = (): FinishedMap => scaledToUnit({ ...map, data: map.data.slice() });
      const whole = { values: applied(fresh()) };
      const high = maximumOf(whole);
      expect(maximumOf(fresh())).toBe(high);
      // Without the number that is known, it is found among the values.
      expect(maximumOf({ ...fresh(), maximum: undefined })).toBe(high);
      expect(combine([fresh()])).toEqual(applied(dividedBy(whole, high)));
      if (high > 0 && high < 1) expect(maximumOf(dividedBy(fresh(), high))).toBe(1);
    }
    const parts = () => [scaledToUnit(row(0, 1)), scaledToUnit(row(3, 0))];
    expect([largest(parts()).maximum, mean(parts()).maximum]).toEqual([undefined, undefined]);
  });

  it("are divided as often as one likes, and give what one step after the other gives", () => {
    const by = [0.7, 0.9, 1.3];
    const first = applied(scaledToUnit(row(1, 4, 2.5)));
    const wanted = by.reduce((map, high) => applied(dividedBy({ values: map }, high)), first);
    const got = applied(by.reduce(dividedBy, scaledToUnit(row(1, 4, 2.5))));
    expect(values(got)).toEqual(values(wanted));
  });

  it("stay as they are while they wait for their scaling", () => {
    const map = row(1, 4, 2);
    const waiting = dividedBy(scaledToUnit(map), 0.5);
    expect([values(map), waiting.scaling?.maximum]).toEqual([[1, 4, 2], 0.5]);
  });
});
