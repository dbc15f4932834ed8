import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Detection, Predictions } from "../../src/detector/detection.js";
import type { ExplainJob } from "../../src/explain/job.js";
import { ChangedImages } from "../../src/explain/measure/changed-images.js";
import { openSubjects, type Subject } from "../../src/explain/measure/measured-subject.js";
import { PROTOCOL_A, PROTOCOL_B, PROTOCOL_C, PROTOCOL_W, type Protocol } from "../../src/explain/measure/protocols.js";
import { shufflePatches } from "../../src/explain/measure/shuffle-patches.js";
import type { Blend } from "../../src/explain/passes/blend-runs.js";
import type { ForwardResult } from "../../src/explain/passes/forward-pass.js";
import { gaussianAtBox } from "../../src/metrics/gaussian-at-box.js";

const PROTOCOLS = [PROTOCOL_A, PROTOCOL_B, PROTOCOL_C, PROTOCOL_W];

/** An image of one row of pixels, and a network whose confidence for each class is made from the first plane. */
interface Scene {
  readonly size: readonly [height: number, width: number];
  readonly pixels: readonly number[];
  /** `[x1, x2]` of the object, over the whole height. It may reach outside. */
  readonly box: readonly [number, number];
  readonly confidences: (pixels: Float32Array) => readonly number[];
}

/** Runs on the network of a scene. */
class SceneRuns extends ChangedImages {
  readonly #predict: (planes: Float32Array) => Predictions;

  constructor(forward: ForwardResult, predict: (planes: Float32Array) => Predictions) {
    super({ loaded: {} } as ExplainJob, forward);
    this.#predict = predict;
  }

