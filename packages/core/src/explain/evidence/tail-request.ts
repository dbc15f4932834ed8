import type { Detection } from "../../detector/detection.js";
import type { RuntimeTensor } from "../../runtime/port.js";
import type { Score, ScoreOptions } from "../../scores/score.js";
import type { Tensor } from "../../tensor/tensor.js";
import type { LoadedModel } from "../model/loaded-model.js";
import type { ForwardResult } from "../passes/forward-pass.js";
import type { TailPlan, TapPlan } from "../plan/tap-plan.js";
import type { Progress } from "../progress.js";

/** The values after a layer of zeros. */
export interface ZeroLayer {
  /** Tables of the values that cone tails read, by their names. */
  readonly tables: Readonly<Record<string, RuntimeTensor>>;
  /** The rows `[start, end)` of the predictions, `[end − start, columns]`. */
  readonly rows: readonly { readonly start: number; readonly end: number; readonly data: Float32Array }[];
}

/** Key of a tail → the values after a layer of zeros. */
export type ZeroLayers = Map<string, Promise<ZeroLayer>>;

/** The data that the runs of a tail need. */
export interface TailRequest {
  readonly loaded: LoadedModel;
  readonly forward: ForwardResult;
  readonly plan: TapPlan;
  readonly tail: TailPlan;
  readonly activations: Tensor;
  readonly score: Score;
  readonly detections: readonly Detection[];
  readonly options: ScoreOptions;
  readonly signal: AbortSignal | undefined;
  /** The values after layers of zeros, if several requests share them. */
  readonly zeroLayers?: ZeroLayers;
  /** Counts the runs that are done. Default: not counted. */
  readonly progress?: Progress;
}
