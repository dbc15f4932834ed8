import type { ForwardValues } from "../autodiff/backward-model.js";
import type { GradRule } from "../autodiff/rule.js";
import type { DetectResult } from "../detector/detection.js";
import type { Layer } from "../detector/layer.js";
import { resolveClasses } from "../detector/names.js";
import { resolveLayer } from "../detector/resolve-layer.js";
import { WhyboxError } from "../errors.js";
import type { RgbImage } from "../image/frame.js";
import { type AnyCamMethod, defaultMethods } from "../methods/index.js";
import { readOnnx } from "../readers/onnx/read-onnx.js";
import type { RuntimePort, SessionOptions } from "../runtime/port.js";
import { defaultScores } from "../scores/index.js";
import type { Score } from "../scores/score.js";
import { explainImage, planContext } from "./explain.js";
import { disposeAll, forwardPass, inspectWithSizes } from "./forward-pass.js";
import { inspectModel, type ModelFacts } from "./inspect.js";
import { loadModel } from "./load-model.js";
import type { LoadedModel } from "./loaded-model.js";
import type { DetectOptions, ExplainOptions } from "./options.js";
import { planTaps, type TapPlan } from "./plan.js";
import { resolveDetectOptions, resolveExplainOptions } from "./resolve-options.js";
import type { ExplainResult } from "./result.js";

export interface CreateDetectorOptions extends SessionOptions {
  /** Class names; default: the model's metadata, else class0, class1, … */
  readonly names?: readonly string[];
  /** Methods that `method` may name. Default: all that come with Whybox; pass `[...defaultMethods, mine]` to add one. */
  readonly methods?: readonly AnyCamMethod[];
  /** Scores that `backprop` may name. Default: all that come with Whybox. */
  readonly scores?: readonly Score[];
  /** Gradient rules. Default: all that come with Whybox. */
  readonly rules?: readonly GradRule[];
  /** Where the backward pass gets forward values from. Default: the faster way as measured. */
  readonly forwardValues?: ForwardValues;
}

/** A detector that can explain itself. It holds sessions of the runtime: dispose it when done. */
export interface CoreDetector {
  readonly classNames: readonly string[];
  /** What was found in the file, without running it. */
  readonly facts: ModelFacts;
  /** Runs the model once, to tell the sizes of its layers too. */
  inspect(options?: { readonly imageSize?: readonly [number, number] }): Promise<ModelFacts>;
  detect(image: RgbImage, options?: DetectOptions): Promise<DetectResult>;
  explain(image: RgbImage, options?: ExplainOptions): Promise<ExplainResult>;
  dispose(): Promise<void>;
}

/**
 * Reads an ONNX model and makes a detector of it. Sessions are created when first used.
 * @throws bad-input for a broken file, unsupported-model for one without a detection head that is known.
 */
export function createDetector(
  bytes: Uint8Array,
  runtime: RuntimePort,
  options: CreateDetectorOptions = {},
): CoreDetector {
  const loaded = loadModel(readOnnx(bytes), runtime, options);
  const methods = options.methods ?? defaultMethods;
  const scores = options.scores ?? defaultScores;
  const plans = new Map<string, TapPlan>();

  const planFor = (layers: readonly Layer[], gradients: boolean): TapPlan => {
    const key = `${gradients}\n${layers.map((layer) => layer.value).join("\n")}`;
    const plan = plans.get(key) ?? planTaps(planContext(loaded), layers, gradients);
    plans.set(key, plan);
    return plan;
  };

  return {
    classNames: loaded.classNames,
    facts: inspectModel(loaded),
    inspect: (given = {}) => inspectWithSizes(loaded, given.imageSize ?? loaded.fixedSize ?? [640, 640]),
    detect: async (image, given = {}) => {
      const resolved = resolveDetectOptions(given);
      const plan = planFor([], false);
      const { boxes, tensors } = await forwardPass(loaded, plan, image, resolved, given.signal);
      disposeAll(tensors);
      return { detections: boxes.detections, letterbox: boxes.letterbox };
    },
    explain: async (image, given = {}) => {
      const started = performance.now();
      const resolved = resolveExplainOptions(given, methods, scores);
      const classes = resolveClasses(resolved.classNames, loaded.classNames);
      const auto = (given.layer ?? "auto") === "auto";
      const layers = auto ? headInputs(loaded) : selectLayers(loaded, given.layer!);
      const plan = planFor(layers, resolved.method.needs.includes("gradients"));
      const { boxes, tensors, timings } = await forwardPass(loaded, plan, image, resolved, given.signal);
      try {
        const wanted =
          classes.length === 0 ? boxes.detections : boxes.detections.filter((d) => classes.includes(d.classIndex));
        const forward = { plan, tensors, ...boxes };
        const { backwardMs, finishMs, ...rest } = await explainImage(
          loaded,
          forward,
          resolved,
          auto,
          layers,
          wanted,
          given.signal,
        );
        const spent = { ...timings, backward: backwardMs, finish: finishMs, total: performance.now() - started };
        return {
          method: resolved.method.id,
          detections: boxes.detections,
          letterbox: boxes.letterbox,
          ...rest,
          timings: spent,
        };
      } finally {
        disposeAll(tensors);
      }
    },
    dispose: () => loaded.sessions.dispose(),
  };
}

function headInputs(loaded: LoadedModel): Layer[] {
  return loaded.head.levels.map(
    (level) =>
      loaded.layers.find((layer) => layer.value === level.input) ?? {
        index: undefined,
        name: level.input,
        value: level.input,
      },
  );
}

function selectLayers(loaded: LoadedModel, layer: Exclude<ExplainOptions["layer"], undefined>): Layer[] {
  const selectors = Array.isArray(layer) ? layer : [layer as string | number];
  if (selectors.length === 0)
    throw new WhyboxError("usage", 'layer is an empty list; name at least one layer, or "auto".');
  if (selectors.length > 1 && selectors.includes("auto")) {
    throw new WhyboxError("usage", 'layer "auto" cannot be mixed with other layers; give it alone.');
  }
  const found = selectors.map((selector) => resolveLayer(selector, loaded.layers, loaded.model.graph, loaded.head));
  return found.filter((one, i) => found.findIndex((other) => other.value === one.value) === i);
}
