import type { PlanePart } from "../image/frame.js";
import type { Map2D, Tensor } from "../tensor/tensor.js";
import type { Search } from "./search/found.js";

/**
 * Everything that a method can request. Activations and gradients are those of one layer for one explanation (the image, a class, or one
 * detection): `A` and `G = d score / d A`, both `[C, H, W]`.
 *
 * Arrays are read-only: several maps may share them. The functions (`tail`, `masked`, `pixels`, `biases`) work until `map` has returned. The arrays
 * stay valid after that, unless the method is declared with `keepsNothing`.
 */
export interface Evidence {
  readonly activations: Tensor;
  /**
   * The scatter matrix of the channels, `Σ_i (A[c, i] − mean_c) (A[d, i] − mean_d)` over the cells `i`. Each row is followed by the mean of its
   * channel, `[C, C + 1]`.
   */
  readonly channelScatter: Tensor;
  /** d score / d activations. */
  readonly gradients: Tensor;
  /** The mean of each channel of the gradients over its cells, `[C]`. Methods that need nothing else request this instead of `gradients`. */
  readonly gradientMeans: Float32Array;
  /** Activations and gradients of all layers of the explanation. A method that needs them makes one map from all of them, and reads no `activations` or `gradients`. */
  readonly depths: readonly Depth[];
  /** `Σ_c G · A` of activations `A` and gradients `G`, one value per cell. Methods that need nothing else request this instead of both. */
  readonly gradientProducts: Map2D;
  /** `Σ_c max(G, 0) · A`. */
  readonly positiveGradientProducts: Map2D;
  /** `Σ_c max(G · A, 0)`. */
  readonly positiveProducts: Map2D;
  /** `∂⟨G, A'⟩ / ∂A` with `A' = A` held fixed: the Hessian of the score times the activations, `[C, H, W]`. Two to four runs of the tail. */
  readonly curvature: Tensor;
  /** The detector's objectness × class probability of the explained class, the maximum over anchors, on the layer's cells: 0..1. */
  readonly scoreMap: Map2D;
  /** The explained detections on the layer's cells. One entry per detection. */
  readonly places: readonly Place[];
  /** Class probabilities of every detection level, finest first. */
  readonly classMaps: readonly ClassMap[];
  readonly tail: Tail;
  readonly masked: MaskedInputs;
  readonly blends: Blends;
  readonly pixels: Pixels;
  /** Biases and the gradients at their outputs, layer by layer in the order of execution. */
  readonly biases: Biases;
  /** d score / d input `[3, H, W]` with guided backpropagation through ReLU, LeakyReLU and SiLU (Springenberg et al. 2015, extended). */
  readonly guidedGradients: Tensor;
}

/** One of several layers: `A` and `G`, both `[C, H, W]`. */
export interface Depth {
  readonly activations: Tensor;
  readonly gradients: Tensor;
}

/** A detection as seen from a layer. */
export interface Place {
  /** Its box in cells of the layer, continuous: cell `i` covers `[i, i + 1)`. */
  readonly box: { readonly x1: number; readonly y1: number; readonly x2: number; readonly y2: number };
  /** The cell of the layer under the centre of the grid cell that predicted the box, `[x, y]`. */
  readonly cell: readonly [x: number, y: number];
  readonly classIndex: number;
  /** Input pixels per cell of the layer. */
  readonly stride: number;
}

/** Class probabilities `[K, h, w]` without objectness, the maximum over the level's anchors. */
export interface ClassMap {
  readonly probabilities: Tensor;
  readonly classIndices: readonly number[];
}

/** The part of the network after the layer. It runs again on changed activations. */
export interface Tail {
  /** The score on the unchanged activations. */
  readonly score: number;
  /**
   * The score for each of `count` changed activations. `fill(i, into)` writes number `i` as `[C, H, W]`. It must write all values:
   * the array may hold those of an earlier call. Works in batches: memory holds one batch.
   */
  scores(count: number, fill: (i: number, into: Float32Array) => void): Promise<Float64Array>;
  /** The score for each cell of the layer alone: all other cells are zero. The same as `scores`, but many times faster if a score reads few rows. */
  cellScores(): Promise<Float64Array>;
  /** The score for each channel `c` filled with `replacements[c]`, with all other channels unchanged. The same as `scores`, but many times faster. */
  channelScores(replacements: ArrayLike<number>): Promise<Float64Array>;
}

