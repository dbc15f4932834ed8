import type { Map2D, Tensor } from "../tensor/tensor.js";

/**
 * All that a method can ask for. Activations and gradients are those of one layer for one explanation (the image, a class, one
 * detection): `A` and `G = d score / d A`, both `[C, H, W]`.
 */
export interface Evidence {
  readonly activations: Tensor;
  /** d score / d activations. */
  readonly gradients: Tensor;
  /** The mean of each channel of the gradients over its cells, `[C]`: for methods that look at nothing else of them, in place of `gradients`. */
  readonly gradientMeans: Float32Array;
  /** `∂⟨G, A'⟩ / ∂A` with `A' = A` held fixed: the Hessian of the score times the activations, `[C, H, W]`. Two to four runs of the tail. */
  readonly curvature: Tensor;
  /** The detector's own objectness × class probability for what is explained, the largest over anchors, on the layer's cells: 0..1. */
  readonly scoreMap: Map2D;
  /** What is explained, on the layer's cells. One entry per detection. */
  readonly places: readonly Place[];
  /** Class probabilities of every detection level, finest first. */
  readonly classMaps: readonly ClassMap[];
  readonly tail: Tail;
  readonly masked: MaskedInputs;
  readonly pixels: Pixels;
  /** Biases and the gradients at their outputs, layer after layer in the order of execution. */
  readonly biases: Biases;
  /** d score / d input `[3, H, W]` with guided backpropagation through ReLU, LeakyReLU and SiLU (Springenberg et al. 2015, extended). */
  readonly guidedGradients: Tensor;
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

/** `[K, h, w]`: objectness left out, the largest over the level's anchors. */
export interface ClassMap {
  readonly probabilities: Tensor;
  readonly classIndices: readonly number[];
}

/** The part of the network behind the layer, run again on changed activations. */
export interface Tail {
  /** The score on the activations as they are. */
  readonly score: number;
  /**
   * The score for each of `count` changed activations; `fill(i, into)` writes number `i` as `[C, H, W]` (into zeros, or
   * whatever the call before left: write all of it). Streams: memory holds one batch.
   */
  scores(count: number, fill: (i: number, into: Float32Array) => void): Promise<Float64Array>;
  /** The score for each channel `c` filled with `replacements[c]`, the others as they are: what `scores` would give, many times faster. */
  channelScores(replacements: ArrayLike<number>): Promise<Float64Array>;
}

/** The whole network on masked pictures: `input ⊙ mask`, mask 0..1 at input size `[H, W]`; padding is masked like the rest. */
export interface MaskedInputs {
  /** `[h, w]` in input pixels. */
  readonly size: readonly [height: number, width: number];
  readonly batch: number;
  /** The score for each of `count` masks; `fill(i, into)` writes all of mask `i`, `[H, W]` row-major. */
  scores(count: number, fill: (i: number, into: Float32Array) => void): Promise<Float64Array>;
  /**
   * D-RISE's similarity for each mask, summed over the detections that are explained: `max_j IoU · objectness_j · cos(p, p_j)` over
   * all rows before NMS. Masks are numbered from the first of the explanation: the network's answer to mask `first + i` is
   * remembered, so that all detections of an image share one set.
   */
  similarities(first: number, count: number, fill: (i: number, into: Float32Array) => void): Promise<Float64Array>;
}

/** The input and what the score makes of other inputs. */
export interface Pixels {
  /** The letterboxed picture, `[3, H, W]`, as it goes into the network. */
  readonly input: Tensor;
  readonly score: number;
  /** Score and d score / d input at another input `[3, H, W]`. One forward and one backward pass to the image. */
  gradientAt(input: Float32Array): Promise<{ readonly score: number; readonly gradient: Tensor }>;
}

export interface Biases {
  /** The letterboxed picture and d score / d input, `[3, H, W]`. */
  readonly input: Tensor;
  readonly inputGradient: Tensor;
  /** One entry per layer with a bias: `bias` `[C]`, `gradient` at the layer's output `[C, H, W]`. */
  readonly layers: AsyncIterable<{ readonly name: string; readonly bias: Float32Array; readonly gradient: Tensor }>;
}

/** What holds for every explanation, whatever the method needs. */
export interface Setting {
  /** `[h, w]` of the network's input in pixels. */
  readonly inputSize: readonly [height: number, width: number];
  /** The library's number where Whybox differs by default. */
  readonly compat: boolean;
  /** Seed of everything random. */
  readonly seed: number;
  /** Masks, noise samples, steps or concepts, where the user asked for a number. */
  readonly samples: number | undefined;
  /** What a channel becomes that is taken away, where the user said so. */
  readonly ablateTo: "zero" | "mean" | undefined;
  /** Notes to the user about this map (a gap, a count of runs). */
  report(name: string, value: number): void;
}

/**
 * A CAM method: arithmetic on arrays. It declares what it needs, the planner computes only that, and it returns the raw
 * signed map `[h, w]`, at layer resolution or any other. ReLU, scaling and resizing are shared later steps, never part of a method.
 */
export interface CamMethod<K extends keyof Evidence = keyof Evidence> {
  readonly id: string;
  readonly aliases?: readonly string[];
  readonly title: string;
  readonly paper: string;
  readonly needs: readonly K[];
  /**
   * What it is read at. `layers` (default): each layer asked for. `input`: the network's input, whatever layer is asked for.
   * `network`: it has no layer.
   */
  readonly reads?: "layers" | "input" | "network";
  /**
   * The layers that "auto" stands for. `level` (default): the head input of the level that found the detection. `stage`: the backbone's last
   * map of that level's stride, for methods that keep the gradient's place (at the head input it is a single cell). `taps`: maps of
   * several depths for fusing. `taps-fast`: fewer of them.
   */
  readonly auto?: "level" | "stage" | "taps" | "taps-fast";
  /** Scores that are explained when none is asked for. Default: class. */
  readonly scores?: readonly string[];
  /** What `samples` counts, for methods that read it. Others refuse the option. */
  readonly samples?: "masks" | "noise samples" | "steps" | "concepts";
  /** True when it draws random numbers from `seed`. Others refuse a seed. */
  readonly usesSeed?: boolean;
  /** True when its map under `compat` is another one. Others refuse the option. */
  readonly hasCompat?: boolean;
  /** True when it takes channels away, and `ablateTo` says what they become. Others refuse the option. */
  readonly ablates?: boolean;
  /** How maps of several scores become one. Default: their mean. */
  readonly merge?: "mean" | "max";
  map(evidence: Pick<Evidence, K> & Setting): Map2D | Promise<Map2D>;
  /** Contributions of the channels `[C, H, W]`, whose sum over C is the map: what eigen-smooth takes the first component of. */
  channels?(evidence: Pick<Evidence, K> & Setting): Tensor | Promise<Tensor>;
  /**
   * One map from those of several layers, each already ReLU'd, scaled to 0..1 and resized to one size. Maps that are zero throughout
   * are left out before; at least one is left. Default: their mean.
   */
  fuse?(maps: readonly Map2D[]): Map2D;
}
