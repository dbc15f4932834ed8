import { factorizeNonnegative } from "../algebra/nonnegative-factors.js";
import type { Tensor } from "../tensor/tensor.js";
import { shapeOf } from "./channels.js";

/** The factorisation of a layer's activations: `A[c, cell] ≈ Σ_k concepts[k, c]·heats[k, cell]`, up to each channel's minimum. */
export interface Factors {
  /** Each concept as a vector of channels, with the channels' minima added back, `[K, C]`. */
  readonly concepts: Tensor;
  /** The map of each concept, non-negative, `[K, H, W]`. */
  readonly heats: Tensor;
  /** `‖X − W·H‖ / ‖X‖`, 0..1: the share of the activations that the concepts do not explain. */
  readonly error: number;
}

/**
 * Splits activations `[C, H, W]` into `count` concepts: `X ≈ W·H`, all non-negative, where `X` `[C, H·W]` are the activations minus each channel's minimum. The number of concepts is at most
 * the number of channels or cells. NaN counts as zero. Deterministic: the start values come from singular vectors (NNDSVD), not from random numbers.
 */
export function factorize(activations: Tensor, count: number): Factors {
  const [C, height, width] = shapeOf(activations);
  const cells = height * width;
  const rank = Math.max(1, Math.min(count, C, cells));
  const X = Float64Array.from(activations.data, (value) => (Number.isNaN(value) ? 0 : value));
  const least = new Float64Array(C);
  for (let c = 0; c < C; c++) {
    const channel = X.subarray(c * cells, (c + 1) * cells);
    const low = channel.reduce((low, value) => Math.min(low, value), Number.POSITIVE_INFINITY);
    for (let i = 0; i < cells; i++) channel[i]! -= low;
    least[c] = low;
  }
  const { W, H, error } = factorizeNonnegative(X, C, cells, rank);
  const concepts = Float32Array.from(
    { length: rank * C },
    (_, i) => W[(i % C) * rank + Math.floor(i / C)]! + least[i % C]!,
  );
  return {
    concepts: { dims: [rank, C], data: concepts },
    heats: { dims: [rank, height, width], data: new Float32Array(H) },
    error,
  };
}
