import { keepsNothing } from "../keeps-nothing.js";
import type { CamMethod } from "./method.js";
import { MAX_IMAGES, PATH_PASSES } from "./search/cost.js";
import { mapOver } from "./search/map-over.js";

/** Seconds for one map. */
const BUDGET = 10;

/**
 * Looks for the most faithful map of one detection in a given time, by measuring many maps of it.
 *
 * A map is measured by what the network still finds when its hottest pixels are removed, or kept alone. The support for a detection in an image is
 * `max_j IoU(b, b_j) · objectness_j · p_j(class)` over all rows `j` before NMS, with its box `b`. For a classifier it is the probability of the class. `quality = mean(insertion) + ½ mean(withinBox) −
 * mean(deletion)`, each at 12, 30 and 60 % of the area of the box and divided by the support in the original image. Insertion: these pixels are sharp, all others blurred. Deletion: they have the mean
 * colour of the image. Within the box: only these pixels of the box are sharp, and its surroundings.
 *
 * **The maps** live on about 20 × 20 cells over the box, enlarged 1.5 times. They are mixed from parts, each with the mean 0 and the standard deviation 1:
 *
 * - `depths`: the logarithm of tap-fusion's map, without its smoothing.
 * - `path-insertion`, `path-deletion`: the gradients of masks at which the hottest pixels of a map are kept or removed, at three shares.
 * - `regions-alone`, `regions-surrounded`, `regions-removed`: how much each of some 30 regions adds to the support. The network runs on images with a random half of the regions, and on their complements.
 *   The others are blurred, with a blurred or a sharp background, or have the mean colour. The effects are a linear fit (ridge regression).
 * - `box`: a Gaussian at the box.
 *
 * The best of some mixtures is changed group by group, and the ranks of the best two are averaged. At the rim of the cells a map falls to its lowest value, so that it does not end in an edge.
 *
 * **Outside the cells** the map is colder. Its order there is the distance from the box, or the distance together with `depths` and the gradients of the masks. The order with more support is taken, measured with
 * two and four times the area of the cells sharp, in the blurred image and in its mean colour.
 *
 * **When it stops:** after all steps (`plan`, or `settled` if no change of the best mixture helped), or after `budget` seconds (`budget`), in which the time to make sessions does not count. The steps are a fixed number of images, so the same seed gives
 * the same map, unless the time ends them.
 *
 * **The Gaussian** knows the box and nothing of the network, so it is never the answer. If no map with a part of the network is better, the result says so (`noBetterThanBox`) and the map is the best one without
 * a Gaussian in it.
 *
 * **Cost:** for each detection one backward pass to the shallowest depth, 6 forward and backward passes to the image, and about 230 forward passes. Mixtures that fall behind are dropped after three of their nine images.
 * With `per: "image"` each detection has its own search, and the map is their mean.
 *
 * A method of Whybox. pytorch-grad-cam does not have it. Regions in antithetic pairs are those of Shapley sampling: Covert and Lee, "Improving KernelSHAP", AISTATS 2021.
 */
export const search: CamMethod<"depths" | "blends"> = keepsNothing({
  id: "search",
  title: "Search",
  paper: "Whybox",
  needs: ["depths", "blends"],
  auto: "taps",
  scores: ["row"],
  usesSeed: true,
  searches: true,
  runs: () => MAX_IMAGES + PATH_PASSES,
  async map({ depths, blends, seed, budget = BUDGET, tell }) {
    // Loaded on demand: most users of a page never search.
    const { Hunt } = await import("./search/hunt.js");
    const hunt = new Hunt({ depths, blends, seed, budget });
    const hunted = await hunt.run();
    tell(hunted.found);
    return mapOver(blends, hunt.grid, hunted);
  },
});
