import type { Detection } from "../../detector/detection.js";
import type { Layer } from "../../detector/layer.js";
import type { Score } from "../../scores/score.js";
import type { ExplainJob } from "../job.js";
import type { ResolvedExplainOptions } from "../options/resolve-options.js";
import type { ScoreReport } from "../result/result.js";
import type { Groups } from "./choose-targets.js";
import { counted, type DetectionScore, type Scene, scoreOf } from "./detection-score.js";

/** One map to compute: for one score, and for the detections of a group that are read at the same layers. */
export interface MapTask {
  /** Index of the group. */
  readonly group: number;
  /** Index of the score in the options. */
  readonly scoreIndex: number;
  readonly score: Score;
  readonly entries: readonly DetectionScore[];
  readonly layers: readonly Layer[];
}

/** The scores of all groups, and the maps to compute from them. */
export interface ScoredTargets {
  readonly groups: Groups;
  /** For each score of the options: the scores of all detections. */
  readonly entries: readonly (readonly DetectionScore[])[];
  readonly tasks: readonly MapTask[];
}

/** Scores each detection separately. The score of a group is the sum. */
export function scoreTargets({ loaded, plan, options }: ExplainJob, scene: Scene, groups: Groups): ScoredTargets {
  const explained = [...new Set(groups.flat())];
  const entries = options.scores.map((score) =>
    explained.map((detection) => scoreOf(loaded, { scene, score, detection, options })),
  );
  const tasks = options.scores.flatMap((score, s) =>
    groups.flatMap((detections, group) =>
      plan.route(detections).map((part): MapTask => {
        // Counted for each part separately: a class is read at every level that found it.
        const own = entriesOf(score, part.detections, entries[s]!);
        return { group, scoreIndex: s, score, entries: own, layers: part.layers };
      }),
    ),
  );
  return { groups, entries, tasks };
}

/** The report of each score and group in the result. */
export function scoreReports({ groups, entries }: ScoredTargets, options: ResolvedExplainOptions): ScoreReport[] {
  return options.scores.flatMap((score, s) =>
    groups.map((group): ScoreReport => {
      const own = entriesOf(score, group, entries[s]!);
      return {
        backprop: score.id,
        className: options.backwardPerClass ? (group[0]?.className ?? null) : null,
        detections: group.map((detection) => detection.index),
        value: own.reduce((sum, entry) => sum + entry.result.value, 0),
        withoutScore: own.filter((entry) => entry.result.terms[0] === null).map((entry) => entry.detection.index),
      };
    }),
  );
}

function entriesOf(
  score: Score,
  detections: readonly Detection[],
  entries: readonly DetectionScore[],
): readonly DetectionScore[] {
  const used = counted(score, detections);
  return entries.filter(({ detection }) => used.includes(detection));
}
