import { describe, expect, it } from "vitest";
import { createRandom, philox } from "../../src/algebra/random.js";

function draw(count: number, next: () => number): number[] {
  return Array.from({ length: count }, next);
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

describe("Philox4x32-10", () => {
  // The known answers that the authors publish with Random123.
  it.each([
    [[0, 0, 0, 0], [0, 0], "6627e8d5 e169c58d bc57ac4c 9b00dbd8"],
    [[0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff], [0xffffffff, 0xffffffff], "408f276d 41c83b0e a20bc7c6 6d5451fd"],
    [[0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344], [0xa4093822, 0x299f31d0], "d16cfe09 94fdcceb 5001e420 24126ea1"],
  ])("gives the authors' answer for %j", (counter, [key0, key1], answer) => {
    const block = Uint32Array.from(counter);
    philox(block, key0!, key1!);
    expect([...block].map((word) => word.toString(16).padStart(8, "0")).join(" ")).toBe(answer);
  });
});

describe("createRandom", () => {
  it("starts with the words of its key and counter", () => {
    const random = createRandom(0);
    expect(draw(4, random.uniform)).toEqual(
      [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8].map((word) => word / 2 ** 32),
    );
  });

  it("gives the same numbers for the same seed and stream, and others for any other", () => {
    const sequences = [
      [1, 0],
      [1, 1],
      [2, 0],
      [1 + 2 ** 32, 0],
      [1, 2 ** 32],
    ].map(([seed, stream]) => draw(8, createRandom(seed!, stream).uniform));
    expect(new Set(sequences.map((sequence) => sequence.join())).size).toBe(sequences.length);
    expect(draw(8, createRandom(1).uniform)).toEqual(sequences[0]);
  });

  it("is uniform in [0, 1) and normal, in the first number of many streams as well as along one", () => {
    const random = createRandom(7);
    for (const uniform of [
      draw(20000, random.uniform),
      draw(
        20000,
        (
          (i) => () =>
            createRandom(7, i++).uniform()
        )(0),
      ),
    ]) {
      expect(uniform.every((value) => value >= 0 && value < 1)).toBe(true);
      expect(Math.abs(mean(uniform) - 1 / 2)).toBeLessThan(0.01);
      expect(Math.abs(mean(uniform.map((value) => value ** 2)) - 1 / 3)).toBeLessThan(0.01);
    }
    for (const normal of [
      draw(20000, random.normal),
      draw(
        20000,
        (
          (i) => () =>
            createRandom(7, i++).normal()
        )(0),
      ),
    ]) {
      expect(Math.abs(mean(normal))).toBeLessThan(0.03);
      expect(Math.abs(mean(normal.map((value) => value ** 2)) - 1)).toBeLessThan(0.05);
      expect(Math.abs(mean(normal.map((value) => value ** 4)) - 3)).toBeLessThan(0.4);
    }
  });

  it("gives normals in pairs that do not depend on each other", () => {
    const { normal } = createRandom(3);
    const pairs = draw(20000, () => normal() * normal());
    expect(Math.abs(mean(pairs))).toBeLessThan(0.03);
  });

  it.each([-1, 0.5, Number.NaN, 2 ** 53])("refuses the seed %d", (seed) => {
    expect(() => createRandom(seed)).toThrow(/The seed is/);
    expect(() => createRandom(0, seed)).toThrow(/The stream is/);
  });
});
