import { factorizeNonnegative } from "../algebra/nonnegative-factors.js";
import { correlation } from "../algebra/principal-component.js";
import { keepsNothing } from "../keeps-nothing.js";
import type { Map2D, Tensor } from "../tensor/tensor.js";
import { shapeOf } from "./channels.js";
import type { CamMethod } from "./method.js";

const CONCEPTS = 5;

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

/**
 * Splits the layer into a few concepts, each a pattern of channels with its own map, and shows the concept whose map is where the detector finds the object.
 *
 * `X ≈ W·H`, all non-negative: `X` `[C, H·W]` are the activations minus each channel's minimum, `W` `[C, K]` the concepts and `H` `[K, H·W]` their maps. `K` is 5 or `samples`. The result is the map that correlates
 * best with the detector's objectness × class probability, or the first one if that is constant. One forward pass, no gradient. The report
 * contains the shown concept, its correlation and the reconstruction error. `factorize` returns all concepts.
 *
 * The library starts from random numbers. Here the start values come from singular vectors (NNDSVD), so that the same image gives the same concepts in the same order.
 * Both agree in the reconstruction error, and in the concepts up to their order, as far as the factorisation is unique.
 *
 * Collins, Achanta and Süsstrunk, "Deep Feature Factorization For Concept Discovery", ECCV 2018.
 */
export const deepFeatureFactorization: CamMethod<"activations" | "scoreMap"> = keepsNothing({
  id: "DeepFeatureFactorization",
  aliases: ["DFF", "deep-feature-factorization"],
  title: "Deep Feature Factorization",
  paper: "Collins et al., ECCV 2018",
  needs: ["activations", "scoreMap"],
  samples: "concepts",
  map({ activations, scoreMap, samples, report }): Map2D {
    const { heats, error } = factorize(activations, samples ?? CONCEPTS);
    const [K, height, width] = shapeOf(heats);
    const cells = height * width;
    const heat = (k: number): Float32Array => heats.data.slice(k * cells, (k + 1) * cells);
    const fits = Array.from({ length: K }, (_, k) => correlation(heat(k), scoreMap.data));
    const best = fits.indexOf(Math.max(...fits));
    report("concept", best);
    report("correlation", fits[best]!);
    report("reconstruction error", error);
    return { height, width, data: heat(best) };
  },
});
