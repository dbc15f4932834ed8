import type { Detection } from "../detector/detection.js";
import type { Letterbox } from "../image/frame.js";
import type { Map2D } from "../tensor/tensor.js";

/** Why a heatmap is empty. `no-score`: detections are there, but none carries the score; `zero-gradient`: no layer asked for can see them. */
export type EmptyReason = "no-detection" | "class-not-detected" | "no-score" | "zero-gradient";

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
  readonly value: number;
  /** Indices of the detections that contributed nothing (no row near the box carries its class). */
  readonly withoutScore: readonly number[];
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

export interface ExplainResult {
  readonly method: string;
  /** All kept detections; `explained` says which ones the heatmap is about. */
  readonly detections: readonly Detection[];
  readonly explained: readonly number[];
  /** The heatmap in image pixels, 0..1, without the padding. All zeros when `empty` is set. */
  readonly heatmap: Map2D;
  /** The same in the pixels of the network's input, padding included: comparable with the Python reference. */
  readonly heatmapInput: Map2D;
  readonly letterbox: Letterbox;
  readonly layers: readonly LayerDiagnosis[];
  readonly scores: readonly ScoreReport[];
  /** Set when the heatmap is all zeros, with a sentence for people. */
  readonly empty: { readonly reason: EmptyReason; readonly message: string } | undefined;
  readonly timings: Timings;
}
