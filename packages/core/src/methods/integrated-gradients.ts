import { keepsNothing } from "../keeps-nothing.js";
import type { CamMethod } from "./method.js";
import { sampleCount } from "./samples.js";

const STEPS = 32;
/** The grey of the letterbox: YOLO is trained to see it as background. */
const GREY = 114 / 255;

/**
 * Distributes the difference between the score of the image and the score of a grey image over the pixels.
 *
 * `map[y, x] = Σ_c (x − x′)[c, y, x] · ∫₀¹ G(x′ + α (x − x′))[c, y, x] dα` with `x` `[3, H, W]` the letterboxed image, `x′`
 * the grey of the letterbox (114/255) everywhere and `G = d score / d x`. The integral is a Gauss–Legendre sum of 32 points, or
 * `samples` points, exact for polynomials up to degree 63. Signed. The padding gets exactly zero.
 *
 * **Completeness:** the map sums to `score(x) − score(x′)`, up to the error of the sum over α. Both are reported:
 * `scoreDifference`, and `completenessGap`, the map's sum minus the difference. If the gap is not small compared with the difference, use
 * more steps.
 *
 * **Cost:** 32 forward and backward passes to the image, or `samples` of them, and one pass for the grey image.
 *
 * pytorch-grad-cam does not have it.
 *
 * Sundararajan, Taly and Yan, "Axiomatic Attribution for Deep Networks", ICML 2017, eq. 1 and proposition 1.
 */
export const integratedGradients: CamMethod<"pixels"> = keepsNothing({
  id: "IntegratedGradients",
  aliases: ["ig"],
  title: "Integrated Gradients",
  paper: "Sundararajan et al., ICML 2017",
  needs: ["pixels"],
  reads: "input",
  // The other scores are logarithms. They drop abruptly once no row near the box has the class.
  scores: ["row"],
  samples: "steps",
  // One more for the grey image.
  runs: ({ samples }) => (samples ?? STEPS) + 1,
  async map({ pixels, samples, report }) {
    const { gaussLegendre } = await import("../algebra/gauss-legendre.js");
    const [C, H, W] = pixels.input.dims as [number, number, number];
    const x = pixels.input.data;
    const mean = new Float64Array(x.length);
    for (const { point, weight } of gaussLegendre(sampleCount(samples, STEPS))) {
      const { gradient } = await pixels.gradientAt(x.map((value) => GREY + point * (value - GREY)));
      for (let i = 0; i < mean.length; i++) mean[i]! += weight * gradient.data[i]!;
    }
    const shares = new Float64Array(H * W);
    let sum = 0;
    for (let c = 0, i = 0; c < C; c++) {
      for (let at = 0; at < H * W; at++, i++) {
        const share = (x[i]! - Math.fround(GREY)) * mean[i]!;
        shares[at]! += share;
        sum += share;
      }
    }
    const baseline = await pixels.gradientAt(new Float32Array(x.length).fill(GREY));
    report("scoreDifference", pixels.score - baseline.score);
    report("completenessGap", sum - (pixels.score - baseline.score));
    return { height: H, width: W, data: new Float32Array(shares) };
  },
});
