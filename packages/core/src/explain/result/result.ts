import type { Detection } from "../../detector/detection.js";
import type { Box, Letterbox } from "../../image/frame.js";
import type { Map2D } from "../../tensor/tensor.js";

/** Why a heatmap is empty. `no-score`: detections are there, but none carries the score; `same-class`: `versus` is the class that is explained;
 * `zero-gradient`: no layer asked for can see them; `non-finite`: the network computes NaN or infinity, the message says where. */
export type EmptyReason =
  | "no-detection"
  | "class-not-detected"
  | "no-score"
  | "same-class"
  | "zero-gradient"
  | "non-finite";

/** What one layer contributed, and which detections it cannot see. */
export interface LayerDiagnosis {
  /** Index in the network's list of layers, when it has one. */
  readonly index: number | undefined;
  readonly name: string;
  /** The value in the graph that was tapped. */
  readonly value: string;
  readonly channels: number;
  /** Cells `[h, w]`. */
  readonly size: readonly [height: number, width: number];
  /** Indices of the detections that this layer explains. */
  readonly detections: readonly number[];
  /** Indices of those whose gradient here is exactly zero, with the reason in `message`. */
  readonly blind: readonly number[];
  /** Largest absolute gradient; null for methods without gradients. */
  readonly gradientMax: number | null;
  /** What a person should know and do; undefined when all is well. */
  readonly message: string | undefined;
}

/** One term of the score: what was differentiated, and its value. */
export interface ScoreReport {
  readonly backprop: string;
  /** With `backwardPerClass` the class; else null. */
  readonly className: string | null;
  /** Indices of the detections that are scored together. */
  readonly detections: readonly number[];
  readonly value: number;
  /** Indices of the detections that contributed nothing (no row near the box carries its class). */
  readonly withoutScore: readonly number[];
}

/** The map of one detection, or of one class's. */
export interface DetectionMap {
  /** Indices of the detections that it explains. */
  readonly detections: readonly number[];
  readonly className: string;
  /** In image pixels, 0..1, without the padding. */
  readonly heatmap: Map2D;
  /** With `frames: "both"`: the same in the pixels of the network's input, padding included. */
  readonly heatmapInput?: Map2D;
  /** Largest value of the method's raw map, before any scaling: how much speaks for it, in the method's own unit. 0 when nothing does. */
  readonly maximum: number;
}

/** A number that a method reports with a map: a spectral gap, a completeness gap, how many masks it took. */
export interface MapNote {
  readonly name: string;
  readonly value: number;
  readonly layer: string | undefined;
  readonly detections: readonly number[];
}

/** What the network made of a box that a person drew. */
export interface AskedAnswer {
  readonly boxImage: Box<"image">;
  readonly boxInput: Box<"input">;
  readonly className: string;
  /** The row near the box that speaks most for the class, whatever its best class. */
  readonly row: number;
  readonly levelName: string;
  readonly iou: number;
  readonly objectness: number;
  readonly classProbability: number;
  /** objectness × class probability. */
  readonly confidence: number;
  readonly bestClassName: string;
  readonly bestClassProbability: number;
  /** Index of the detection that is this object, or undefined. */
  readonly detection: number | undefined;
  /** Why it was, or was not, detected. */
  readonly verdict: string;
}

/** Milliseconds by stage. */
export interface Timings {
  readonly letterbox: number;
  readonly forward: number;
  readonly detect: number;
  readonly backward: number;
  readonly finish: number;
  readonly total: number;
}

/** What an explanation gives. `JSON.stringify` of a result writes `plainResult(result)`: everything but the values of the maps. */
export interface ExplainResult {
  readonly method: string;
  /** Ids of the scores that were differentiated. */
  readonly backprop: readonly string[];
  /** All kept detections; `explained` says which ones the heatmap is about. */
  readonly detections: readonly Detection[];
  readonly explained: readonly number[];
  /** The heatmap in image pixels, 0..1, without the padding. All zeros when `empty` is set. */
  readonly heatmap: Map2D;
  /** The same in the pixels of the network's input, padding included: comparable with the Python reference. */
  readonly heatmapInput: Map2D;
  /** With `per`: a map for each class or detection, in the order of `explained`; else empty. */
  readonly maps: readonly DetectionMap[];
  /** With `box`: what the network made of it. */
  readonly asked: AskedAnswer | undefined;
  readonly notes: readonly MapNote[];
  readonly letterbox: Letterbox;
  readonly layers: readonly LayerDiagnosis[];
  readonly scores: readonly ScoreReport[];
  /** Set when the heatmap is all zeros, with a sentence for people. */
  readonly empty: { readonly reason: EmptyReason; readonly message: string } | undefined;
  readonly timings: Timings;
}
