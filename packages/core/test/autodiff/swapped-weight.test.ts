import { expect, it } from "vitest";
import { swappedWeight } from "../../src/autodiff/rules/swapped-weight.js";
import { floatTensor } from "../../src/onnx/tensors.js";

it("swaps the channels of a weight, and returns the same array for an equal swap", () => {
  const weight = floatTensor("w", [2, 3, 1, 2], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
  const reversed = () => ({ group: 1, taps: 2, copies: [[[0, 1] as const, [1, 0] as const]] });
  const data = swappedWeight(weight, reversed());
  expect([...data]).toEqual([1, 0, 7, 6, 3, 2, 9, 8, 5, 4, 11, 10]);
  expect(swappedWeight(weight, reversed())).toBe(data);
  expect([...swappedWeight(weight, { ...reversed(), copies: [[[1, 1]]] })]).toEqual([
    0, 1, 0, 7, 0, 3, 0, 9, 0, 5, 0, 11,
  ]);
  expect(swappedWeight({ ...weight }, reversed())).not.toBe(data);
});
