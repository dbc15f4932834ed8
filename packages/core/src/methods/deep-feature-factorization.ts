import { correlation } from "../algebra/correlation.js";
import { keepsNothing } from "../keeps-nothing.js";
import { shapeOf } from "./channels.js";
import type { CamMethod } from "./method.js";

const CONCEPTS = 5;

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
  async map({ activations, scoreMap, samples, report }) {
    const { factorize } = await import("./factorize.js");
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
