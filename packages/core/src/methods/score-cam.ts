import { type CornerTaps, cornerTaps } from "../tensor/corner-taps.js";
import type { Tensor } from "../tensor/tensor.js";
import { weightedSum } from "../tensor/weighted-sum.js";
import type { CamMethod, Evidence, Setting } from "./method.js";

/** Keeps the division of a constant channel finite; pytorch-grad-cam's constant, kept for parity. */
const EPSILON = 1e-8;

/**
 * Weighs each channel by the score of the picture seen through it: no gradient, the whole network runs on masked pictures.
 *
 * `cam[h, w] = Σ_c w_c · A[c, h, w]` with `w = softmax(s)` over the channels and `s_c` the score of `x ⊙ m_c`. The mask `m_c = (u − min u) / (max u − min u + 1e-8)` is the channel
 * resized to the input (`u`, bilinear, corners on corners). Masks are made one batch at a time, so that memory does not grow with the channels (all of them at once are
 * 2.5 GB for 512 channels at 640 × 640).
 *
 * **Cost:** one forward pass and one more for each channel that is not constant, in batches.
 *
 * **Edge cases:** a constant channel says nothing of where; it gets no run and no weight. A score of −∞ gets the weight zero; if no score is finite the map is zero.
 *
 * **Reading it:** a softmax over hundreds of nearly equal scores is nearly uniform, and the map then is little more than the mean activation. For a score that is a logarithm, `log p`, the
 * weights are the probabilities themselves, `p_c / Σ p`.
 *
 * **Differs from pytorch-grad-cam**, where a constant channel runs with a black picture and takes part in the softmax, and where a map without any finite score is NaN. `compat`
 * lets constant channels take part.
 *
 * Wang et al., "Score-CAM: Score-Weighted Visual Explanations for Convolutional Neural Networks", CVPR Workshops 2020, section 3 and algorithm 1.
 */
export const scoreCam: CamMethod<"activations" | "masked"> = {
  id: "ScoreCAM",
  title: "Score-CAM",
  paper: "Wang et al., CVPRW 2020",
  needs: ["activations", "masked"],
  map: async (evidence) => weightedSum(evidence.activations, await weigh(evidence)),
};

type Asked = Pick<Evidence, "activations" | "masked"> & Setting;

async function weigh({ activations, masked, compat, report }: Asked): Promise<Float64Array> {
  const [C, H, W] = activations.dims as [number, number, number];
  const channels = Array.from({ length: C }, (_, c) => c).filter((c) => compat || !isConstant(activations, c));
  const [height, width] = masked.size;
  const rows = cornerTaps(H, height);
  const columns = cornerTaps(W, width);
  const scores = await masked.scores(channels.length, (i, into) => {
    const start = channels[i]! * H * W;
    enlarge(activations.data.subarray(start, start + H * W), rows, columns, into);
    scaleInPlace(into);
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

function enlarge(channel: Float32Array, rows: CornerTaps, columns: CornerTaps, into: Float32Array): void {
  const W = columns.source;
  const width = columns.lower.length;
  for (let y = 0, at = 0; y < rows.lower.length; y++) {
    const above = rows.lower[y]! * W;
    const below = rows.upper[y]! * W;
    const down = rows.fraction[y]!;
    for (let x = 0; x < width; x++, at++) {
      const left = columns.lower[x]!;
      const right = columns.upper[x]!;
      const across = columns.fraction[x]!;
      const top = (1 - across) * channel[above + left]! + across * channel[above + right]!;
      const bottom = (1 - across) * channel[below + left]! + across * channel[below + right]!;
      into[at] = (1 - down) * top + down * bottom;
    }
  }
}

function scaleInPlace(mask: Float32Array): void {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (const value of mask) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  const divisor = high - low + EPSILON;
  for (let i = 0; i < mask.length; i++) mask[i] = (mask[i]! - low) / divisor;
}

/** Of the finite scores; the others get zero. */
function softmax(scores: Float64Array): Float64Array {
  let most = Number.NEGATIVE_INFINITY;
  for (const score of scores) if (Number.isFinite(score) && score > most) most = score;
  const powers = scores.map((score) => (Number.isFinite(score) ? Math.exp(score - most) : 0));
  const sum = powers.reduce((total, power) => total + power, 0);
  return sum === 0 ? powers : powers.map((power) => power / sum);
}
