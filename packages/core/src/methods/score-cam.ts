import { keepsNothing } from "../keeps-nothing.js";
import { rescale } from "../kernels/range.js";
import { weightedSum } from "../kernels/weighted-sum.js";
import type { Tensor } from "../tensor/tensor.js";
import { weightedChannels } from "./channels.js";
import { type CornerTaps, cornerTaps } from "./corner-taps.js";
import type { CamMethod, Evidence, Setting } from "./method.js";

/** Keeps the division of a constant channel finite; pytorch-grad-cam's constant, kept for parity. */
const EPSILON = 1e-8;

/**
 * Weights each channel by the score of the image masked with it. Needs no gradient: the whole network runs on masked images.
 *
 * `cam[h, w] = Σ_c w_c · A[c, h, w]` with `w = softmax(s)` over the channels and `s_c` the score of `x ⊙ m_c`. The mask `m_c =
 * (u − min u) / (max u − min u + 1e-8)` is the channel resized to the input (`u`, bilinear with aligned corners). Masks are made
 * in batches, so that memory does not grow with the number of channels (all masks of 512 channels at 640 × 640 take 2.5 GB).
 *
 * **Cost:** one forward pass, and one for each channel that is not constant, in batches.
 *
 * **Edge cases:** a constant channel has no position information. It gets no run and no weight. A score of −∞ gets the weight zero.
 * If no score is finite, the map is zero.
 *
 * **Reading it:** a softmax over hundreds of nearly equal scores is nearly uniform. The map is then little more than the
 * mean activation. For a score that is a logarithm, `log p`, the weights are the normalised probabilities, `p_c / Σ p`.
 *
 * **Differs from pytorch-grad-cam**, where a constant channel runs with a black image and is part of the softmax, and
 * where a map without any finite score is NaN. `compat` includes constant channels.
 *
 * Wang et al., "Score-CAM: Score-Weighted Visual Explanations for Convolutional Neural Networks", CVPR Workshops 2020, section
 * 3 and algorithm 1.
 */
export const scoreCam: CamMethod<"activations" | "masked"> = keepsNothing({
  id: "ScoreCAM",
  title: "Score-CAM",
  paper: "Wang et al., CVPRW 2020",
  needs: ["activations", "masked"],
  hasCompat: true,
  runs: ({ dims }) => dims[0]!,
  map: async (evidence) => weightedSum(evidence.activations, await weigh(evidence)),
  channels: async (evidence) => weightedChannels(evidence.activations, await weigh(evidence)),
});

type Asked = Pick<Evidence, "activations" | "masked"> & Setting;

async function weigh({ activations, masked, compat, report }: Asked): Promise<Float64Array> {
  const [C, H, W] = activations.dims as [number, number, number];
  const channels = Array.from({ length: C }, (_, c) => c).filter((c) => compat || !isConstant(activations, c));
  const [height, width] = masked.size;
  const rows = cornerTaps(H, height);
  const columns = cornerTaps(W, width);
  const wide = new Float64Array(H * width);
  const scores = await masked.scores(channels.length, (i, into) => {
    widen(activations.data, channels[i]! * H * W, columns, wide);
    const [low, high] = lengthen(wide, rows, into);
    rescale(into, { low, divisor: high - low + EPSILON, maximum: 1 });
  });
  report("masks", channels.length);
  const weights = new Float64Array(C);
  softmax(scores).forEach((weight, i) => {
    weights[channels[i]!] = weight;
  });
  return weights;
}

function isConstant({ dims, data }: Tensor, c: number): boolean {
  const cells = dims[1]! * dims[2]!;
  const first = data[c * cells]!;
  for (let i = c * cells; i < (c + 1) * cells; i++) if (data[i] !== first) return false;
  return true;
}

/** One channel, from `start` on, with every row resized: `[H, width]`. */
function widen(data: Float32Array, start: number, columns: CornerTaps, into: Float64Array): void {
  const { source, lower, upper, fraction } = columns;
  for (let row = start, at = 0; at < into.length; row += source) {
    for (let x = 0; x < lower.length; x++, at++) {
      const left = data[row + lower[x]!]!;
      into[at] = left + fraction[x]! * (data[row + upper[x]!]! - left);
    }
  }
}

/** Resizes the columns, `[height, width]`. Returns the minimum and the maximum. */
function lengthen(wide: Float64Array, rows: CornerTaps, into: Float32Array): readonly [low: number, high: number] {
  const width = wide.length / rows.source;
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (let y = 0, at = 0; y < rows.lower.length; y++) {
    const above = rows.lower[y]! * width;
    const below = rows.upper[y]! * width;
    const down = rows.fraction[y]!;
    for (let x = 0; x < width; x++, at++) {
      const top = wide[above + x]!;
      const value = Math.fround(top + down * (wide[below + x]! - top));
      into[at] = value;
      if (value < low) low = value;
      if (value > high) high = value;
    }
  }
  return [low, high];
}

/** The softmax of the finite scores. Other scores get zero. */
function softmax(scores: Float64Array): Float64Array {
  let most = Number.NEGATIVE_INFINITY;
  for (const score of scores) if (Number.isFinite(score) && score > most) most = score;
  const powers = scores.map((score) => (Number.isFinite(score) ? Math.exp(score - most) : 0));
  const sum = powers.reduce((total, power) => total + power, 0);
  return sum === 0 ? powers : powers.map((power) => power / sum);
}
