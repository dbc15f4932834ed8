import { channelMeans, shapeOf, sumOverChannels } from "./channels.js";
import type { CamMethod, Evidence } from "./method.js";

/**
 * Grad-CAM under a Gaussian at the cell that made the detection, narrower or wider channel by channel.
 *
 * `cam = Σ_c ḡ_c · A[c] ⊙ M[c]` with `ḡ_c` the mean of `G[c]` and `M[c] = exp(−d² / 2σ_c²)` scaled to 0..1, `d` the distance to the detection's cell in cells,
 * `σ_c = |ln|ḡ_c|| / κ · ln(stride)` and `κ = ⌊(√(H·W) − 1) / 2⌋ / 3`. `A` and `G = d score / d A` are `[C, H, W]`, `stride` is input pixels per cell. One forward and one backward pass.
 * Of several detections each has a Gaussian, and the largest counts. Where no place is known, as for a class without a detection, there is no Gaussian and the map is Grad-CAM's.
 *
 * The published code takes the first cell with a gradient as the centre; at the level's own input, where `auto` reads, that is the detection's cell. `κ` is 1/3 at least, so that small maps have one.
 *
 * The heat lies near the detection's cell by construction: pointing game and energy in the box say little about this method. Its deletion and insertion scores are its weak point.
 *
 * Nguyen et al., "G-CAME: Gaussian-Class Activation Mapping Explainer for Object Detectors", arXiv:2306.03400, 2023.
 */
export const gCame: CamMethod<"activations" | "gradients" | "places"> = {
  id: "G-CAME",
  aliases: ["gcame"],
  title: "G-CAME",
  paper: "Nguyen et al., 2023",
  needs: ["activations", "gradients", "places"],
  ...sumOverChannels<"gradients" | "places">((evidence) => {
    const { activations, gradients, places } = evidence;
    const weights = channelMeans(gradients);
    const [, H, W] = shapeOf(activations);
    const distances = squaredDistances(evidence, H, W);
    const kappa = Math.max(Math.floor((Math.sqrt(H * W) - 1) / 2), 1) / 3;
    const spread = Math.log(Math.max(...places.map((place) => place.stride), 1)) / kappa;
    return (into, start, channel) => {
      const weight = weights[channel]!;
      const sigma = Math.abs(Math.log(Math.abs(weight))) * spread;
      if (weight === 0) into.fill(0);
      else gaussian(distances, sigma, into);
      for (let i = 0; i < into.length; i++) into[i]! *= weight * activations.data[start + i]!;
    };
  }),
};

/** From each cell to the nearest detection's, squared; zeros without a detection. */
function squaredDistances({ places }: Pick<Evidence, "places">, H: number, W: number): Float64Array {
  return Float64Array.from({ length: H * W }, (_, i) => {
    const [x, y] = [i % W, Math.floor(i / W)];
    const each = places.map(({ cell }) => (x - cell[0]) ** 2 + (y - cell[1]) ** 2);
    return each.length === 0 ? 0 : Math.min(...each);
  });
}

/** `exp(−d² / 2σ²)` scaled so that its least is 0 and its most 1; 1 throughout where it does not vary. σ = 0 leaves the centres. */
function gaussian(distances: Float64Array, sigma: number, into: Float64Array): void {
  let least = 1;
  let most = 0;
  for (let i = 0; i < into.length; i++) {
    const value = distances[i] === 0 ? 1 : Math.exp(-distances[i]! / (2 * sigma * sigma));
    into[i] = value;
    least = Math.min(least, value);
    most = Math.max(most, value);
  }
  if (most === least) into.fill(1);
  else for (let i = 0; i < into.length; i++) into[i] = (into[i]! - least) / (most - least);
}