/** The whole network on masked images: `input ⊙ mask`, mask 0..1 at input size `[H, W]`; padding is masked like the rest. */
export interface MaskedInputs {
  /** `[h, w]` in input pixels. */
  readonly size: readonly [height: number, width: number];
  readonly batch: number;
  /** The score for each of `count` masks; `fill(i, into)` writes all of mask `i`, `[H, W]` row-major. */
  scores(count: number, fill: (i: number, into: Float32Array) => void): Promise<Float64Array>;
  /**
   * D-RISE's similarity for each mask, summed over the explained detections: `max_j IoU · objectness_j · cos(p, p_j)` over
   * all rows before NMS. Masks have numbers: the network's answer to mask `first + i` is cached, so that all detections of an image share one
   * set of masks.
   */
  similarities(first: number, count: number, fill: (i: number, into: Float32Array) => void): Promise<Float64Array>;
}

/** Images that are partly replaced, and what the network still finds of one detection in them. Images are `[3, H, W]`. */
export interface Blends {
  readonly input: Float32Array;
  /** `[h, w]` in input pixels. */
  readonly size: readonly [height: number, width: number];
  /** The part of the input that shows the image. The rest is padding. */
  readonly part: PlanePart;
  /** The box of the detection in input pixels. */
  readonly box: { readonly x1: number; readonly y1: number; readonly x2: number; readonly y2: number };
  /** Support for the detection in the original image: the largest objectness × class probability × IoU with its box over all rows. */
  readonly strength: number;
  /** The image blurred by a Gaussian of so many pixels, and the image filled with its mean colour. The padding stays. */
  readonly blurred: (sigma: number) => Float32Array;
  readonly mean: () => Float32Array;
  /** The support in `count` images: from `to` where a mask is 1, from `from` where it is 0. `fill(i, into)` writes all of mask i, `[H, W]`. */
  strengths(
    blend: { readonly from: Float32Array; readonly to: Float32Array },
    count: number,
    fill: (i: number, into: Float32Array) => void,
  ): Promise<Float64Array>;
  /** The logarithm of the support at another image, and its gradient. One forward and one backward pass to the image. */
  gradientAt: Pixels["gradientAt"];
}

/** The network's input, and score and gradient at other inputs. */
export interface Pixels {
  /** The letterboxed image `[3, H, W]`, the network's input. */
  readonly input: Tensor;
  readonly score: number;
  /** Score and d score / d input at another input `[3, H, W]`. One forward and one backward pass to the image. */
  gradientAt(input: Float32Array): Promise<{ readonly score: number; readonly gradient: Tensor }>;
}

export interface Biases {
  /** The letterboxed image and d score / d input, `[3, H, W]`. */
  readonly input: Tensor;
  readonly inputGradient: Tensor;
  /** One entry per layer with a bias: `bias` `[C]`, `gradient` at the layer's output `[C, H, W]`. */
  readonly layers: AsyncIterable<{ readonly name: string; readonly bias: Float32Array; readonly gradient: Tensor }>;
}

/** Settings of an explanation that every method receives. */
export interface Setting {
  /** `[h, w]` of the network's input in pixels. */
  readonly inputSize: readonly [height: number, width: number];
  /** Use the numbers of pytorch-grad-cam where Whybox differs by default. */
  readonly compat: boolean;
  /** Seed of all random numbers. */
  readonly seed: number;
  /** Number of masks, noise samples, steps or concepts, if the user gave one. */
  readonly samples: number | undefined;
  /** Seconds that one map may take, if the user gave a number. */
  readonly budget: number | undefined;
  /** The replacement of an ablated channel, if the user gave one. */
  readonly ablateTo: "zero" | "mean" | undefined;
  /** Reports a number about this map to the user (a gap, a number of runs). */
  report(name: string, value: number): void;
  /** Tells how a map was found, and how it compares with the others. */
  tell(found: Search): void;
}

