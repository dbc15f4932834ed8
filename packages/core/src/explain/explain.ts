import { detect } from "../detector/detect.js";
import type { Detection, DetectResult } from "../detector/detection.js";
import type { RgbImage } from "../image/frame.js";
import { isKeepingNothing } from "../keeps-nothing.js";
import { diagnose } from "./diagnosis/diagnose.js";
import { runsOf } from "./evidence/count-runs.js";
import { makeMaps } from "./evidence/make-maps.js";
import { taskGradients } from "./evidence/task-gradients.js";
import { groupMaps, rawMaxima } from "./finish/group-maps.js";
import { makeHeatmaps, unscaledMap } from "./finish/heatmaps.js";
import type { ExplainJob } from "./job.js";
import { makeResult } from "./make-result.js";
import type { LoadedModel } from "./model/loaded-model.js";
import type { ExplainOptions } from "./options/options.js";
import type { ResolvedDetectOptions, ResolvedExplainOptions } from "./options/resolve-options.js";
import { fitImage } from "./passes/fit-image.js";
import { checkLayers, sceneOf } from "./passes/forward-pass.js";
import type { KeptPasses, PassRequest } from "./passes/kept-passes.js";
import type { Scratch } from "./passes/scratch.js";
import type { ExplainPlan } from "./plan/explain-plan.js";
import type { ForwardPlan } from "./plan/tap-plan.js";
import { Progress } from "./progress.js";
import type { ExplainResult } from "./result/result.js";
import { chooseTargets } from "./targets/choose-targets.js";
import { scoreTargets } from "./targets/score-targets.js";

/** The context of one call of a detector. */
export interface Call {
  readonly loaded: LoadedModel;
  readonly passes: KeptPasses;
  /** Used by this call only. */
  readonly scratch: Scratch;
  /** `performance.now()` at the start of the call. */
  readonly started: number;
  readonly signal: AbortSignal | undefined;
}

/** A question about the detections of an image, checked against the model. */
export interface Question {
  readonly options: ResolvedExplainOptions;
  readonly plan: ExplainPlan;
  /** Indices of the classes to explain. Empty: all classes. */
  readonly classes: readonly number[];
  /** What is explained, each on its own. Default: chosen among the detections of the image by the options. */
  readonly targets?: readonly Detection[];
  /** Receives the progress. */
  readonly onProgress: ExplainOptions["onProgress"];
}

/** Explains the detections of an image. Each step is one call. It reads the results of earlier steps and does not change them. */
export async function explainImage(call: Call, image: RgbImage, question: Question): Promise<ExplainResult> {
  const { loaded, passes, scratch, signal } = call;
  const { options, plan } = question;
  const progress = new Progress(question.onProgress);
  const job: ExplainJob = { loaded, plan, options, scratch, signal, progress };

  // Letterbox: scale and padding that fit the image into the network's input.
  const input = fitImage(loaded, image, options);

  // Forward: predictions, activations, and the values that later passes need.
  const pass = await passes.run({ input, plan: plan.forward, ...passUse(options), scratch, signal });
  try {
    const { forward } = pass;
    const { letterbox } = forward;
    checkLayers(plan.main, forward);

    // Detect: boxes from the predictions.
    const passed = performance.now();
    const detections = detect(sceneOf(loaded, forward), { ...options, classes: question.classes });
    const detected = performance.now();

    // Score: the detections to explain, and for each one a number with its gradient on the predictions.
    const targets = chooseTargets(loaded, { ...question, scene: forward, detections });
    const scored = scoreTargets(job, forward, targets.groups);
    // Loaded on demand: a page rarely measures or smooths.
    const measure = options.measure ? await import("./measure/measure-maps.js") : undefined;
    const views = options.augSmooth ? await import("./smooth-views.js") : undefined;
    const runs = runsOf(job, forward, scored) * (views?.VIEW_COUNT ?? 1);
    const measuring = measure?.measurementRuns(targets.groups.length) ?? 0;
    progress.start(runs + measuring);

    // Gradients: the gradients of the scores at the layers. They are computed while the maps are made.
    const gradients = taskGradients(job, forward, scored.tasks);

    // Maps: the method computes them from its evidence. With augSmooth, the steps from the forward pass to here run again for other views.
    const raw = await makeMaps(job, forward, scored, gradients);
    const maps = groupMaps(options, scored, { byTask: raw.byTask, inputSize: letterbox.inputSize });
    const original = { forward, scored, maps };
    const smoothed = (await views?.smoothOverViews(job, original)) ?? { maps, ms: 0 };

    // Finish: heatmaps over the image, and a diagnosis of each layer.
    const groups = { groups: targets.groups, maps: smoothed.maps, maxima: rawMaxima(scored, raw.byTask) };
    const heatmaps = makeHeatmaps(job, { ...groups, letterbox });
    const { isEmpty } = heatmaps;
    const diagnosis = await diagnose(job, { input, forward, detections, targets, scored, gradients, raw, isEmpty });

    const finished = performance.now();

    // Measure: the scores of images in which the hottest pixels are changed.
    const mapOf = (group: number) => unscaledMap(job, { ...groups, letterbox }, group);
    const measured =
      measure === undefined
        ? []
        : await progress.share(measuring, () => measure.measureMaps(job, { forward, groups: targets.groups, mapOf }));

    const backward = gradients.ms + smoothed.ms;
    const times = { detect: detected - passed, backward, finish: finished - detected - backward };
    const ended = performance.now();
    const timings = {
      ...pass.timings,
      ...times,
      measure: options.measure ? ended - finished : 0,
      total: ended - call.started,
    };
    return makeResult({ options, forward, detections, targets, scored, raw, heatmaps, diagnosis, measured, timings });
  } finally {
    pass.release();
  }
}

/** Detects the objects of an image: the first steps of an explanation. `plan` may output more values than these steps need, for an explanation that follows. */
export async function detectImage(
  { loaded, passes, scratch, signal }: Call,
  image: RgbImage,
  { options, plan }: { readonly options: ResolvedDetectOptions; readonly plan: ForwardPlan },
): Promise<DetectResult> {
  const input = fitImage(loaded, image, options);
  const pass = await passes.run({ input, plan, keepsInput: false, mayFree: true, scratch, signal });
  try {
    const { forward } = pass;
    return { detections: detect(sceneOf(loaded, forward), options), letterbox: forward.letterbox };
  } finally {
    pass.release();
  }
}

/** Whether the input is read after the forward pass, and whether the memory of its values may be freed. */
function passUse({
  method,
  scores,
  augSmooth,
  measure,
}: ResolvedExplainOptions): Pick<PassRequest, "keepsInput" | "mayFree"> {
  const readsInput = (["masked", "pixels", "blends", "biases"] as const).some((need) => method.needs.includes(need));
  return { keepsInput: augSmooth || measure || readsInput, mayFree: [method, ...scores].every(isKeepingNothing) };
}