  override async run<T>(
    { from, to }: Blend,
    selected: readonly Uint32Array[],
    read: (predictions: Predictions) => T,
  ): Promise<T[]> {
    return selected.map((pixels) => {
      const planes = from.slice();
      const count = planes.length / 3;
      for (const pixel of pixels)
        for (const plane of [0, 1, 2]) planes[plane * count + pixel] = to[plane * count + pixel]!;
      return read(this.#predict(planes));
    });
  }
}

async function subjectOf(scene: Scene, protocols: readonly Protocol[], classIndex = 0): Promise<Subject> {
  const { size, pixels, box, confidences } = scene;
  const [height, width] = size;
  const boxInput = { frame: "input" as const, x1: Math.max(0, box[0]), y1: 0, x2: Math.min(width, box[1]), y2: height };
  const predict = (planes: Float32Array): Predictions => {
    const scores = confidences(planes.subarray(0, height * width));
    const row = [(box[0] + box[1]) / 2, height / 2, box[1] - box[0], height, 1, ...scores];
    const facts = { rows: 1, columns: row.length, classes: scores.length, hasObjectness: true };
    return { ...facts, extra: undefined, data: Float32Array.from(row) } as unknown as Predictions;
  };
  const input = Float32Array.from([...pixels, ...pixels, ...pixels]);
  const letterbox = { imageSize: size, inputSize: size, contentSize: size, scale: 1, padTop: 0, padLeft: 0 };
  const forward: ForwardResult = { letterbox, input, predictions: predict(input), tensors: {} };
  const detection = { index: 0, classIndex, boxInput, row: 0 } as unknown as Detection;
  const [subject] = await openSubjects(new SceneRuns(forward, predict), [detection], protocols);
  return subject!;
}

const sum = (values: Iterable<number>) => [...values].reduce((total, value) => total + value, 0);
/** Confidence 1 for the whole object, in four pixels that count differently. */
const four: Scene = {
  size: [1, 8],
  pixels: [0, 0, 1, 1, 1, 1, 0, 0],
  box: [2, 6],
  confidences: (pixels) => [sum([0.4, 0.3, 0.2, 0.1].map((weight, i) => weight * pixels[2 + i]!))],
};
/** The pixels from left to right. */
const leftFirst = Float32Array.from({ length: 8 }, (_, i) => 8 - i);
const zero = ({ planes }: { planes: Float32Array }) => new Float32Array(planes.length);

describe("by hand", () => {
  it("over the image", async () => {
    const protocol = { deletion: zero, insertion: zero, shares: [0.25, 0.5], withinBox: false };
    const subject = await subjectOf(four, [protocol]);
    const [found] = await subject.curves(subject.ordersOf(leftFirst, 0), [protocol]);
    // A quarter are two pixels beside the object, and half adds two of the object.
    expect(found!.deletion.fractions).toEqual([0, 0.25, 0.5, 1]);
    for (const [i, score] of [1, 1, 0.3, 0].entries()) expect(found!.deletion.scores[i]).toBeCloseTo(score, 6);
    for (const [i, score] of [0, 0, 0.7, 1].entries()) expect(found!.insertion.scores[i]).toBeCloseTo(score, 6);
    const deleted = 0.25 + 0.25 * 0.65 + 0.5 * 0.15;
    const inserted = 0.25 * 0.35 + 0.5 * 0.85;
    expect(found!.overAll).toBeCloseTo(inserted - deleted, 6);
    // Half of the score comes back between a quarter and half: with the fourth of the eight pixels.
    const search = { protocol, curve: found!.insertion, orders: subject.ordersOf(leftFirst, 0) };
    const region = await subject.region("insertion", search);
    expect(region).toBe(0.4375);
    expect(subject.overBox(region!)).toBe((0.4375 * 8) / 4);
  });

  it("a box that reaches outside is compared with rows that do so too", async () => {
    const protocol = { deletion: zero, insertion: zero, shares: [0.25], withinBox: false };
    for (const box of [[-6, 2] as const, [6, 14] as const]) {
      // Two of the eight columns of the object are in the image: a quarter of its box.
      const pixels = [1, 1, 0, 0, 0, 0, 1, 1];
      const first = Math.max(0, box[0]);
      const confidences = (p: Float32Array) => [0.5 * p[first]! + 0.4 * p[first + 1]!];
      const subject = await subjectOf({ size: [1, 8], pixels, box, confidences }, [protocol]);
      expect(subject.score).toBeCloseTo(0.9, 6);
      const order = subject.ordersOf(box[0] < 0 ? leftFirst : leftFirst.toReversed(), 0);
      const [found] = await subject.curves(order, [protocol]);
      expect(found!.deletion.scores).toEqual([1, 0, 0]);
      expect(subject.overBox(0.25)).toBe(1);
    }
  });

  it("within the box (W): only the box's own order counts, and the surroundings stay", async () => {
    const protocol = { deletion: zero, insertion: zero, shares: [0.25, 0.5], withinBox: true };
    const scene: Scene = {
      ...four,
      pixels: Array(8).fill(1),
      confidences: (p) => [0.5 * four.confidences(p)[0]! + 0.5 * p[0]!],
    };
    const subject = await subjectOf(scene, [protocol]);
    const [found] = await subject.curves(subject.ordersOf(leftFirst, 0), [protocol]);
    for (const [i, score] of [1, 0.8, 0.65, 0.5].entries()) expect(found!.deletion.scores[i]).toBeCloseTo(score, 6);
    for (const [i, score] of [0.5, 0.7, 0.85, 1].entries()) expect(found!.insertion.scores[i]).toBeCloseTo(score, 6);
    const deleted = 0.25 * 0.9 + 0.25 * 0.725 + 0.5 * 0.575;
    const inserted = 0.25 * 0.6 + 0.25 * 0.775 + 0.5 * 0.925;
    expect(found!.overAll).toBeCloseTo(inserted - deleted, 6);
  });

  it("B exchanges the fills of A, C uses the shuffled image for both, and W is A within the box", () => {
    expect([PROTOCOL_B.deletion, PROTOCOL_B.insertion]).toEqual([PROTOCOL_A.insertion, PROTOCOL_A.deletion]);
    expect(PROTOCOL_C.deletion).toBe(PROTOCOL_C.insertion);
    expect([PROTOCOL_W.deletion, PROTOCOL_W.insertion]).toEqual([PROTOCOL_A.deletion, PROTOCOL_A.insertion]);
    expect(PROTOCOLS.map(({ withinBox }) => withinBox)).toEqual([false, false, false, true]);
    const image = { planes: new Float32Array(3 * 32 * 32).fill(0.25), size: [32, 32] as const };
    const part = { top: 0, left: 0, height: 32, width: 32 };
    expect(PROTOCOL_A.deletion({ ...image, part })[0]).toBeCloseTo(114 / 255, 6);
    // Neither a blur nor another order of its patches changes an image of one colour.
    expect(PROTOCOL_B.deletion({ ...image, part })[500]).toBeCloseTo(0.25, 6);
    expect(PROTOCOL_C.deletion({ ...image, part })).toEqual(image.planes);
  });

  it("each protocol has the ends and the scores of its own fills", async () => {
    // One colour: the blurred and the shuffled image are the image, and grey is darker.
    const scene: Scene = { ...four, pixels: Array(8).fill(1) };
    const subject = await subjectOf(scene, PROTOCOLS);
    const [a, b, c] = await subject.curves(subject.ordersOf(leftFirst, 0), PROTOCOLS);
    const grey = 114 / 255;
    expect(a!.deletion.scores.at(-1)).toBeCloseTo(grey, 5);
    for (const score of [
      ...a!.insertion.scores,
      ...b!.deletion.scores,
      ...c!.deletion.scores,
      ...c!.insertion.scores,
    ]) {
      expect(score).toBeCloseTo(1, 5);
    }
    expect(b!.insertion.scores[0]).toBeCloseTo(grey, 5);
    // Share 0.3^1.5 is one of eight pixels, beside the object; 0.6^1.5 are four, two of the object.
    expect(b!.insertion.fractions[3]).toBeCloseTo(0.6 ** 1.5, 9);
    expect(b!.insertion.scores[3]).toBeCloseTo(0.7 + 0.3 * grey, 5);
  });
});

describe("maps get the measure that they deserve", () => {
  const [height, width] = [32, 64];
  // Light is what shows: class 0 is the left part of the object, class 1 the right part.
  const share = (pixels: Float32Array, from: number, to: number) => {
    const some = [...pixels].filter((_, i) => i % width >= from && i % width < to && Math.floor(i / width) % 32 < 32);
    return sum(some.map((value) => Math.max(0, value - 0.5))) / (0.5 * some.length);
  };
  const scene: Scene = {
    size: [height, width],
    pixels: Array.from({ length: height * width }, (_, i) => (i % width >= 16 && i % width < 48 ? 1 : 0)),
    box: [16, 48],
    confidences: (pixels) => [share(pixels, 16, 32), share(pixels, 32, 48)],
  };
  const part = (from: number, to: number) =>
    Float32Array.from({ length: height * width }, (_, i) => (i % width >= from && i % width < to ? 1 : 0));
  const boxOf = { x1: 16, y1: 0, x2: 48, y2: height };
  const maps = {
    own: part(16, 32),
    swapped: part(32, 48),
    gaussian: gaussianAtBox(height, width, boxOf).data,
    random: new Float32Array(height * width),
    constant: new Float32Array(height * width).fill(0.7),
  };

  it.each(["A", "B", "C", "W"])("by protocol %s", async (name) => {
    const protocol = PROTOCOLS["ABCW".indexOf(name)]!;
    const subject = await subjectOf(scene, [protocol]);
    const measure = async (values: Float32Array) =>
      (await subject.curves(subject.ordersOf(values, 0), [protocol]))[0]!.overAll;
    const own = await measure(maps.own);
    const swapped = await measure(maps.swapped);
    const gaussian = await measure(maps.gaussian);
    const random = await measure(maps.random);
    expect(await measure(maps.constant)).toBe(random);
    expect(own).toBeGreaterThan(gaussian + 0.1);
    expect(own).toBeGreaterThan(random + 0.2);
    // The other class is the opposite of an explanation: worse than no map, and than knowing the box.
    expect(swapped).toBeLessThan(random - 0.05);
    expect(swapped).toBeLessThan(gaussian - 0.1);
    // Knowing the box helps where the surroundings are changed too, and not within the box.
    if (protocol.withinBox) expect(Math.abs(gaussian - random)).toBeLessThan(0.1);
    else expect(gaussian).toBeGreaterThan(random + 0.1);
  });

  it("for the other class, the swapped map is the right one", async () => {
    const subject = await subjectOf(scene, [PROTOCOL_A], 1);
    const measure = async (values: Float32Array) =>
      (await subject.curves(subject.ordersOf(values, 0), [PROTOCOL_A]))[0]!.overAll;
    expect(await measure(maps.swapped)).toBeGreaterThan((await measure(maps.own)) + 0.2);
  });
});

describe("shuffled patches", () => {
  const make = (height: number, width: number) =>
    Float32Array.from({ length: 3 * height * width }, (_, i) => i % (height * width));

  it("keeps each patch whole, and uses every patch once", () => {
    const [height, width, side] = [4, 6, 2];
    const found = shufflePatches(make(height, width), {
      size: [height, width],
      part: { top: 0, left: 0, height, width },
      ...{ side, seed: 1 },
    });
    const corners: number[] = [];
    for (const y of [0, 2]) {
      for (const x of [0, 2, 4]) {
        const first = found[y * width + x]!;
        corners.push(first);
        expect([found[y * width + x + 1], found[(y + 1) * width + x]]).toEqual([first + 1, first + width]);
      }
    }
    expect(corners.toSorted((a, b) => a - b)).toEqual([0, 2, 4, 12, 14, 16]);
    expect(corners).not.toEqual([0, 2, 4, 12, 14, 16]);
    const plane = height * width;
    expect(found.slice(plane, 2 * plane)).toEqual(found.slice(0, plane));
  });

  it("takes all pixels from the part, and leaves the rest as it is", () => {
    const sides = fc.integer({ min: 1, max: 40 });
    const property = fc.property(sides, sides, fc.nat({ max: 5 }), fc.nat({ max: 5 }), (rows, columns, top, left) => {
      const [height, width] = [rows + top + 2, columns + left + 3];
      const planes = Float32Array.from({ length: 3 * height * width }, (_, i) => {
        const [y, x] = [Math.floor((i % (height * width)) / width), i % width];
        return y >= top && y < top + rows && x >= left && x < left + columns ? 1 : 0;
      });
      const part = { top, left, height: rows, width: columns };
      expect(shufflePatches(planes, { size: [height, width], part, side: 16, seed: 0 })).toEqual(planes);
    });
    fc.assert(property, { seed: 5, numRuns: 60 });
  });
});