/** What is known of a map before it is made. */
export interface RunFacts {
  /** Dims `[C, H, W]` of the layer's activations. Empty if the method reads no layer. */
  readonly dims: readonly number[];
  /** As in `Setting`. */
  readonly samples: number | undefined;
}

/** Evidence that is a sum of products of activations and gradients over the channels. */
export type ProductNeed = "gradientProducts" | "positiveGradientProducts" | "positiveProducts";

/** The evidence of `channels`. */
export type ChannelNeeds<K extends keyof Evidence> = K extends ProductNeed ? "activations" | "gradients" : K;

/**
 * A CAM method: arithmetic on arrays. It declares what it needs, and the planner computes only that. It returns the raw
 * signed map `[h, w]`, at layer resolution or any other. ReLU, scaling and resizing are later steps that all methods share.
 */
export interface CamMethod<K extends keyof Evidence = keyof Evidence> {
  readonly id: string;
  readonly aliases?: readonly string[];
  readonly title: string;
  readonly paper: string;
  readonly needs: readonly K[];
  /**
   * Where the method reads the network. `layers` (default): at each requested layer. `input`: at the network's input.
   * `network`: it has no layer.
   */
  readonly reads?: "layers" | "input" | "network";
  /**
   * The layers that "auto" selects. `level` (default): the head input of the level that found the detection. `stage`: the backbone's last
   * map with that level's stride, for methods that keep the position of the gradient (at the head input the gradient is a single cell). `deepest`: the
   * backbone's last map, for all levels. `taps`:
   * maps of several depths, to be fused. `taps-fast`: fewer of them.
   */
  readonly auto?: "level" | "stage" | "deepest" | "taps" | "taps-fast";
  /** Default scores. Default: class. */
  readonly scores?: readonly string[];
  /** The meaning of the option `samples`. Methods without it refuse the option. */
  readonly samples?: "masks" | "noise samples" | "steps" | "concepts";
  /** True if the method draws random numbers from `seed`. Other methods refuse a seed. */
  readonly usesSeed?: boolean;
  /** True if the method looks for a map until the time in `budget` is over. Other methods refuse a budget. It has one map for each detection. */
  readonly searches?: boolean;
  /** True if `compat` changes the map. Other methods refuse the option. */
  readonly hasCompat?: boolean;
  /** True if the method ablates channels and reads `ablateTo`. Other methods refuse the option. */
  readonly ablates?: boolean;
  /**
   * The largest number of runs that one map takes: items that `tail` and `masked` run, calls of `gradientAt`. The progress of a call counts them. Default: 1,
   * so that a map counts when it is done.
   */
  runs?(facts: RunFacts): number;
  /** True if all maps of an image share these runs, as they do with `similarities`. */
  readonly sharesRuns?: boolean;
  /** How maps of several scores are merged. Default: their mean. */
  readonly merge?: "mean" | "max";
  map(evidence: Pick<Evidence, K> & Setting): Map2D | Promise<Map2D>;
  /**
   * Contributions of the channels `[C, H, W]`. Their sum over C is the map. The option `eigenSmooth` takes their first principal component. Instead of
   * a sum of products they get its activations and gradients.
   */
  channels?(evidence: Pick<Evidence, ChannelNeeds<K>> & Setting): Tensor | Promise<Tensor>;
  /**
   * Fuses the maps of several layers. Each map has passed ReLU, is scaled to 0..1 and resized to a common size. Maps without any positive value
   * are removed before, but at least one remains. Default: their mean.
   */
  fuse?(maps: readonly Map2D[]): Map2D;
  /**
   * Input pixels per cell of the maps that `fuse` gets. The fused map is resized to the input. Default: 1, the size of the network's input. A larger
   * stride is many times faster, and not coarser if no layer has a smaller one.
   */
  readonly fuseStride?: number;
}
