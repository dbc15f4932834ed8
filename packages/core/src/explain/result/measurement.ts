import type { PerturbationCurve } from "../../metrics/metric.js";

/** Two curves of one map, and the difference of their areas. */
export interface MeasuredCurves {
  /** Replaces the hottest pixels by grey. */
  readonly deletion: PerturbationCurve;
  /** Starts from the blurred image and restores the hottest pixels. */
  readonly insertion: PerturbationCurve;
  /** Area under the insertion curve minus area under the deletion curve, −1..1. Higher is better. A random map has about 0. */
  readonly overAll: number;
}

/** The figures of one map of one detection. Scores are shares of the score on the original image. */
export interface MapFigures extends MeasuredCurves {
  /** The same with the pixels of the box only: its surroundings stay. Here a map that knows only the box has no advantage. */
  readonly withinBox: MeasuredCurves;
}

/** The figures of a map, with the smallest regions that decide. */
export interface RegionFigures extends MapFigures {
  /** The smallest share of the image, hottest first, whose removal halves the score. Null if no share does. */
  readonly removal: number | null;
  /** The smallest share of the image, hottest first, that restores half of the score in the blurred image. 0 if the blurred image has it already. */
  readonly sufficient: number;
  /** `sufficient` as a multiple of the area of the box. */
  readonly sufficientOverBox: number;
}

/**
 * How faithful the map of one detection is. The score is the best confidence of the class among all boxes before NMS whose IoU with the
 * detection is above 0.5 (0 below 0.01). For a classifier it is the probability of the class.
 */
export interface Measurement {
  /** The index of the detection. Empty for a box of the option `box`. */
  readonly detections: readonly number[];
  readonly className: string;
  /** The score on the original image. */
  readonly score: number;
  readonly map: RegionFigures;
  /** A Gaussian at the box: the baseline. It knows the box and nothing of the network. */
  readonly gaussian: RegionFigures;
  /** A map of random numbers. */
  readonly random: MapFigures;
  /** Number of changed images that the network ran on. */
  readonly images: number;
}
