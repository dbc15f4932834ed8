import { afterEach, describe, expect, it, vi } from "vitest";
import type { Blends, Depth } from "../../src/methods/method.js";
import type { Search } from "../../src/methods/search/found.js";
import { search } from "../../src/methods/search.js";
import { evidenceOf, filled, tensor } from "./evidence.js";

const [H, W] = [60, 80];
const box = { x1: 16, y1: 12, x2: 64, y2: 48 };
/** An object in the upper left part of the box. */
const object = { x1: 18, y1: 14, x2: 34, y2: 28 };

type Region = Blends["box"];
const isIn = ({ x1, y1, x2, y2 }: Region, pixel: number) => {
  const [x, y] = [(pixel % W) + 0.5, Math.floor(pixel / W) + 0.5];
  return x > x1 && x < x2 && y > y1 && y < y2;
};

/** A network that supports a detection as far as a region of the image is there. A sharp pixel is 1; blurred and mean pixels are 0. */
function network(region: Region, { hasGradient = true }: { readonly hasGradient?: boolean } = {}) {
  const input = new Float32Array(3 * H * W).fill(1);
  const none = () => new Float32Array(3 * H * W);
  const seen = Array.from({ length: H * W }, (_, pixel) => pixel).filter((pixel) => isIn(region, pixel));
  const support = (sharpnessOf: (pixel: number) => number) =>
    seen.reduce((sum, pixel) => sum + sharpnessOf(pixel), 0) / seen.length;
  let images = 0;
  const blends: Blends = {
    ...{ input, size: [H, W], part: { top: 0, left: 0, height: H, width: W }, box, strength: 1 },
    ...{ blurred: none, mean: none },
    async strengths({ from, to }, count, fill) {
      const into = new Float32Array(H * W);
      return Float64Array.from({ length: count }, (_, i) => {
        images++;
        into.fill(Number.NaN);
        fill(i, into);
        expect(into.every((value) => value === 0 || value === 1)).toBe(true);
        return support((pixel) => (into[pixel] === 1 ? to[pixel]! : from[pixel]!));
      });
    },
    async gradientAt(image) {
      images++;
      const score = Math.log(
        Math.max(
          1e-6,
          support((pixel) => image[pixel]!),
        ),
      );
      const gradient = filled([3, H, W], 0);
      for (const pixel of hasGradient ? seen : []) gradient.data[pixel] = 1;
      return { score, gradient };
    },
  };
  return { blends, images: () => images };
}

/** A layer of few cells that is lit where the box is. */
const boxLayer: Depth = {
  activations: tensor([1, 3, 4], [0, 0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0]),
  gradients: filled([1, 3, 4], 1),
};

async function run(blends: Blends, depths: readonly Depth[] = [boxLayer], given: object = {}) {
  let found: Search | undefined;
  const tell = (one: Search): void => {
    found = one;
  };
  // The time plays no part.
  const map = await search.map(evidenceOf({ blends, depths, tell, seed: 3, budget: 1e6, ...given }));
  return { map, found: found! };
}

describe("search", () => {
  afterEach(() => {
    vi.restoreAllMocks();
  });

  it("finds an object that is not in the middle of its box, and is better than a Gaussian at the box", async () => {
    const { blends, images } = network(object);
    const { map, found } = await run(blends);
    expect([map.height, map.width]).toEqual([H, W]);
    const order = Array.from(map.data.keys()).sort((a, b) => map.data[b]! - map.data[a]!);
    const hottest = order.slice(0, 100);
    expect(hottest.filter((pixel) => isIn(object, pixel)).length).toBeGreaterThan(85);
    expect(found.noBetterThanBox).toBe(false);
    expect(found.map.quality).toBeGreaterThan(found.gaussian.quality + 0.2);
    expect(found.passes).toBe(images());
  });

  it("fades at the rim of its grid, even where the network looks, and falls on outside", async () => {
    const { map } = await run(network({ x1: 56, y1: 18, x2: 80, y2: 42 }).blends);
    const at = (x: number, y: number) => map.data[y * W + x]!;
    // The grid covers x from 4 to 76 and y from 3 to 57.
    const rows = Array.from({ length: 54 }, (_, i) => 3 + i);
    expect(at(62, 30)).toBeGreaterThan(0.5);
    for (const y of rows) for (const x of [4, 75]) expect(at(x, y)).toBeLessThan(0.1);
    const coldest = Math.min(...rows.flatMap((y) => Array.from({ length: 72 }, (_, i) => at(4 + i, y))));
    expect(coldest).toBeGreaterThan(at(76, 30));
    expect(at(76, 30)).toBeGreaterThan(at(79, 30));
    expect(at(79, 30)).toBeGreaterThan(0);
  });

  it("is the same for the same seed", async () => {
    const [first, second] = [await run(network(object).blends), await run(network(object).blends)];
    expect(second).toEqual(first);
  });

  it("says that nothing is better than the box if the network sees only the whole box, and shows the best map without a Gaussian", async () => {
    const { map, found } = await run(network(box, { hasGradient: false }).blends);
    expect(found.noBetterThanBox).toBe(true);
    expect(found.chosen.flat().every(({ part }) => !part.startsWith("box"))).toBe(true);
    expect(Math.max(...map.data)).toBeGreaterThan(0);
  });

  it("stops when the time is over, and says so", async () => {
    const { blends, images } = network(object);
    const { map, found } = await run(blends, [boxLayer], { budget: 1e-9 });
    const whole = network(object);
    const all = await run(whole.blends);
    expect(found.stoppedBy).toBe("budget");
    expect(all.found.stoppedBy).not.toBe("budget");
    expect(images()).toBeLessThan(whole.images() / 3);
    expect(Math.max(...map.data)).toBeGreaterThan(0);
  });

  it("does not count the time that a session takes to be made", async () => {
    const { blends } = network(object);
    const isOpen = new Set<string>();
    let now = 0;
    vi.spyOn(performance, "now").mockImplementation(() => now);
    const onClock = <T>(session: string, images: number, result: Promise<T>): Promise<T> => {
      now += 40 * images + (isOpen.has(session) ? 0 : 60_000);
      isOpen.add(session);
      return result;
    };
    const timed: Blends = {
      ...blends,
      strengths: (blend, count, fill) => onClock("forward", count, blends.strengths(blend, count, fill)),
      gradientAt: (image) => onClock("backward", 4, blends.gradientAt(image)),
    };
    const cold = await run(timed, [boxLayer], { budget: 10 });
    const warm = await run(timed, [boxLayer], { budget: 10 });
    expect(cold.found.stoppedBy).not.toBe("budget");
    expect(warm).toEqual(cold);
    // The images themselves count.
    const short = await run(timed, [boxLayer], { budget: 1 });
    expect(short.found.stoppedBy).toBe("budget");
  });

  it("runs no more images than it counts before", async () => {
    const { blends, images } = network(object);
    await run(
      blends,
      Array.from({ length: 6 }, () => boxLayer),
    );
    expect(images()).toBeLessThanOrEqual(search.runs!({ dims: [], samples: undefined }));
  });

  it("has a map without heat if there is no support at all", async () => {
    const { blends } = network(object);
    const { map } = await run({ ...blends, strength: 0, strengths: async (_, count) => new Float64Array(count) });
    expect(map.data.every(Number.isFinite)).toBe(true);
  });
});
