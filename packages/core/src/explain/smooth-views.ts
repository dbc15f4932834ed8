import { detectionOfRow } from "../detector/detect.js";
import type { Detection } from "../detector/detection.js";
import type { Box } from "../image/frame.js";
import type { Map2D } from "../tensor/tensor.js";
import { runsOf } from "./evidence/count-runs.js";
import { makeMaps } from "./evidence/make-maps.js";
import { taskGradients } from "./evidence/task-gradients.js";
import { applied } from "./finish/finished-map.js";
import { type GroupMaps, groupMaps, inputMap } from "./finish/group-maps.js";
import type { ExplainJob } from "./job.js";
import { type ForwardResult, runForward, sceneOf } from "./passes/forward-pass.js";
import { disposeAll } from "./passes/runtime-tensors.js";
import { strongestRow } from "./targets/ask-box.js";
import { type ScoredTargets, scoreTargets } from "./targets/score-targets.js";

/** A changed input: mirrored or not, with each value multiplied by a factor. */
interface View {
  readonly isMirrored: boolean;
  readonly factor: number;
}

/** The views of pytorch-grad-cam's test-time augmentation. */
const VIEWS: readonly View[] = [false, true].flatMap((isMirrored) =>
  [0.9, 1, 1.1].map((factor) => ({ isMirrored, factor })),
);

/** Number of views. */
export const VIEW_COUNT = VIEWS.length;

/** The maps of the unchanged image. */
export interface OriginalMaps {
  readonly forward: ForwardResult;
  readonly scored: ScoredTargets;
  readonly maps: GroupMaps;
}

/** The smoothed maps. */
export interface SmoothedMaps {
  readonly maps: GroupMaps;
  /** Milliseconds of the backward passes of the other views. */
  readonly ms: number;
}

/**
 * The mean of each map over six views: the input and its mirror image, each multiplied by 0.9, 1 and 1.1. A mirrored view explains the mirrored
 * box with the rows near it. (pytorch-grad-cam explains the box at its original position.) As in pytorch-grad-cam, the mean is not scaled again.
 */
export async function smoothOverViews(job: ExplainJob, original: OriginalMaps): Promise<SmoothedMaps> {
  const share = runsOf(job, original.forward, original.scored);
  const sums: Map2D[][] = original.scored.groups.map(() => []);
  let ms = 0;
  for (const view of original.scored.groups.length > 0 ? VIEWS : []) {
    const isOriginal = !view.isMirrored && view.factor === 1;
    const made = isOriginal
      ? { maps: original.maps, ms: 0 }
      : await job.progress.share(share, () => viewMaps(job, original, view));
    ms += made.ms;
    addUp(job, original.forward, { sums, maps: made.maps, view });
  }
  return { maps: sums.map((perScore) => perScore.map((input) => ({ input }))), ms };
}

/** Runs the steps from the forward pass to the maps on a changed input. */
async function viewMaps(
  job: ExplainJob,
  { forward, scored: { groups } }: OriginalMaps,
  view: View,
): Promise<SmoothedMaps> {
  const { loaded, plan, options, signal } = job;
  const { letterbox } = forward;
  const pixels = viewOf(forward, view, job.scratch.array("input", forward.input.length));
  const there = await runForward(loaded, { plan: plan.forward, letterbox, pixels, keepsInput: true, signal });
  try {
    const scores = view.isMirrored ? options.scores.map((score) => score.mirrored ?? score) : options.scores;
    const own: ExplainJob = { ...job, options: { ...options, scores } };
    const groupsThere = groups.map((group) => group.map((target) => targetThere(own, there, target, view)));
    const scored = scoreTargets(own, there, groupsThere);
    const gradients = taskGradients(own, there, scored.tasks);
    const { byTask } = await makeMaps(own, there, scored, gradients);
    return { maps: groupMaps(own.options, scored, { byTask, inputSize: letterbox.inputSize }), ms: gradients.ms };
  } finally {
    disposeAll(there.tensors);
  }
}

function viewOf({ input, letterbox }: ForwardResult, { isMirrored, factor }: View, into: Float32Array): Float32Array {
  const width = letterbox.inputSize[1];
  for (let i = 0; i < into.length; i++) into[i] = factor * input[isMirrored ? mirrored(i, width) : i]!;
  return into;
}

/** Index of pixel `i` (row-major) in the mirrored image. */
function mirrored(i: number, width: number): number {
  const x = i % width;
  return i - x + (width - 1 - x);
}

/** The target in a view: the box of a detection, with the row that supports it most in this view. */
function targetThere(job: ExplainJob, there: ForwardResult, target: Detection, { isMirrored }: View): Detection {
  const { predictions, letterbox } = there;
  const { boxInput, boxImage, classIndex, index } = target;
  const box = isMirrored ? mirrorBox(boxInput, letterbox.inputSize[1]) : boxInput;
  const row = strongestRow(predictions, { box, classIndex, topk: job.options.topk });
  return detectionOfRow(sceneOf(job.loaded, there), { row, classIndex, index, boxImage, boxInput: box });
}

function mirrorBox(box: Box<"input">, width: number): Box<"input"> {
  return { ...box, x1: width - box.x2, x2: width - box.x1 };
}

/** Adds the maps of a view to the sums. Maps of a mirrored view are mirrored back. */
function addUp(
  { options, scratch }: ExplainJob,
  { letterbox }: ForwardResult,
  { sums, maps, view }: { readonly sums: Map2D[][]; readonly maps: GroupMaps; readonly view: View },
): void {
  const share = 1 / VIEWS.length;
  const { inputSize } = letterbox;
  const [height, width] = inputSize;
  const isScaled = options.scale === "each";
  maps.forEach((perScore, group) => {
    perScore.forEach((map, score) => {
      const into = scratch.array("map", height * width);
      const { data } = applied(inputMap(map, { inputSize, isScaled, into }));
      sums[group]![score] ??= { height, width, data: new Float32Array(data.length) };
      const sum = sums[group]![score]!.data;
      for (let i = 0; i < data.length; i++) sum[i]! += share * data[view.isMirrored ? mirrored(i, width) : i]!;
    });
  });
}
