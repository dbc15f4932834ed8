import { createRandom } from "../algebra/random.js";
import { keepsNothing } from "../keeps-nothing.js";
import { largestMagnitude } from "./gradient.js";
import type { CamMethod } from "./method.js";
import { sampleCount } from "./samples.js";

const SAMPLES = 25;
/** Standard deviation of the noise, relative to the range of the image's values. */
const NOISE = 0.1;

/**
 * The gradient at the image, averaged over noisy copies of it, so that noise cancels out.
 *
 * `map[y, x] = max_c |mean_i G(x + n_i)[c, y, x]|`, `G = d score / d x` `[3, H, W]`, `n_i` normal noise with a standard
 * deviation of 0.1 × (max x − min x), i = 1 … 25 or `samples`. The signed gradients are averaged first; the magnitude and the
 * maximum over colours follow. Noise `i` depends on the seed and `i` alone. Noisy images are not clipped.
 *
 * **Cost:** 25 forward and backward passes to the image, or `samples` of them.
 *
 * **Edge cases:** an image of one colour has no range and gets no noise: the result is the plain gradient.
 *
 * pytorch-grad-cam does not have it.
 *
 * Smilkov et al., "SmoothGrad: removing noise by adding noise", 2017 (arXiv 1706.03825), section 3.
 */
export const smoothGrad: CamMethod<"pixels"> = keepsNothing({
  id: "SmoothGrad",
  title: "SmoothGrad",
  paper: "Smilkov et al., 2017",
  needs: ["pixels"],
  reads: "input",
  // With noise there may be no row with the class near the box. The other scores have no gradient then.
  scores: ["row"],
  samples: "noise samples",
  usesSeed: true,
  runs: ({ samples }) => samples ?? SAMPLES,
  async map({ pixels, seed, samples }) {
    const { dims, data } = pixels.input;
    const sigma = NOISE * range(data);
    const count = sigma === 0 ? 1 : sampleCount(samples, SAMPLES);
    const sum = new Float64Array(data.length);
    for (let i = 0; i < count; i++) {
      const random = createRandom(seed, i);
      const { gradient } = await pixels.gradientAt(data.map((value) => value + sigma * random.normal()));
      for (let j = 0; j < sum.length; j++) sum[j]! += gradient.data[j]!;
    }
    return largestMagnitude({ dims, data: Float32Array.from(sum, (value) => value / count) });
  },
});

function range(values: Float32Array): number {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (const value of values) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return high - low;
}
