import type { DetectResult } from "../detector/detection.js";
import type { Layer } from "../detector/layer.js";
import { resolveClasses } from "../detector/names.js";
import { resolveLayer } from "../detector/resolve-layer.js";
import { WhyboxError } from "../errors.js";
import type { RgbImage } from "../image/frame.js";
import { letterbox } from "../image/letterbox.js";
import { defaultMethods } from "../methods/index.js";
import { once } from "../once.js";
import { refuseUnknown } from "../options/names.js";
import { openModel } from "../readers/open-model.js";
import type { RuntimePort } from "../runtime/port.js";
import { defaultScores } from "../scores/index.js";
import { explainImage } from "./explain.js";
import { type CreateDetectorOptions, createOptionNames } from "./model/create-options.js";
import { inspectModel, type ModelFacts } from "./model/inspect.js";
import { loadModel } from "./model/load-model.js";
import { type LoadedModel, planContext, usualSize } from "./model/loaded-model.js";
import type { DetectAloneOptions, ExplainOptions } from "./options/options.js";
import { type ResolvedExplainOptions, resolveDetectOptions, resolveExplainOptions } from "./options/resolve-options.js";
import { ForwardKeeper } from "./passes/forward-keeper.js";
import { checkLayers, inspectWithSizes } from "./passes/forward-pass.js";
import { type ExplainPlan, planExplain } from "./plan/explain-plan.js";
import { type ForwardPlan, joinPlans, planTaps } from "./plan/tap-plan.js";
import { withPlainJson } from "./result/plain-result.js";
import type { ExplainResult } from "./result/result.js";
import { askBox } from "./targets/ask-box.js";
import { chosenDetections } from "./targets/choose-detections.js";
import { refuseScores } from "./targets/scored.js";

/** A detector that can explain itself. It holds sessions of the runtime: dispose it when done. */
export interface CoreDetector {
  readonly classNames: readonly string[];
  /** What was found in the file, without running it. */
  readonly facts: ModelFacts;
  /** Runs the model once, to tell the sizes of its layers too. */
  inspect(options?: { readonly imageSize?: readonly [number, number] }): Promise<ModelFacts>;
  /** Takes the options of an explanation too, so that one object serves both calls; only those of detection have an effect. */
  detect(image: RgbImage, options?: DetectAloneOptions): Promise<DetectResult>;
  explain(image: RgbImage, options?: ExplainOptions): Promise<ExplainResult>;
  dispose(): Promise<void>;
}

/**
 * Reads a model, ONNX or a PyTorch checkpoint, and makes a detector of it. Sessions are created when first used.
 * @throws usage for an unknown option, bad-input for a broken file, unsupported-model for one without a detection head that is known.
 */
export async function createDetector(
  bytes: Uint8Array,
  runtime: RuntimePort,
  options: CreateDetectorOptions = {},
): Promise<CoreDetector> {
  refuseUnknown(options, createOptionNames);
  const loaded = await loadModel(await openModel(bytes), runtime, options);
  const methods = options.methods ?? defaultMethods;
  const scores = options.scores ?? defaultScores;
  const plans = new Map<string, ExplainPlan>();
  const detectionOnly = { layers: [], activations: false, gradients: false, manySeeds: false, tails: false };
  const detectionPlan = once(() => joinPlans(planContext(loaded), [planTaps(planContext(loaded), detectionOnly)]));
  const passes = new ForwardKeeper(loaded, options.keepForward ?? false);

  const planFor = (options: ResolvedExplainOptions, layers: readonly Layer[] | undefined): ExplainPlan => {
    const { method, per, scores: taken } = options;
    const manySeeds = per !== "image";
    const masks = taken.some((score) => score.readsMask);
    const key = JSON.stringify([method.id, manySeeds, masks, layers?.map((layer) => layer.value)]);
    const plan = plans.get(key) ?? planExplain(loaded, method, layers, manySeeds, masks);
    plans.set(key, plan);
    return plan;
  };

  const layersOf = ({ layer }: ResolvedExplainOptions) => (layer === "auto" ? undefined : selectLayers(loaded, layer));

  /** The pass of a detection, with what the next question takes where that can be answered. */
  const planOfDetection = (ahead: ExplainOptions | undefined): ForwardPlan => {
    const detectPlan = detectionPlan();
    if (ahead === undefined || options.keepForward !== true) return detectPlan;
    try {
      const resolved = resolveExplainOptions(ahead, methods, scores, loaded.classNames);
      return planFor(resolved, layersOf(resolved)).forward;
    } catch (error) {
      // Whoever then asks it is told why it cannot be asked.
      if (error instanceof WhyboxError && ["no-gradient", "usage"].includes(error.code)) return detectPlan;
      throw error;
    }
  };

  return {
    classNames: loaded.classNames,
    facts: inspectModel(loaded),
    inspect: (given = {}) => inspectWithSizes(loaded, given.imageSize ?? usualSize(loaded.input.sides)),
    detect: async (image, given = {}) => {
      const resolved = resolveDetectOptions(given);
      const request = {
        plan: planOfDetection(given.ahead),
        image,
        options: resolved,
        keepInput: false,
        isSeen: false,
      };
      return passes.use({ ...request, signal: given.signal }, ({ result, detections }) => {
        return { detections, letterbox: result.letterbox };
      });
    },
    explain: async (image, given = {}) => {
      const started = performance.now();
      const { signal } = given;
      const options = resolveExplainOptions(given, methods, scores, loaded.classNames);
      refuseScores(loaded, options.scores);
      const classes = resolveClasses(options.classNames, loaded.classNames);
      const plan = planFor(options, layersOf(options));
      const keepInput =
        options.augSmooth ||
        ["masked", "pixels", "biases"].some((need) => options.method.needs.includes(need as never));
      const isSeen =
        !defaultMethods.includes(options.method) || !options.scores.every((one) => defaultScores.includes(one));
      return passes.use({ plan: plan.forward, image, options, keepInput, isSeen, signal }, async (pass) => {
        const { result: forward, detections } = pass;
        checkLayers(plan.main, forward);
        const asked = options.box === undefined ? undefined : askBox(loaded, forward, detections, options.box, options);
        const targets = asked === undefined ? chosenDetections(detections, options, classes) : [asked.target];
        const job = { loaded, plan, forward, options, signal };
        const {
          backwardMs,
          finishMs,
          image: ofImage,
          ...rest
        } = await explainImage(job, detections, targets, () => letterbox(image, forward.letterbox));
        const total = performance.now() - started;
        return withPlainJson({
          method: options.method.id,
          backprop: options.scores.map((score) => score.id),
          detections,
          asked: asked?.answer,
          letterbox: forward.letterbox,
          ...rest,
          get heatmap() {
            return ofImage().heatmap;
          },
          get heatmapInput() {
            return ofImage().heatmapInput;
          },
          timings: { ...pass.timings, backward: backwardMs, finish: finishMs, total },
        });
      });
    },
    dispose: async () => {
      passes.dispose();
      await loaded.sessions.dispose();
    },
  };
}

function selectLayers(loaded: LoadedModel, layer: ResolvedExplainOptions["layer"]): Layer[] {
  const selectors = Array.isArray(layer) ? layer : [layer as string | number];
  const found = selectors.map((selector) => resolveLayer(selector, loaded.layers, loaded.model.graph, loaded.head));
  return found.filter((one, i) => found.findIndex((other) => other.value === one.value) === i);
}
