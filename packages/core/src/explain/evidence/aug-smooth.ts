import type { Detection } from "../../detector/detection.js";
import type { Box } from "../../image/frame.js";
import type { Map2D } from "../../tensor/tensor.js";
import { applied } from "../finish/finished-map.js";
import { disposeAll, type ForwardResult, forwardOnInput } from "../passes/forward-pass.js";
import { rowTarget, speakingRow } from "../targets/ask-box.js";
import { type GroupMaps, type MapJob, makeMaps } from "./maps.js";

/** Brightness of the views, as in pytorch-grad-cam's test-time augmentation. */
const FACTORS = [0.9, 1, 1.1];

/**
 * The mean of each map over six views: the input and its mirror image, each times 0.9, 1 and 1.1. In a view the mirrored box is explained,
 * by the rows near it there (pytorch-grad-cam explains the box in its old place). Not scaled again, as there.
 */
export async function smoothedMaps(job: MapJob, scaled: boolean): Promise<GroupMaps> {
  let untouched: GroupMaps | undefined;
  let backwardMs = 0;
  const sums: Map2D[][] = [];
  for (const mirrored of [false, true]) {
    for (const factor of FACTORS) {
      const isOriginal = !mirrored && factor === 1;
      const made = isOriginal ? await makeMaps(job, scaled) : await viewMaps(job, mirrored, factor, scaled);
      if (isOriginal) untouched = made;
      backwardMs += made.backwardMs;
      addUp(sums, made.maps, mirrored);
    }
  }
  const maps = sums.map((perScore) => perScore.map((sum) => () => ({ values: { ...sum, data: sum.data.slice() } })));
  return { ...untouched!, maps, backwardMs };
}

async function viewMaps(job: MapJob, mirrored: boolean, factor: number, scaled: boolean): Promise<GroupMaps> {
  const { loaded, plan, forward, signal } = job;
  const view = viewOf(forward, mirrored, factor);
  const there = await forwardOnInput(loaded, plan.forward, view, forward.letterbox, true, signal);
  try {
    const groups = job.groups.map((group) => group.map((target) => targetThere(job, there, target, mirrored)));
    const scores = mirrored ? job.options.scores.map((score) => score.mirrored ?? score) : job.options.scores;
    return await makeMaps({ ...job, options: { ...job.options, scores }, forward: there, groups }, scaled);
  } finally {
    disposeAll(there.tensors);
  }
}

function viewOf({ input, letterbox }: ForwardResult, mirrored: boolean, factor: number): Float32Array {
  const width = letterbox.inputSize[1];
  const view = new Float32Array(input.length);
  for (let i = 0; i < view.length; i++) {
    const x = i % width;
    view[i] = factor * input[mirrored ? i - x + (width - 1 - x) : i]!;
  }
  return view;
}

function targetThere(job: MapJob, there: ForwardResult, target: Detection, mirrored: boolean): Detection {
  const { boxInput, boxImage, classIndex, index } = target;
  const box = mirrored ? mirrorBox(boxInput, job.forward.letterbox.inputSize[1]) : boxInput;
  const row = speakingRow(there.predictions, box, classIndex, job.options.topk);
  return rowTarget(job.loaded, there, row, classIndex, box, boxImage, index);
}

function mirrorBox(box: Box<"input">, width: number): Box<"input"> {
  return { ...box, x1: width - box.x2, x2: width - box.x1 };
}

function addUp(sums: Map2D[][], maps: GroupMaps["maps"], mirrored: boolean): void {
  const share = 1 / (2 * FACTORS.length);
  maps.forEach((perScore, g) => {
    sums[g] ??= [];
    perScore.forEach((make, s) => {
      const { height, width, data } = applied(make());
      sums[g]![s] ??= { height, width, data: new Float32Array(data.length) };
      const sum = sums[g]![s]!;
      for (let i = 0; i < data.length; i++) {
        const x = i % width;
        sum.data[i]! += share * data[mirrored ? i - x + (width - 1 - x) : i]!;
      }
    });
  });
}
