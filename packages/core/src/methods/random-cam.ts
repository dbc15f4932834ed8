import { createRandom } from "../algebra/random.js";
import { keepsNothing } from "../keeps-nothing.js";
import { shapeOf, weighChannels } from "./channels.js";
import type { CamMethod } from "./method.js";

/**
 * Weights the channels at random: the baseline that every other method must beat.
 *
 * `cam = Σ_c w_c · A[c]` with `w_c` uniform in -1..1, `A` `[C, H, W]`. One forward pass, no gradient. The same `seed` gives the same map. The map
 * depends on the activations alone. A method whose maps or metrics do not differ from it explains nothing.
 *
 * From pytorch-grad-cam (RandomCAM), which has no seed and runs a backward pass only to get a shape.
 */
export const randomCam: CamMethod<"activations"> = keepsNothing({
  id: "RandomCAM",
  aliases: ["random"],
  title: "Random weights",
  paper: "Gildenblat et al., pytorch-grad-cam, 2021",
  needs: ["activations"],
  usesSeed: true,
  ...weighChannels<"activations">(({ activations, seed }) => {
    const random = createRandom(seed);
    return Float64Array.from({ length: shapeOf(activations)[0] }, () => 2 * random.uniform() - 1);
  }),
});
