import { WhyboxError } from "../../errors.js";
import { type AnyCamMethod, resolveMethod } from "../../methods/index.js";
import { readOptions } from "../../options/values.js";
import type { LoadedModel } from "../model/loaded-model.js";
import type { OptionChoices } from "../options/resolve-options.js";
import { type CheckImage, type CheckOptions, checkMethods, checkOptions } from "./check-options.js";
import type { CheckResult } from "./check-result.js";
import { CheckRun } from "./check-run.js";
import { MapMaker } from "./map-maker.js";
import { shuffleWeights } from "./shuffle-weights.js";
import { weightStages } from "./stages.js";
import { chooseSubjects, type Subject } from "./subjects.js";

/** The detector whose maps are checked. */
export interface CheckedDetector extends OptionChoices {
  readonly loaded: LoadedModel;
}

/** See `CoreDetector.check`. */
export async function checkMaps(
  { loaded, ...choices }: CheckedDetector,
  images: readonly CheckImage[],
  given: CheckOptions,
): Promise<CheckResult> {
  const { options } = readOptions<CheckOptions, typeof checkOptions>(given, checkOptions, ["signal", "onProgress"]);
  const { limit, seed, noise, imageSize, confidence } = options;
  const { signal, onProgress } = given;
  const detection = { ...(imageSize && { imageSize }), ...(confidence !== undefined && { confidence }) };
  const settings = { detection, signal };
  /** Each use has its own sessions: those of one method on one network are in memory at a time. */
  const using = async <T>(network: LoadedModel, use: (maker: MapMaker) => Promise<T>): Promise<T> => {
    const sessions = loaded.sessions.empty();
    try {
      return await use(new MapMaker({ ...network, sessions, batches: new Map() }, choices, settings));
    } finally {
      await sessions.dispose();
    }
  };
  const wanted = methodsOf(options.methods, choices.methods);
  const { methods, refused } = await using(loaded, (maker) => supported(maker, wanted));
  const { subjects, images: seen } = await using(loaded, (maker) =>
    chooseSubjects(images, { limit, seed, signal, detect: (image) => maker.detect(image) }),
  );
  const found = weightStages(loaded);
  const stages = typeof found === "string" ? [] : found;
  const { classNames } = loaded;
  const run = new CheckRun({ subjects, methods, classNames, stages: stages.length, seed, noise, signal, onProgress });
  for (const method of methods) await using(loaded, (maker) => run.compare(maker, method));
  run.compareControl();
  for (const { weights } of stages) {
    const network = { ...loaded, model: shuffleWeights(loaded.model, weights, seed) };
    for (const method of methods) await using(network, (maker) => run.compareStage(maker, method));
    run.compareControlStage();
  }
  return {
    images: seen,
    detections: subjects.map((subject) => checkedDetection(subject, classNames)),
    maps: run.maps,
    stages: stages.map(({ name, ops, values }) => ({ name, ops, values })),
    noStages: typeof found === "string" ? found : undefined,
    refused,
  };
}

function methodsOf(ids: readonly string[] | undefined, methods: readonly AnyCamMethod[]): readonly AnyCamMethod[] {
  if (ids !== undefined) return [...new Set(ids.map((id) => resolveMethod(id, methods)))];
  const standard = methods.filter(({ id }) => (checkMethods as readonly string[]).includes(id));
  return standard.length > 0 ? standard : methods;
}

/** Methods that need gradients cannot explain a model that gives only its boxes. @throws the first refusal if no method is left. */
async function supported(maker: MapMaker, methods: readonly AnyCamMethod[]) {
  const refused: { readonly method: string; readonly why: string }[] = [];
  let first: unknown;
  for (const method of methods) {
    try {
      await maker.plan(method);
    } catch (error) {
      if (!(error instanceof WhyboxError) || !["no-gradient", "usage"].includes(error.code)) throw error;
      first ??= error;
      refused.push({ method: method.id, why: error.message });
    }
  }
  const left = methods.filter(({ id }) => !refused.some(({ method }) => method === id));
  if (left.length === 0) throw first;
  return { methods: left, refused };
}

function checkedDetection({ image, imageSize, detection, rows, other }: Subject, classNames: readonly string[]) {
  const { index, className, confidence, boxImage } = detection;
  return {
    ...{ image: image.name, imageSize, index, className, confidence, boxImage },
    otherClass: rows.otherClass === undefined ? undefined : classNames[rows.otherClass],
    otherDetection: other?.detection.index,
  };
}
