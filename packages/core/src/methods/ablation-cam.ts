import { keepsNothing } from "../keeps-nothing.js";
import { weightedSum } from "../kernels/weighted-sum.js";
import type { Tensor } from "../tensor/tensor.js";
import { shapeOf, weightedChannels } from "./channels.js";
import type { CamMethod, Evidence, Setting } from "./method.js";

/** Keeps the division finite where the score is zero. */
const TINY = 1e-12;
/** The library subtracts this from the smallest activation. */
const LIBRARY_DROP = 1e7;
/** Channels that the library ablates in one batch. */
const LIBRARY_BATCH = 32;

/**
 * Weights each channel by how much the score drops without it. Needs no gradient, only changed activations.
 *
 * `cam[h, w] = Σ_c w_c · A[c, h, w]` with `w_c = (s₀ − s_c) / |s₀|`, where `A` `[C, H, W]` are the activations of the layer,
 * `s₀` is the score and `s_c` the score when channel `c` is zero. With `ablateTo: "mean"` all cells of the channel become their mean: the weight
 * then measures the channel's pattern, not its presence. Only the part of the network after the layer runs again.
 *
 * **Cost:** one forward pass and `C` runs of the part after the layer, in batches. 1×1 convolutions that read the layer do not
 * run again: the contribution of the channel is subtracted from their output. At the head inputs of YOLOv5 only the rows that can be among the nearest are computed.
 *
 * **Edge cases:** if the score is zero, the divisor is 1e-12. A channel without which the score is −∞ gets the largest finite
 * weight (1 if there is none). A channel whose score is NaN gets the weight zero.
 *
 * **Differs from pytorch-grad-cam**, which divides by `s₀` itself. A negative score (a logarithm, as for detections) then
 * flips the sign of every weight. The library also does not replace a channel by zero: if the smallest activation is not zero, it uses that
 * value − 1e7. It takes the minimum again after each replacement, so the next channels of a batch of 32 get about −2e7, −3e7 and
 * so on, far outside the range that a network with SiLU was trained on. `compat` gives the library's weights with their signs and
 * values. Where the library divides by zero, the weight is zero.
 *
 * Desai and Ramaswamy, "Ablation-CAM: Visual Explanations for Deep Convolutional Network via Gradient-free Localization", WACV
 * 2020, section 3.
 */
export const ablationCam: CamMethod<"activations" | "tail"> = keepsNothing({
  id: "AblationCAM",
  title: "Ablation-CAM",
  paper: "Desai and Ramaswamy, WACV 2020",
  needs: ["activations", "tail"],
  hasCompat: true,
  ablates: true,
  runs: ({ dims }) => dims[0]!,
  map: async (evidence) => weightedSum(evidence.activations, await weigh(evidence)),
  channels: async (evidence) => weightedChannels(evidence.activations, await weigh(evidence)),
});

type Asked = Pick<Evidence, "activations" | "tail"> & Setting;

async function weigh({ activations, tail, compat, ablateTo }: Asked): Promise<Float64Array> {
  const [C] = shapeOf(activations);
  const values = compat ? libraryValues(activations.data) : ablateTo === "mean" ? channelMeans(activations) : [0];
  const scores = await tail.channelScores(Float64Array.from({ length: C }, (_, c) => values[c % values.length]!));
  const divisor = compat ? tail.score : Math.max(Math.abs(tail.score), TINY);
  const weights = scores.map((score) => (tail.score - score) / divisor);
  return compat ? weights.map(finiteOrZero) : boundWeights(weights);
}

function channelMeans(activations: Tensor): Float64Array {
  const [C, H, W] = shapeOf(activations);
  const cells = H * W;
  return Float64Array.from({ length: C }, (_, c) => {
    let sum = 0;
    for (let i = c * cells; i < (c + 1) * cells; i++) sum += activations.data[i]!;
    return sum / cells;
  });
}

/** The replacement values of the channels of one batch, by index, in float32 as the library computes them. */
function libraryValues(activations: Float32Array): number[] {
  let least = Number.POSITIVE_INFINITY;
  for (const value of activations) if (value < least) least = value;
  if (least === 0) return [0];
  const values: number[] = [];
  for (let i = 0; i < LIBRARY_BATCH; i++) {
    least = Math.fround(least - LIBRARY_DROP);
    values.push(least);
  }
  return values;
}

/** +∞ becomes the largest finite weight, or 1. Other values that are not finite become 0. */
function boundWeights(weights: Float64Array): Float64Array {
  let most = Number.NEGATIVE_INFINITY;
  for (const weight of weights) if (Number.isFinite(weight) && weight > most) most = weight;
  const bound = most > 0 ? most : 1;
  return weights.map((weight) => (weight === Number.POSITIVE_INFINITY ? bound : finiteOrZero(weight)));
}

function finiteOrZero(weight: number): number {
  return Number.isFinite(weight) ? weight : 0;
}
