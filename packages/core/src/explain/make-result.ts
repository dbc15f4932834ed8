import type { Detection } from "../detector/detection.js";
import type { RawMaps } from "./evidence/make-maps.js";
import type { Heatmaps } from "./finish/heatmaps.js";
import type { ResolvedExplainOptions } from "./options/resolve-options.js";
import type { ForwardResult } from "./passes/forward-pass.js";
import type { Measurement } from "./result/measurement.js";
import type { ExplainResult, Timings } from "./result/result.js";
import { resultFrom } from "./sent-result.js";
import type { Targets } from "./targets/choose-targets.js";
import { ASKED } from "./targets/detection-score.js";
import { type ScoredTargets, scoreReports } from "./targets/score-targets.js";

/** The results of the steps of an explanation. */
export interface ResultParts {
  readonly options: ResolvedExplainOptions;
  readonly forward: ForwardResult;
  readonly detections: readonly Detection[];
  readonly targets: Targets;
  readonly scored: ScoredTargets;
  readonly raw: RawMaps;
  readonly heatmaps: Heatmaps;
  readonly diagnosis: Pick<ExplainResult, "layers" | "empty">;
  readonly measured: readonly Measurement[];
  readonly timings: Timings;
}

/** Builds the result. It holds no tensor of the forward pass. */
export function makeResult(parts: ResultParts): ExplainResult {
  const { options, forward, detections, targets, scored, raw, heatmaps, diagnosis, measured, timings } = parts;
  const fields = {
    method: options.method.id,
    backprop: options.scores.map((score) => score.id),
    detections,
    asked: targets.asked,
    explained: targets.explained.map(({ index }) => index).filter((index) => index !== ASKED),
    letterbox: forward.letterbox,
    notes: raw.notes,
    searched: raw.searched,
    measured,
    layers: diagnosis.layers,
    scores: scoreReports(scored, options),
    empty: diagnosis.empty,
    timings,
  };
  const { image, maps, separate } = heatmaps;
  return resultFrom({ fields, maps: { image, maps, separate } });
}
