import type { Detection } from "../../detector/detection.js";
import type { Box, Letterbox } from "../../image/frame.js";
import type { Search } from "../../methods/search/found.js";
import type { Map2D } from "../../tensor/tensor.js";
import type { Measurement } from "./measurement.js";

/**
 * Why a heatmap is empty. `no-score`: there are detections, but none has the score. `same-class`: `versus` is the class that is explained.
 * `zero-gradient`: none of the layers sees the detections. `non-finite`: the network computes NaN or infinity. The message says where.
 */
export type EmptyReason =
  | "no-detection"
  | "class-not-detected"
  | "no-score"
  | "same-class"
  | "zero-gradient"
  | "non-finite";

/** The detections that one layer explains, and those that it cannot see. */
export interface LayerDiagnosis {
  /** Index in the network's list of layers, if the layer has one. */
  readonly index: number | undefined;
  readonly name: string;
  /** The value of the graph that was read. */
  readonly value: string;
  readonly channels: number;
  /** Size in cells, `[h, w]`. */
  readonly size: readonly [height: number, width: number];
  /** Indices of the detections that this layer explains. */
  readonly detections: readonly number[];
  /** Indices of the detections whose gradient is exactly zero at this layer. `message` has the reason. */
  readonly blind: readonly number[];
  /** Largest absolute gradient. Null for methods without gradients. */
  readonly gradientMax: number | null;
  /** What is wrong, and what to do. Undefined if nothing is wrong. */
  readonly message: string | undefined;
}

/** A score of one group of detections, and its value. */
export interface ScoreReport {
  readonly backprop: string;
  /** The class, with `backwardPerClass`. Otherwise null. */
  readonly className: string | null;
  /** Indices of the detections that are scored together. */
  readonly detections: readonly number[];
  readonly value: number;
  /** Indices of the detections that contributed nothing (no row near the box carries its class). */
  readonly withoutScore: readonly number[];
}

/** The map of one detection, or of the detections of one class. */
export interface DetectionMap {
  /** Indices of the detections that the map explains. */
  readonly detections: readonly number[];
  readonly className: string;
  /**
   * The heatmap in image pixels, 0..1, without the padding. A result keeps heatmaps up to 128 MB. Those of later maps are made each time they are
   * read, unless they were read recently: read them one after another, and keep an array only as long as you need it.
   */
  readonly heatmap: Map2D;
  /** With `frames: "both"`: the heatmap in pixels of the network's input, with the padding. */
  readonly heatmapInput?: Map2D;
  /** Largest value of the method's raw map, before scaling: the strength of the support for the detection, in the unit of the method. 0 if there is none. */
  readonly maximum: number;
}

/** A number that a method reports with a map, for example a spectral gap, a completeness gap, or the number of masks. */
export interface MapNote {
  readonly name: string;
  readonly value: number;
  readonly layer: string | undefined;
  readonly detections: readonly number[];
}

/** How the map of one detection was found by a method that searches. */
export interface Searched extends Search {
  /** The index of the detection. Empty for a box of the option `box`. */
  readonly detections: readonly number[];
  readonly className: string;
}

/** Whether and why a box drawn by a person was detected. */
export interface AskedAnswer {
  readonly boxImage: Box<"image">;
  readonly boxInput: Box<"input">;
  readonly className: string;
  /** The row near the box that supports the class most, regardless of the best class of the row. */
  readonly row: number;
  readonly levelName: string;
  readonly iou: number;
  readonly objectness: number;
  readonly classProbability: number;
  /** objectness × class probability. */
  readonly confidence: number;
  readonly bestClassName: string;
  readonly bestClassProbability: number;
  /** Index of the detection of this object. Undefined if it was not detected. */
  readonly detection: number | undefined;
  /** Why the object was or was not detected, as a sentence. */
  readonly verdict: string;
}

/** Milliseconds by stage. */
export interface Timings {
  readonly letterbox: number;
  readonly forward: number;
  readonly detect: number;
  readonly backward: number;
  readonly finish: number;
  /** 0 without the option `measure`. */
  readonly measure: number;
  readonly total: number;
}

/** The result of an explanation. `JSON.stringify` writes `plainResult(result)`: everything except the values of the maps. */
export interface ExplainResult {
  readonly method: string;
  /** Ids of the scores that were differentiated. */
  readonly backprop: readonly string[];
  /** All detections. `explained` has the indices of those that the heatmap explains. */
  readonly detections: readonly Detection[];
  readonly explained: readonly number[];
  /** The heatmap in image pixels, 0..1, without the padding. All zeros when `empty` is set. */
  readonly heatmap: Map2D;
  /** The heatmap in pixels of the network's input, with the padding. It can be compared with the Python reference. */
  readonly heatmapInput: Map2D;
  /** With `per`: one map for each class or detection, in the order of `explained`. Otherwise empty. */
  readonly maps: readonly DetectionMap[];
  /** With `box`: whether and why it was detected. */
  readonly asked: AskedAnswer | undefined;
  readonly notes: readonly MapNote[];
  /** With the method "search": how each map was found, and how it compares with a Gaussian at the box. Otherwise empty. */
  readonly searched: readonly Searched[];
  /** With `measure`: how faithful each map is. Without an entry for a detection whose confidence is below 0.01. */
  readonly measured: readonly Measurement[];
  readonly letterbox: Letterbox;
  readonly layers: readonly LayerDiagnosis[];
  readonly scores: readonly ScoreReport[];
  /** The reason why the heatmap is all zeros, with a message for users. Undefined if the heatmap is not all zeros. */
  readonly empty: { readonly reason: EmptyReason; readonly message: string } | undefined;
  readonly timings: Timings;
}
