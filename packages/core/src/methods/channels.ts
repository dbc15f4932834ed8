import { weightedSum } from "../kernels/weighted-sum.js";
import type { Map2D, Tensor } from "../tensor/tensor.js";
import type { Evidence, Setting } from "./method.js";

/** Channels, height and width of activations or gradients. */
export function shapeOf(tensor: Tensor): readonly [C: number, H: number, W: number] {
  return tensor.dims as [number, number, number];
}

/** The contribution of one channel to the map. Writes all cells of `into`. The channel's cells start at `start` in the `[C, H, W]` data. */
export type ChannelTerm = (into: Float64Array, start: number, channel: number) => void;

/**
 * `map` and `channels` of a method whose map is a sum over channels. `prepare` reads the evidence once and returns the contribution of
 * one channel. The map is summed in float64.
 */
export function sumOverChannels<K extends keyof Evidence>(
  prepare: (evidence: Pick<Evidence, K | "activations"> & Setting) => ChannelTerm,
): {
  map(evidence: Pick<Evidence, K | "activations"> & Setting): Map2D;
  channels(evidence: Pick<Evidence, K | "activations"> & Setting): Tensor;
} {
  return {
    map: (evidence) => sumOfTerms(evidence.activations.dims, prepare(evidence)),
    channels: (evidence) => termsOf(evidence.activations.dims, prepare(evidence)),
  };
}

/** The sum of the terms over the channels, for a layer of these dims `[C, H, W]`. */
export function sumOfTerms(dims: readonly number[], term: ChannelTerm): Map2D {
  const [C, height, width] = dims as [number, number, number];
  const one = new Float64Array(height * width);
  const sum = new Float64Array(height * width);
  for (let c = 0; c < C; c++) {
    term(one, c * one.length, c);
    for (let i = 0; i < one.length; i++) sum[i]! += one[i]!;
  }
  return { height, width, data: new Float32Array(sum) };
}

/** The terms of all channels, `[C, H, W]`. */
export function termsOf(dims: readonly number[], term: ChannelTerm): Tensor {
  const [C, height, width] = dims as [number, number, number];
  const one = new Float64Array(height * width);
  const data = new Float32Array(C * height * width);
  for (let c = 0; c < C; c++) {
    term(one, c * one.length, c);
    data.set(one, c * one.length);
  }
  return { dims, data };
}

/** A method whose map is `Σ_c w_c · A[c]`: `weigh` gives one weight per channel. */
export function weighChannels<K extends keyof Evidence>(
  weigh: (evidence: Pick<Evidence, K | "activations"> & Setting) => Float32Array | Float64Array,
): {
  map(evidence: Pick<Evidence, K | "activations"> & Setting): Map2D;
  channels(evidence: Pick<Evidence, K | "activations"> & Setting): Tensor;
} {
  return {
    map: (evidence) => weightedSum(evidence.activations, weigh(evidence)),
    channels: (evidence) => weightedChannels(evidence.activations, weigh(evidence)),
  };
}

/** `w_c · A[c]` for known weights. */
export function weightedChannels({ dims, data }: Tensor, weights: Float32Array | Float64Array): Tensor {
  const cells = data.length / weights.length;
  return { dims, data: data.map((value, i) => weights[Math.floor(i / cells)]! * value) };
}

/** One number per channel, made from the index of the channel's first value and the one behind its last. */
export function perChannel(tensor: Tensor, value: (start: number, end: number) => number): Float64Array {
  const [C, H, W] = shapeOf(tensor);
  const values = new Float64Array(C);
  for (let c = 0; c < C; c++) values[c] = value(c * H * W, (c + 1) * H * W);
  return values;
}

/** The mean of each channel over its cells. */
export function channelMeans(tensor: Tensor): Float64Array {
  const { data } = tensor;
  return perChannel(tensor, (start, end) => {
    let sum = 0;
    for (let i = start; i < end; i++) sum += data[i]!;
    return sum / (end - start);
  });
}

/** `a ⊙ b`, or `|a| ⊙ b`. */
export function product(a: Tensor, b: Tensor, absolute = false): Tensor {
  const data = new Float32Array(a.data.length);
  for (let i = 0; i < data.length; i++) {
    const factor = a.data[i]!;
    data[i] = (absolute ? Math.abs(factor) : factor) * b.data[i]!;
  }
  return { dims: a.dims, data };
}
