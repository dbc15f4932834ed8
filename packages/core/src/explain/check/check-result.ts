import type { Box, Size } from "../../image/frame.js";

/** The name of the control: a Gaussian at the box, which knows the box and nothing of the network. It must not pass. */
export const checkControl = "gaussian";

/** One stage of the randomisation of weights. Each stage includes those before it. */
export interface CheckStage {
  /** What is random at this stage: `head`, then the head with more and more layers below it, then `all`. */
  readonly name: string;
  /** Number of ops whose weights are random. */
  readonly ops: number;
  /** Number of random values. */
  readonly values: number;
}

/** A detection that was checked. */
export interface CheckedDetection {
  /** Name of the image. */
  readonly image: string;
  readonly imageSize: Size;
  /** Index among the detections of the image. */
  readonly index: number;
  readonly className: string;
  readonly confidence: number;
  readonly boxImage: Box<"image">;
  /** The class of the class swap: the second best of the box. Undefined if the model has one class. */
  readonly otherClass: string | undefined;
  /** The detection of the box swap. Undefined if the image has no other. */
  readonly otherDetection: number | undefined;
}

/** A map of the network with random weights, beside the original one. */
export interface WeightFigures {
  /** Rank correlation over the image. 0 without heat. */
  readonly image: number;
  /**
   * Rank correlation of the cells of the box, beyond what a Gaussian at the box explains of both maps. The place of the box is known without the network, and
   * the heat of most methods stays near it. Over the image if the original map has no heat in the box.
   */
  readonly beyondBox: number;
  /** False if the random network gives no heat: nothing in it supports the score. */
  readonly hasHeat: boolean;
}

/** The figures of one map: rank correlations with the original map, −1..1. Undefined: the check does not apply to it. */
export interface CheckedMap {
  /** Index into `detections`. */
  readonly detection: number;
  /** Id of the method, or "gaussian" for the control. */
  readonly method: string;
  /** Whether the same call gave the same bits. */
  readonly repeated: boolean;
  /** With noise on the image. */
  readonly noise: number;
  /** With another seed. Undefined if the seed changes nothing. */
  readonly seed: number | undefined;
  /** Of the same box for another class. */
  readonly classSwap: number | undefined;
  /** Of another detection of the image. */
  readonly boxSwap: number | undefined;
  /** Of the network with random weights, for each stage. */
  readonly weights: readonly WeightFigures[];
}

/** The result of `CoreDetector.check`. */
export interface CheckResult {
  /** Names of the images with detections that were checked, of those without a detection, and of those that could not be opened. */
  readonly images: {
    readonly checked: readonly string[];
    readonly empty: readonly string[];
    readonly failures: readonly { readonly image: string; readonly error: unknown }[];
  };
  readonly detections: readonly CheckedDetection[];
  readonly maps: readonly CheckedMap[];
  readonly stages: readonly CheckStage[];
  /** Why weights were not randomised. */
  readonly noStages: string | undefined;
  /** Methods that this model does not support, and why. */
  readonly refused: readonly { readonly method: string; readonly why: string }[];
}
