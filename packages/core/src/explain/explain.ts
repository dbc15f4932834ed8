import { detect } from "../detector/detect.js";
import type { DetectResult } from "../detector/detection.js";
import type { RgbImage } from "../image/frame.js";
import { diagnose } from "./diagnosis/diagnose.js";
import { makeMaps } from "./evidence/make-maps.js";
import { taskGradients } from "./evidence/task-gradients.js";
import { groupMaps, rawMaxima } from "./finish/group-maps.js";
import { makeHeatmaps } from "./finish/heatmaps.js";
import type { ExplainJob } from "./job.js";
import { makeResult } from "./make-result.js";
import type { LoadedModel } from "./model/loaded-model.js";
import type { ResolvedDetectOptions, ResolvedExplainOptions } from "./options/resolve-options.js";
import { fitImage } from "./passes/fit-image.js";
import { checkLayers, sceneOf } from "./passes/forward-pass.js";
import type { KeptPasses, PassRequest } from "./passes/kept-passes.js";
import type { Scratch } from "./passes/scratch.js";
import type { ExplainPlan } from "./plan/explain-plan.js";
import type { ForwardPlan } from "./plan/tap-plan.js";
import type { ExplainResult } from "./result/result.js";
import { smoothOverViews } from "./smooth-views.js";
import { chooseTargets } from "./targets/choose-targets.js";
import { scoreTargets } from "./targets/score-targets.js";

/** What one call of a detector works with. */
export interface Call {
  readonly loaded: LoadedModel;
  readonly passes: KeptPasses;
  /** Belongs to this call alone. */
  readonly scratch: Scratch;
  /** `performance.now()` at its start. */
  readonly started: number;
  readonly signal: AbortSignal | undefined;
}

/** A question about the detections of an image, checked against the model. */
export interface Question {
  readonly options: ResolvedExplainOptions;
  readonly plan: ExplainPlan;
  /** Indices of the classes that are explained; empty for all. */
  readonly classes: readonly number[];
}

/** Explains the detections of an image. Each step is one call: it reads what earlier steps returned and changes none of it. */
export async function explainImage(call: Call, image: RgbImage, question: Question): Promise<ExplainResult> {
  const { loaded, passes, scratch, signal } = call;
  const { options, plan } = question;
  const job: ExplainJob = { loaded, plan, options, scratch, signal };

  // Letterbox: how the image fits into the network's input.
  const input = fitImage(loaded, image, options);

  // Forward: predictions, activations and the values that later passes need.
  const pass = await passes.run({ input, plan: plan.forward, ...passUse(options), scratch, signal });
  try {
    const { forward } = pass;
    const { letterbox } = forward;
    checkLayers(plan.main, forward);

    // Detect: boxes from the predictions.
    const passed = performance.now();
    const detections = detect(sceneOf(loaded, forward), options);
    const detected = performance.now();

    // Score: what is explained, and for each detection one number with its gradient on the predictions.
    const targets = chooseTargets(loaded, { ...question, scene: forward, detections });
    const scored = scoreTargets(job, forward, targets.groups);

    // Gradients: of the scores at the layers.
    const gradients = await taskGradients(job, forward, scored.tasks);

    // Maps: what the method makes of its evidence. With augSmooth the steps from the forward pass on run for other views too.
    const raw = await makeMaps(job, forward, scored, gradients);
    const maps = groupMaps(options, scored, { byTask: raw.byTask, inputSize: letterbox.inputSize });
    const original = { forward, groups: targets.groups, maps };
    const smoothed = options.augSmooth ? await smoothOverViews(job, original) : { maps, ms: 0 };

    // Finish: heatmaps over the image, and what each layer contributed to them.
    const groups = { groups: targets.groups, maps: smoothed.maps, maxima: rawMaxima(scored, raw.byTask) };
    const heatmaps = makeHeatmaps(job, { ...groups, letterbox });
    const { isEmpty } = heatmaps;
    const diagnosis = await diagnose(job, { input, forward, detections, targets, scored, gradients, raw, isEmpty });

    const backward = gradients.ms + smoothed.ms;
    const times = { detect: detected - passed, backward, finish: performance.now() - detected - backward };
    const timings = { ...pass.timings, ...times, total: performance.now() - call.started };
    return makeResult({ options, forward, detections, targets, scored, raw, heatmaps, diagnosis, timings });
  } finally {
    pass.release();
  }
}

/** Detects the objects of an image: the first steps of an explanation. `plan` may give more than they need, for a question that follows. */
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

/** What happens to the values of a forward pass after it. */
function passUse({ method, scores, augSmooth }: ResolvedExplainOptions): Pick<PassRequest, "keepsInput" | "mayFree"> {
  const readsInput = (["masked", "pixels", "biases"] as const).some((need) => method.needs.includes(need));
  const keepsNothing = [method, ...scores].every((one) => one.keepsNothing === true);
  return { keepsInput: augSmooth || readsInput, mayFree: keepsNothing };
}
