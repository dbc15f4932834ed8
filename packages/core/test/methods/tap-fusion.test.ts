import { describe, expect, it } from "vitest";
import type { MethodId } from "../../src/methods/method-id.js";
import { tapFusion } from "../../src/methods/tap-fusion.js";
import { tapFusionFast } from "../../src/methods/tap-fusion-fast.js";
import type { Map2D } from "../../src/tensor/tensor.js";
import { MINI_SIZE, makeImage, miniDetector } from "../support/mini-detector.js";
import { evidenceOf } from "./evidence.js";

const map = (values: readonly number[]): Map2D => ({
  height: 1,
  width: values.length,
  data: Float32Array.from(values),
});

function expectClose(found: ArrayLike<number>, wanted: readonly number[], within = 1e-6): void {
  expect(found.length).toBe(wanted.length);
  for (const [i, value] of wanted.entries()) expect(Math.abs(found[i]! - value)).toBeLessThan(within);
}

describe.each([
  [tapFusion, "taps"],
  [tapFusionFast, "taps-fast"],
] as const)("$id", (method, auto) => {
  it("is the positive part of LayerCAM at each tap, of the detection's own row, smoothed by half a cell", async () => {
    const row = (values: readonly number[]) => ({ dims: [1, 1, values.length], data: Float32Array.from(values) });
    const ones = row([1, 1, 1, 1, 1, 1, 1]);
    const { height, width, data } = await method.map(
      evidenceOf({ activations: row([-9, 0, 0, 2, 0, 0, 0]), gradients: ones }),
    );
    expect([height, width]).toEqual([1, 7]);
    const [near, far] = [Math.exp(-2), Math.exp(-8)];
    const share = 2 / (1 + 2 * near + 2 * far);
    expectClose(data, [0, share * far, share * near, share, share * near, share * far, 0]);
    expect(method.auto).toBe(auto);
    expect(method.scores).toEqual(["row"]);
  });

  it("repeats the edge when it smooths, so that an even map stays as it is", async () => {
    const even = { dims: [1, 3, 2], data: new Float32Array(6).fill(0.5) };
    const { data } = await method.map(evidenceOf({ activations: even, gradients: even }));
    expectClose(data, new Array(6).fill(0.25));
  });

  it("fuses by the geometric mean, which stands on a thousandth", () => {
    const fused = method.fuse!([map([1, 0.25, 0, 0]), map([1, 1, 1, 0])]);
    expect([fused.height, fused.width]).toEqual([1, 4]);
    const mean = (a: number, b: number): number => Math.sqrt((a + 1e-3) * (b + 1e-3)) - 1e-3;
    expectClose(fused.data, [1, mean(0.25, 1), mean(0, 1), 0]);
    expect(fused.data[3]).toBeGreaterThanOrEqual(0);
  });

  it("scales each map to its own maximum first, and leaves the maps alone", () => {
    const halves = map([0.5, 0.125]);
    expectClose(method.fuse!([halves, map([1, 1])]).data, [1, Math.sqrt(0.251 * 1.001) - 1e-3]);
    expect([...halves.data]).toEqual([0.5, 0.125]);
  });

  it("is fused at a cell per 8 × 8 pixels of the input", async () => {
    const sizes: (readonly number[])[] = [];
    const fuse = (maps: readonly Map2D[]): Map2D => {
      for (const { height, width } of maps) sizes.push([height, width]);
      return method.fuse!(maps);
    };
    const detector = await miniDetector({ methods: [{ ...method, fuse }] });
    const asked = { method: method.id as MethodId, per: "detection", confidence: 0.01, maxDetections: 2 } as const;
    const { letterbox } = await detector.explain(makeImage(), { ...asked, imageSize: MINI_SIZE });
    await detector.dispose();
    const wanted = letterbox.inputSize.map((side) => side / 8);
    expect(sizes.length).toBeGreaterThan(1);
    for (const size of sizes) expect(size).toEqual(wanted);
  });

  it("gives one map back as it is, and zeros for zeros", () => {
    expectClose(method.fuse!([map([1, 0.5, 0])]).data, [1, 0.5, 0]);
    expectClose(method.fuse!([map([0, 0])]).data, [0, 0]);
  });
});
