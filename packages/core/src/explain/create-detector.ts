import type { DetectResult } from "../detector/detection.js";
import { findLazyHead } from "../detector/heads/lazy-head.js";
import { WhyboxError } from "../errors.js";
import type { RgbImage } from "../image/frame.js";
import { defaultMethods } from "../methods/index.js";
import { once } from "../once.js";
import { openModel } from "../readers/open-model.js";
import type { RuntimePort } from "../runtime/port.js";
import { defaultScores } from "../scores/index.js";
import type { CheckImage, CheckOptions } from "./check/check-options.js";
import type { CheckResult } from "./check/check-result.js";
import { type Call, detectImage, explainImage, type Question } from "./explain.js";
import { type CreateDetectorOptions, checkCreateOptions } from "./model/create-options.js";
import { inspectModel, type ModelFacts } from "./model/inspect.js";
import { loadModel } from "./model/load-model.js";
import { defaultInputSize, fixedInputSize } from "./model/loaded-model.js";
import type { DetectAloneOptions, ExplainOptions } from "./options/options.js";
import { type ResolvedDetectOptions, resolveDetectOptions } from "./options/resolve-options.js";
import { forwardSession } from "./passes/forward-pass.js";
import { inspectWithSizes } from "./passes/inspect-run.js";
import { KeptPasses } from "./passes/kept-passes.js";
import { ScratchPool } from "./passes/scratch.js";
import { DetectorPlans } from "./plan/detector-plans.js";
import { type ForwardPlan, joinPlans } from "./plan/tap-plan.js";
import { questionOf } from "./questions.js";
import type { ExplainResult } from "./result/result.js";

/** A detector whose detections can be explained. It holds sessions of the runtime. The caller must dispose of it. */
export interface CoreDetector {
  readonly classNames: readonly string[];
  /** Facts about the model, found without running it. */
  readonly facts: ModelFacts;
  /** The facts, with the sizes of the layers. Runs the model once. */
  inspect(options?: { readonly imageSize?: readonly [number, number] }): Promise<ModelFacts>;
  /** Also accepts the options of an explanation, so that one object can be used for both calls. Only the detection options have an effect. */
  detect(image: RgbImage, options?: DetectAloneOptions): Promise<DetectResult>;
  /** Plans an explanation with these options and creates the session of its forward pass, so that the call itself starts sooner. @throws as `explain`. */
  prepare(options?: ExplainOptions): Promise<void>;
  explain(image: RgbImage, options?: ExplainOptions): Promise<ExplainResult>;
  /**
   * Checks whether the maps of some methods depend on the network, the class and the box, and whether they are stable: the same maps are made again with
   * random weights, another class, another detection, noise, another seed, and unchanged. Runs ten or more explanations for each detection and method.
   * @throws usage for invalid options; bad-input if no image has a detection.
   */
  check(images: readonly CheckImage[], options?: CheckOptions): Promise<CheckResult>;
  dispose(): Promise<void>;
}

/**
 * Reads a model (ONNX or a PyTorch checkpoint) and creates a detector. Sessions are created on first use.
 * @throws usage for an unknown option; bad-input for an invalid file; unsupported-model for a model without a known detection head.
 */
export async function createDetector(
  bytes: Uint8Array,
  runtime: RuntimePort,
  options: CreateDetectorOptions = {},
): Promise<CoreDetector> {
  checkCreateOptions(options);
  const loaded = await loadModel(await openModel(bytes, options.externalData), runtime, options);
  const { task } = loaded.head;
  const { methods = defaultMethods, scores = defaultScores, keepForward = false } = options;
  const plans = once(async () => {
    const lazy = await findLazyHead(loaded, fixedInputSize(loaded.input.sides));
    return new DetectorPlans({ ...loaded, lazy });
  });
  const ask = (given: ExplainOptions): Promise<Question> => questionOf({ loaded, methods, scores, plans }, given);
  const passes = new KeptPasses(loaded, { keeps: keepForward });
  const scratches = new ScratchPool();

  /** The plan of the forward pass of a detection. It includes the values that the next explanations need, as far as they are possible. */
  const planAhead = async (
    options: ResolvedDetectOptions,
    ahead: DetectAloneOptions["ahead"] = [],
  ): Promise<ForwardPlan> => {
    const possible: ForwardPlan[] = [];
    for (const given of keepForward ? [ahead].flat() : []) {
      try {
        possible.push((await ask(given)).plan.forward);
      } catch (error) {
        // The explanation will throw this error itself.
        if (!(error instanceof WhyboxError && ["no-gradient", "usage"].includes(error.code))) throw error;
      }
    }
    const [first, ...others] = possible;
    if (first === undefined) return (await plans()).detection(options);
    // A pass reads the predictions in one way.
    const alike = others.filter(({ lazy }) => lazy === first.lazy);
    return alike.length === 0 ? first : joinPlans(loaded, [first, ...alike]);
  };

  /** Runs a call with its own scratch. */
  const call = async <T>(signal: AbortSignal | undefined, run: (call: Call) => Promise<T>): Promise<T> => {
    const started = performance.now();
    const scratch = scratches.take();
    try {
      return await run({ loaded, passes, scratch, started, signal });
    } finally {
      scratches.give(scratch);
    }
  };

  return {
    classNames: loaded.classNames,
    facts: inspectModel(loaded),
    inspect: (given = {}) =>
      inspectWithSizes(loaded, given.imageSize ?? defaultInputSize(loaded.input.sides, loaded.input.size)),
    detect: (image, given = {}) =>
      call(given.signal, async (own) => {
        const options = resolveDetectOptions(given, task);
        return detectImage(own, image, { options, plan: await planAhead(options, given.ahead) });
      }),
    prepare: async (given = {}) => {
      await forwardSession(loaded, (await ask(given)).plan.forward, given.signal);
    },
    explain: (image, given = {}) => call(given.signal, async (own) => explainImage(own, image, await ask(given))),
    check: async (images, given = {}) => {
      const { checkMaps } = await import("./check/check-maps.js");
      return checkMaps({ loaded, methods, scores }, images, given);
    },
    dispose: async () => {
      passes.dispose();
      await loaded.sessions.dispose();
    },
  };
}
