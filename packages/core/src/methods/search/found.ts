/**
 * A part that maps are mixed from. `box`: a Gaussian at the box, which knows nothing of the network. `depths`: the fusion of all depths (tap-fusion). `path-insertion`, `path-deletion`: gradients of masks of the image. `regions-alone`, `regions-surrounded`, `regions-removed`: how much each region adds, in images where
 * random subsets of them are the only sharp ones, are blurred, or are filled with the mean colour.
 */
export type SearchPart =
  | "box"
  | "depths"
  | "path-insertion"
  | "path-deletion"
  | "regions-alone"
  | "regions-surrounded"
  | "regions-removed";

/** Parts with their weights. */
export type SearchMixture = readonly { readonly part: SearchPart; readonly weight: number }[];

/**
 * How the pixels outside the cells are ordered. `distance`: by their distance from the box. `network`: also by the fusion of all depths and by the gradients of masks of the image, because that is
 * better for this detection.
 */
export type SearchSurroundings = "distance" | "network";

/** How a map did in the search. Values are shares of the support in the original image. */
export interface SearchCurves {
  /** Number of changed pixels, hottest first, as shares of the area of the box. */
  readonly shares: readonly number[];
  /** These pixels have the mean colour of the image. */
  readonly deletion: readonly number[];
  /** Only these pixels are sharp, the others are blurred. */
  readonly insertion: readonly number[];
  /** These shares of the box are sharp, its other pixels are blurred, and its surroundings are sharp. */
  readonly withinBox: readonly number[];
  /** Mean of `insertion`, plus half the mean of `withinBox`, minus the mean of `deletion`. Higher is better. */
  readonly quality: number;
}

/** How a map was found, and how it compares. */
export interface Search {
  /** What the map is made of. The ranks of several mixtures are averaged. */
  readonly chosen: readonly SearchMixture[];
  readonly surroundings: SearchSurroundings;
  /** True if no map of the network is better than a Gaussian at the box, as measured. The map is then the best one without a Gaussian in it. */
  readonly noBetterThanBox: boolean;
  readonly map: SearchCurves;
  /** The same for a Gaussian at the box. */
  readonly gaussian: SearchCurves;
  /** Number of maps that were compared. */
  readonly candidates: number;
  /** Number of changed images that the network ran on. */
  readonly passes: number;
  /** `settled`: nothing improved any more. `plan`: all planned steps are done. `budget`: the time was over, so a slower machine may find another map. */
  readonly stoppedBy: "settled" | "plan" | "budget";
}
