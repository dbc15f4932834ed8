import { describe, expect, it } from "vitest";
import { createRandom } from "../../src/algebra/random.js";
import { dRise } from "../../src/methods/d-rise.js";
import type { MaskedInputs, Setting } from "../../src/methods/method.js";
import type { Map2D } from "../../src/tensor/tensor.js";
import { evidenceOf } from "./evidence.js";

const [H, W] = [40, 56];
type Similarity = (mask: Float32Array, number: number) => number;

/** A scorer that sees only how much of a rectangle is left. */
function region(top: number, left: number, height: number, width: number): Similarity {
  return (mask) => {
    let sum = 0;
    for (let y = top; y < top + height; y++) for (let x = left; x < left + width; x++) sum += mask[y * W + x]!;
    return sum / (height * width);
  };
}

/** Answers `similarities` from a network that remembers what it said to mask i, as far as it has said it. */
function network(similarity: Similarity, masks: Float32Array[] = []): MaskedInputs {
  return {
    ...evidenceOf({}).masked,
    size: [H, W],
    async similarities(first, count, fill) {
      return Float64Array.from({ length: count }, (_, i) => {
        if (masks[first + i] === undefined) {
          const into = new Float32Array(H * W).fill(Number.NaN);
          fill(i, into);
          masks[first + i] = into;
        }
        return similarity(masks[first + i]!, first + i);
      });
    },
  };
}

async function explain(masked: MaskedInputs, given: Partial<Setting> = {}) {
  const reported: Record<string, number> = {};
  const report = (name: string, value: number): void => {
    reported[name] = value;
  };
  const map = await dRise.map(evidenceOf({ masked, report, seed: 5, ...given }));
  return { map, masks: reported.masks!, reliability: reported.reliability! };
}

function correlation(a: Map2D, b: Map2D): number {
  const mean = ({ data }: Map2D): number => data.reduce((sum, value) => sum + value, 0) / data.length;
  const [meanA, meanB] = [mean(a), mean(b)];
  let [both, ofA, ofB] = [0, 0, 0];
  a.data.forEach((value, i) => {
    both += (value - meanA) * (b.data[i]! - meanB);
    ofA += (value - meanA) ** 2;
    ofB += (b.data[i]! - meanB) ** 2;
  });
  return both / Math.sqrt(ofA * ofB);
}

describe("D-RISE", () => {
  const object = region(24, 10, 8, 9);

  it("finds the one region that matters", async () => {
    const { map } = await explain(network(object));
    expect([map.height, map.width]).toEqual([H, W]);
    const hottest = map.data.indexOf(Math.max(...map.data));
    expect(Math.floor(hottest / W)).toBeGreaterThanOrEqual(24);
    expect(Math.floor(hottest / W)).toBeLessThan(32);
    expect(hottest % W).toBeGreaterThanOrEqual(10);
    expect(hottest % W).toBeLessThan(19);
    // Far from the region nothing is left but noise.
    const far = map.data.filter((_, i) => i % W > 30).map(Math.abs);
    expect(Math.max(...far)).toBeLessThan(Math.max(...map.data) / 3);
  });

  it("stops when the map has settled, and then agrees with many masks of another seed", async () => {
    const stopped = await explain(network(object));
    expect(stopped.masks).toBeLessThan(5000);
    expect(stopped.masks % 250).toBe(0);
    expect(stopped.reliability).toBeGreaterThanOrEqual(0.9);
    const long = await explain(network(object), { seed: 6, samples: 5000 });
    expect(long.masks).toBe(5000);
    expect(correlation(stopped.map, long.map)).toBeGreaterThan(0.92);
  });

  it("does not stop 250 masks earlier, nor at all when what it sees is noise", async () => {
    const stopped = await explain(network(object));
    expect(stopped.masks).toBeGreaterThan(500);
    expect((await explain(network(object), { samples: stopped.masks - 250 })).reliability).toBeLessThan(0.9);
    const noise = await explain(network((_, number) => createRandom(99, number).uniform()));
    expect(noise.masks).toBe(5000);
    expect(noise.reliability).toBeLessThan(0.5);
  });

  it("takes exactly as many masks as are asked for", async () => {
    expect((await explain(network(object), { samples: 301 })).masks).toBe(301);
    expect((await explain(network(object), { samples: 1 })).map.data.every((value) => value === 0)).toBe(true);
    await expect(explain(network(object), { samples: 0.5 })).rejects.toThrow(/0\.5 samples/);
  });

  it("gives the same map for the same seed, another for another", async () => {
    const [first, again, other] = [
      await explain(network(object)),
      await explain(network(object)),
      await explain(network(object), { seed: 6 }),
    ];
    expect(again.map).toEqual(first.map);
    expect(other.map).not.toEqual(first.map);
  });

  it("gives detections that share one set of masks the same maps in either order", async () => {
    const scorers = [object, region(2, 30, 20, 25)] as const;
    const forth: Float32Array[] = [];
    const ahead = [await explain(network(scorers[0], forth)), await explain(network(scorers[1], forth))];
    const back: Float32Array[] = [];
    const behind = [await explain(network(scorers[1], back)), await explain(network(scorers[0], back))];
    expect(behind[1]).toEqual(ahead[0]);
    expect(behind[0]).toEqual(ahead[1]);
    expect(back).toHaveLength(forth.length);
    expect(back.every((mask, i) => mask.every((value, at) => value === forth[i]![at]))).toBe(true);
    expect(forth).toHaveLength(Math.max(ahead[0]!.masks, ahead[1]!.masks));
  });

  it("adds up plain similarities with compat, as the paper does", async () => {
    const ones = await explain(
      network(() => 1),
      { compat: true, samples: 50 },
    );
    const paper = await explain(network(object), { compat: true, samples: 50 });
    const signed = await explain(network(object), { samples: 50 });
    const masks: Float32Array[] = [];
    await explain(network(object, masks), { samples: 50 });
    const weights = masks.map((mask) => object(mask, 0));
    const at = 28 * W + 14;
    const byHand = masks.reduce((sum, mask, i) => sum + weights[i]! * mask[at]!, 0) / (50 * 0.5);
    expect(Math.abs(paper.map.data[at]! - byHand)).toBeLessThan(1e-6);
    const mean = weights.reduce((sum, weight) => sum + weight, 0) / 50;
    for (const i of [0, at, H * W - 1]) {
      expect(Math.abs(signed.map.data[i]! - (paper.map.data[i]! - mean * ones.map.data[i]!))).toBeLessThan(1e-6);
    }
  });

  it("gives zeros where nothing depends on the mask, and takes what is not finite for zero", async () => {
    const constant = await explain(
      network(() => 0.3),
      { samples: 600 },
    );
    expect(constant.map.data.every((value) => value === 0)).toBe(true);
    expect(constant.reliability).toBe(0);
    const odd = await explain(
      network((mask, i) => (i === 3 ? Number.NaN : object(mask, i))),
      { samples: 20 },
    );
    const zero = await explain(
      network((mask, i) => (i === 3 ? 0 : object(mask, i))),
      { samples: 20 },
    );
    expect(odd.map).toEqual(zero.map);
  });
});
