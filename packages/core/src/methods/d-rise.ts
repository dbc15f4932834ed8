import { keepsNothing } from "../keeps-nothing.js";
import { type GridMaskSums, gridMasks } from "./grid-masks.js";
import type { CamMethod } from "./method.js";
import { sampleCount } from "./samples.js";

/** Number of cells of a mask along each side, and the probability that a cell is kept. */
const CELLS = 16;
const KEEP = 0.5;
/** Default maximum number of masks. */
const MASKS = 5000;
/** Number of masks between two checks of the running map. */
const BLOCK = 250;
/** Minimum number of masks: the correlation of two maps from few masks means little. */
const MIN_MASKS = 500;
/** The map counts as stable from this reliability on. */
const SETTLED = 0.9;

/**
 * Hides random parts of the image and measures what remains of the detection. Needs no gradient and no layer, only input and output.
 *
 * `map[y, x] = 1/(N·q) · Σ_i (w_i − w̄) · M_i[y, x]`. A mask `M_i` `[H, W]`, 0..1, is a grid of 16 × 16 cells, each kept with
 * probability `q` = 0.5, enlarged smoothly to slightly more than the input and cropped at a random offset. Hidden pixels are black. `w_i = max_j
 * IoU(b, b_j) · objectness_j · cos(p, p_j)` is the similarity of the detection, with box `b` and class probabilities `p`, to the most similar
 * of all boxes `j` that the network finds in the masked image. For a classifier, `w_i` is the probability of the class, which is RISE. `w̄` is the mean of the `w_i`. The map is signed: it is negative where hiding
 * helps.
 *
 * **When it stops:** after exactly `samples` masks, if given. Otherwise it stops after 5000 masks, or earlier when
 * the map is stable: every 250 masks, from 500 on, it compares the map of the even masks with the map of the odd ones. If `r`
 * is their correlation over the pixels, the reliability of the map of all masks is `2r / (1 + r)` (Spearman and Brown, 1910).
 * The map counts as stable at 0.9: its correlation with the map of infinitely many masks is then about √0.9 = 0.95. The number of
 * masks (`masks`) and the `reliability` are reported.
 *
 * **Cost:** one forward pass per mask. Mask `i` depends on the seed and `i` alone, so that all detections of an image share
 * one set of passes, in any order. Memory holds one batch and four sums of the input's size per detection.
 *
 * **Edge cases:** if all similarities are equal, the map is zero. A similarity that is not finite counts as zero.
 *
 * **Differs from the paper**, which sums `w_i · M_i`. Subtracting the mean changes the limit of the sum only by a constant, and
 * removes the noise of the masks themselves. For a detection that few masks can hide, this is most of the noise.
 * `compat` gives the paper's sum, which is never negative. pytorch-grad-cam does not have this method.
 *
 * Petsiuk et al., "Black-box Explanation of Object Detectors via Saliency Maps", CVPR 2021, section 3; masks of RISE, BMVC
 * 2018.
 */
export const dRise: CamMethod<"masked"> = keepsNothing({
  id: "D-RISE",
  title: "D-RISE",
  paper: "Petsiuk et al., CVPR 2021",
  needs: ["masked"],
  reads: "network",
  samples: "masks",
  usesSeed: true,
  hasCompat: true,
  runs: ({ samples }) => samples ?? MASKS,
  sharesRuns: true,
  async map({ masked, seed, samples, compat, report }) {
    const [height, width] = masked.size;
    const masks = gridMasks({ size: masked.size, cells: CELLS, keep: KEEP, seed });
    const halves = [new RunningMap(masks.sums()), new RunningMap(masks.sums())] as const;
    const limit = sampleCount(samples, MASKS);
    let count = 0;
    let reliability = 0;
    let map: Float64Array = new Float64Array(height * width);
    // The first similarity is subtracted from all, so that equal ones cancel exactly.
    let base: number | undefined;
    while (count < limit && !(samples === undefined && count >= MIN_MASKS && reliability >= SETTLED)) {
      const first = count;
      const block = Math.min(BLOCK, limit - first);
      const similarities = await masked.similarities(first, block, (i, into) => masks.write(first + i, into));
      base ??= finiteOrZero(similarities[0]!);
      for (let i = 0; i < block; i++, count++) halves[count % 2]!.add(count, finiteOrZero(similarities[i]!) - base);
      if (samples !== undefined && count < limit) continue;
      const [even, odd] = [halves[0].read(), halves[1].read()];
      const restored = compat ? base : undefined;
      reliability = reliabilityOfMean(mapOf(even, restored), mapOf(odd, restored));
      map = mapOf(joined(even, odd), restored);
    }
    report("masks", count);
    report("reliability", reliability);
    return { height, width, data: new Float32Array(map) };
  },
});

/** `Σ M_i`, `Σ w_i M_i`, `Σ w_i` and their number. */
interface Sums {
  readonly masks: Float64Array;
  readonly weighted: Float64Array;
  readonly weights: number;
  readonly count: number;
}

class RunningMap {
  readonly #sums: GridMaskSums;
  #weights = 0;
  #count = 0;

  constructor(sums: GridMaskSums) {
    this.#sums = sums;
  }

  add(i: number, weight: number): void {
    this.#sums.add(i, weight);
    this.#weights += weight;
    this.#count++;
  }

  read(): Sums {
    return { ...this.#sums.read(), weights: this.#weights, count: this.#count };
  }
}

function joined(a: Sums, b: Sums): Sums {
  return {
    masks: a.masks.map((value, i) => value + b.masks[i]!),
    weighted: a.weighted.map((value, i) => value + b.weighted[i]!),
    weights: a.weights + b.weights,
    count: a.count + b.count,
  };
}

/** The sum with the mean subtracted, or with the base added back if there is one. */
function mapOf({ masks, weighted, weights, count }: Sums, base: number | undefined): Float64Array {
  const number = Math.max(count, 1);
  const offset = base === undefined ? -weights / number : base;
  return weighted.map((value, i) => (value + offset * masks[i]!) / (number * KEEP));
}

function finiteOrZero(value: number): number {
  return Number.isFinite(value) ? value : 0;
}

/**
 * Spearman and Brown: the share of the variance of the mean of two maps that is not noise, from their correlation. 0 if they do not
 * correlate.
 */
function reliabilityOfMean(a: Float64Array, b: Float64Array): number {
  const meanA = a.reduce((sum, value) => sum + value, 0) / a.length;
  const meanB = b.reduce((sum, value) => sum + value, 0) / b.length;
  let [both, varianceA, varianceB] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    both += (a[i]! - meanA) * (b[i]! - meanB);
    varianceA += (a[i]! - meanA) ** 2;
    varianceB += (b[i]! - meanB) ** 2;
  }
  if (!(both > 0)) return 0;
  const correlation = both / Math.sqrt(varianceA * varianceB);
  return (2 * correlation) / (1 + correlation);
}
