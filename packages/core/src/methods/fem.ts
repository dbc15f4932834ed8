import { keepsNothing } from "../keeps-nothing.js";
import { perChannel, weighChannels } from "./channels.js";
import type { CamMethod } from "./method.js";

/** Standard deviations above the mean from which a cell counts as rare. */
const RARE = 2;

/**
 * Weights each channel by its share of rare cells, which are two standard deviations above the channel's mean: what is unusual in this image?
 *
 * `cam = Σ_c w_c · A[c]`, `w_c` the fraction of cells with `A > μ_c + 2·σ_c` (population standard deviation), `A` `[C, H, W]`. One forward pass, no gradient: the map is
 * the same for every class and detection. On maps with few cells there may be no rare cell (with fewer than six there is none). The map is then zero.
 *
 * Fuad et al., "Features Understanding in 3D CNNs for Actions Recognition in Video", IPTA 2020. Equal to pytorch-grad-cam's FEM.
 */
export const fem: CamMethod<"activations"> = keepsNothing({
  id: "FEM",
  aliases: ["feature-explanation-method"],
  title: "Feature Explanation Method",
  paper: "Fuad et al., IPTA 2020",
  needs: ["activations"],
  ...weighChannels<"activations">(({ activations }) => {
    const { data } = activations;
    return perChannel(activations, (start, end) => {
      const cells = end - start;
      let mean = 0;
      for (let i = start; i < end; i++) mean += data[i]!;
      mean /= cells;
      let variance = 0;
      for (let i = start; i < end; i++) variance += (data[i]! - mean) ** 2;
      const threshold = mean + RARE * Math.sqrt(variance / cells);
      let rare = 0;
      for (let i = start; i < end; i++) if (data[i]! > threshold) rare++;
      return rare / cells;
    });
  }),
});
