import { weightedSum } from "../kernels/weighted-sum.js";
import type { Tensor } from "../tensor/tensor.js";
import { shapeOf, weightedChannels } from "./channels.js";
import type { CamMethod, Evidence, Setting } from "./method.js";

/** Keeps the division finite where the score is zero. */
const TINY = 1e-12;
/** What the library subtracts from the least activation. */
const LIBRARY_DROP = 1e7;
/** Channels that the library ablates in one batch. */
const LIBRARY_BATCH = 32;

/**
 * Weighs each channel by how much of the score is lost without it: no gradient, only changed activations.
 *
 * `cam[h, w] = Σ_c w_c · A[c, h, w]` with `w_c = (s₀ − s_c) / |s₀|`, where `A` `[C, H, W]` are the activations of the layer,
 * `s₀` is the score and `s_c` the score when channel `c` is zero, or with `ablateTo: "mean"` when all its cells are their mean: then a channel
 * weighs by what its pattern tells, not by its being there at all. Only the part of the network behind the layer runs again.
 *
 * **Cost:** one forward pass and `C` runs of the part behind the layer, in batches. 1×1 convolutions that read the layer, as all heads of YOLOv5 do, are not
 * run again: what a channel gives to them is taken away.
 *
 * **Edge cases:** a score of zero divides by 1e-12 instead. A channel without which the score is −∞ gets the largest finite
 * weight (1 when there is none); one whose score is not a number gets none.
 *
 * **Differs from pytorch-grad-cam**, which divides by `s₀` itself, so that a negative score (a logarithm, as for detections)
 * turns every weight round, and which replaces a channel not by zero but, when the least activation is not zero, by that least
 * value − 1e7. As it takes the minimum anew after each replacement, the next channels of a batch of 32 get about −2e7, −3e7 and
 * so on, far outside of what a network with SiLU was trained on. `compat` gives the library's weights, sign and values
 * included; where the library divides by zero the weight is zero.
 *
 * Desai and Ramaswamy, "Ablation-CAM: Visual Explanations for Deep Convolutional Network via Gradient-free Localization", WACV
 * 2020, section 3.
 */
export const ablationCam: CamMethod<"activations" | "tail"> = {
  id: "AblationCAM",
  title: "Ablation-CAM",
  paper: "Desai and Ramaswamy, WACV 2020",
  needs: ["activations", "tail"],
  hasCompat: true,
  ablates: true,
  map: async (evidence) => weightedSum(evidence.activations, await weigh(evidence)),
  channels: async (evidence) => weightedChannels(evidence.activations, await weigh(evidence)),
};

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

/** What replaces the channels of one batch, by their place in it, in float32 as the library computes it. */
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

/** +∞ becomes the largest finite weight, or 1; all else that is not finite 0. */
function boundWeights(weights: Float64Array): Float64Array {
  let most = Number.NEGATIVE_INFINITY;
  for (const weight of weights) if (Number.isFinite(weight) && weight > most) most = weight;
  const bound = most > 0 ? most : 1;
  return weights.map((weight) => (weight === Number.POSITIVE_INFINITY ? bound : finiteOrZero(weight)));
}

function finiteOrZero(weight: number): number {
  return Number.isFinite(weight) ? weight : 0;
}
