import type { Detection } from "../../detector/detection.js";
import type { RawMaps } from "../evidence/make-maps.js";
import type { TaskGradients } from "../evidence/task-gradients.js";
import type { ExplainJob } from "../job.js";
import type { FittedImage } from "../passes/fit-image.js";
import type { ForwardResult } from "../passes/forward-pass.js";
import type { ExplainResult } from "../result/result.js";
import type { Targets } from "../targets/choose-targets.js";
import type { ScoredTargets } from "../targets/score-targets.js";
import { diagnoseEmpty } from "./empty.js";
import { diagnoseLayers } from "./layers.js";
import { findTrouble } from "./trouble.js";

/** The results of the steps that a diagnosis reads. */
export interface Outcomes {
  readonly input: FittedImage;
  readonly forward: ForwardResult;
  readonly detections: readonly Detection[];
  readonly targets: Targets;
  readonly scored: ScoredTargets;
  readonly gradients: TaskGradients;
  readonly raw: RawMaps;
  /** Whether the heatmap is zero everywhere. */
  readonly isEmpty: boolean;
}

/** Diagnoses each layer, and an empty heatmap. */
export async function diagnose(job: ExplainJob, outcomes: Outcomes): Promise<Pick<ExplainResult, "layers" | "empty">> {
  const { input, forward, detections, targets, scored, gradients, raw, isEmpty } = outcomes;
  const { explained } = targets;
  const entries = scored.entries.flat();
  const trouble = await findTrouble(job, { input, predictions: forward.predictions, detections, gradients, raw });
  const layers = diagnoseLayers(job, { forward, explained, entries, gradientMax: gradients.largest, trouble });
  const empty = diagnoseEmpty({
    task: job.loaded.head.task,
    options: job.options,
    detections,
    explained,
    entries,
    layers,
    trouble,
    isEmpty,
  });
  return { layers, empty };
}
