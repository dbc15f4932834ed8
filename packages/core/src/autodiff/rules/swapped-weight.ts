import type { TensorProto } from "../../onnx/model.js";
import { floatsOf } from "../../onnx/tensors.js";
import { sizeOf } from "../../tensor/tensor.js";

/** Where a tap of the kernel goes: its index in the kernel, and in the new kernel. */
export type TapMove = readonly [from: number, to: number];

export interface WeightSwap {
  readonly group: number;
  /** Number of taps of the new kernel. */
  readonly taps: number;
  /** For each copy of the weight, the taps that it has. The others are zero. */
  readonly copies: readonly (readonly TapMove[])[];
}

/** W `[M, C/g, k…]` as `[C, M/g, taps]` for each copy, group by group, one copy after the other. */
export function swappedWeight(weight: TensorProto, { group, taps, copies }: WeightSwap): Float32Array {
  const source = floatsOf(weight);
  const [M = 1, C = 1, ...kernel] = weight.dims;
  const m = M / group;
  const size = sizeOf(kernel);
  const data = new Float32Array(copies.length * C * M * taps);
  let to = 0;
  for (const moves of copies) {
    const [froms, tos] = [0, 1].map((end) => Int32Array.from(moves, (move) => move[end]!)) as [Int32Array, Int32Array];
    for (let channel = 0; channel < C * group; channel++) {
      let from = (Math.floor(channel / C) * m * C + (channel % C)) * size;
      for (let out = 0; out < m; out++, from += C * size, to += taps) {
        for (let i = 0; i < froms.length; i++) data[to + tos[i]!] = source[from + froms[i]!]!;
      }
    }
  }
  return data;
}
