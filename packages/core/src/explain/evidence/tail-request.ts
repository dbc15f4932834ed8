import type { Detection } from "../../detector/detection.js";
import type { Score, ScoreOptions } from "../../scores/score.js";
import type { Tensor } from "../../tensor/tensor.js";
import type { LoadedModel } from "../model/loaded-model.js";
import type { ForwardResult } from "../passes/forward-pass.js";
import type { TailPlan, TapPlan } from "../plan/tap-plan.js";
import type { Progress } from "../progress.js";

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
  /** Counts the runs that are done. Default: not counted. */
  readonly progress?: Progress;
}
