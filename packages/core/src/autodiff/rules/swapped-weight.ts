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

/** By weight and swap: the backward models of several levels and windows share weights, and each part of a cut weight reads the whole one. */
const known = new WeakMap<TensorProto, Map<string, WeakRef<Float32Array>>>();

/**
 * W `[M, C/g, k…]` as `[C, M/g, taps]` for each copy, group by group, one copy after the other. While an array is in use, an equal swap returns the same one: do
 * not change it.
 */
export function swappedWeight(weight: TensorProto, swap: WeightSwap): Float32Array {
  const ofWeight = known.get(weight) ?? new Map<string, WeakRef<Float32Array>>();
  known.set(weight, ofWeight);
  const key = JSON.stringify(swap);
  const data = ofWeight.get(key)?.deref() ?? swapped(weight, swap);
  ofWeight.set(key, new WeakRef(data));
  return data;
}

function swapped(weight: TensorProto, { group, taps, copies }: WeightSwap): Float32Array {
  const source = floatsOf(weight);
  const [M = 1, C = 1, ...kernel] = weight.dims;
  const m = M / group;
  const size = sizeOf(kernel);
  const data = new Float32Array(copies.length * C * M * taps);
  let to = 0;
  for (const moves of copies) {
    for (let channel = 0; channel < C * group; channel++, to += m * taps) {
      const from = (Math.floor(channel / C) * m * C + (channel % C)) * size;
      // Tap by tap takes half the time of all taps of an output together.
      for (const move of moves) {
        copyStrided({ data: source, at: from + move[0], step: C * size }, { data, at: to + move[1], step: taps }, m);
      }
    }
  }
  return data;
}

interface Strided {
  readonly data: Float32Array;
  readonly at: number;
  readonly step: number;
}

function copyStrided(source: Strided, target: Strided, count: number): void {
  const [from, to] = [source.data, target.data];
  for (let i = 0, a = source.at, b = target.at; i < count; i++, a += source.step, b += target.step) to[b] = from[a]!;
}
