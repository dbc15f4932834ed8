import { keepsNothing } from "../keeps-nothing.js";
import { shapeOf, sumOverChannels } from "./channels.js";
import type { CamMethod, Evidence } from "./method.js";

/**
 * Grad-CAM times a Gaussian at the detection's cell. The width of the Gaussian depends on the channel.
 *
 * `cam = Σ_c ḡ_c · A[c] ⊙ M[c]` with `ḡ_c` the mean of `G[c]` and `M[c] = exp(−d² / 2σ_c²)` scaled to 0..1, `d` the distance to the detection's cell in cells,
 * `σ_c = |ln|ḡ_c|| / κ · ln(stride)` and `κ = ⌊(√(H·W) − 1) / 2⌋ / 3`. `A` and `G = d score / d A` are `[C, H, W]`, `stride` is input pixels per cell. One forward and one backward pass.
 * With several detections each has a Gaussian, and their maximum counts. If no position is known, as for a class without a detection, there is no Gaussian and the map is Grad-CAM's.
 *
 * The published code uses the first cell with a gradient as the centre. At the level's own input, where `auto` reads, that is the detection's cell. `κ` is at least 1/3, so that it is defined for small maps.
 *
 * The heat is near the detection's cell by construction, so the pointing game and the energy in the box say little about this method. Its deletion and insertion scores are weak.
 *
 * Nguyen et al., "G-CAME: Gaussian-Class Activation Mapping Explainer for Object Detectors", arXiv:2306.03400, 2023.
 */
export const gCame: CamMethod<"activations" | "gradientMeans" | "places"> = keepsNothing({
  id: "G-CAME",
  aliases: ["gcame"],
  title: "G-CAME",
  paper: "Nguyen et al., 2023",
  needs: ["activations", "gradientMeans", "places"],
  ...sumOverChannels<"gradientMeans" | "places">((evidence) => {
    const { activations, gradientMeans, places } = evidence;
    const [, H, W] = shapeOf(activations);
    const distances = squaredDistances(evidence, H, W);
    const kappa = Math.max(Math.floor((Math.sqrt(H * W) - 1) / 2), 1) / 3;
    const spread = Math.log(Math.max(...places.map((place) => place.stride), 1)) / kappa;
    return (into, start, channel) => {
      const weight = gradientMeans[channel]!;
      const sigma = Math.abs(Math.log(Math.abs(weight))) * spread;
      if (weight === 0) into.fill(0);
      else gaussian(distances, sigma, into);
      for (let i = 0; i < into.length; i++) into[i]! *= weight * activations.data[start + i]!;
    };
  }),
});

/** The squared distance of each cell to the nearest detection's cell. Zeros without a detection. */
function squaredDistances({ places }: Pick<Evidence, "places">, H: number, W: number): Float64Array {
  return Float64Array.from({ length: H * W }, (_, i) => {
    const [x, y] = [i % W, Math.floor(i / W)];
    const each = places.map(({ cell }) => (x - cell[0]) ** 2 + (y - cell[1]) ** 2);
    return each.length === 0 ? 0 : Math.min(...each);
  });
}

/** `exp(−d² / 2σ²)` scaled to 0..1. All ones if it is constant. With σ = 0 only the centres are 1. */
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
