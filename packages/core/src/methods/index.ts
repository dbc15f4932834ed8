import { didYouMean, WhyboxError } from "../errors.js";
import { ablationCam } from "./ablation-cam.js";
import { dRise } from "./d-rise.js";
import { deepFeatureFactorization } from "./deep-feature-factorization.js";
import { detClassProbabilityMap } from "./det-class-probability-map.js";
import { eigenCam } from "./eigen-cam.js";
import { eigenGradCam } from "./eigen-grad-cam.js";
import { fem } from "./fem.js";
import { finerCam } from "./finer-cam.js";
import { fullGrad } from "./full-grad.js";
import { gCame } from "./g-came.js";
import { gradCam } from "./grad-cam.js";
import { gradCamElementWise } from "./grad-cam-element-wise.js";
import { gradCamPlusPlus } from "./grad-cam-plus-plus.js";
import { gradient } from "./gradient.js";
import { gradientXInput } from "./gradient-x-input.js";
import { guidedBackprop } from "./guided-backprop.js";
import { guidedGradCam } from "./guided-grad-cam.js";
import { hiResCam } from "./hi-res-cam.js";
import { integratedGradients } from "./integrated-gradients.js";
import { kpcaCam } from "./kpca-cam.js";
import { layerCam } from "./layer-cam.js";
import type { CamMethod, Evidence } from "./method.js";
import type { MethodId } from "./method-id.js";
import { odam } from "./odam.js";
import { randomCam } from "./random-cam.js";
import { reciproCam } from "./recipro-cam.js";
import { refineCam } from "./refine-cam.js";
import { scoreCam } from "./score-cam.js";
import { search } from "./search.js";
import { segEigenCam } from "./seg-eigen-cam.js";
import { shapleyCam } from "./shapley-cam.js";
import { smoothGrad } from "./smooth-grad.js";
import { ssGradCam } from "./ss-grad-cam.js";
import { ssGradCamPlusPlus } from "./ss-grad-cam-plus-plus.js";
import { tapFusion } from "./tap-fusion.js";
import { tapFusionFast } from "./tap-fusion-fast.js";
import { xGradCam } from "./x-grad-cam.js";

/** A method with any needs. */
export type AnyCamMethod = CamMethod<keyof Evidence>;

/** Every method that comes with Whybox, in the order in which they are listed to people. */
export const defaultMethods: readonly AnyCamMethod[] = [
  gradCam,
  hiResCam,
  gradCamElementWise,
  gradCamPlusPlus,
  xGradCam,
  layerCam,
  eigenCam,
  eigenGradCam,
  fullGrad,
  ablationCam,
  scoreCam,
  randomCam,
  kpcaCam,
  shapleyCam,
  finerCam,
  fem,
  segEigenCam,
  refineCam,
  deepFeatureFactorization,
  guidedBackprop,
  guidedGradCam,
  odam,
  ssGradCam,
  ssGradCamPlusPlus,
  gCame,
  reciproCam,
  detClassProbabilityMap,
  dRise,
  gradient,
  gradientXInput,
  smoothGrad,
  integratedGradients,
  tapFusion,
  tapFusionFast,
  search,
];

/** The options that the default method depends on. */
export interface MethodQuestion {
  readonly per?: string;
  readonly box?: object | undefined;
  readonly eigenSmooth?: boolean;
  readonly scale?: string;
}

/**
 * Id of the default method: tap fusion, the most faithful for one detection (docs/methods), or Grad-CAM, the best known, for a whole image
 * and for the options that tap fusion cannot take.
 */
export function defaultMethodId({ per, box, eigenSmooth, scale }: MethodQuestion): MethodId {
  const isOfDetection = per === "detection" || box !== undefined;
  return isOfDetection && eigenSmooth !== true && scale !== "common" ? "tap-fusion" : "GradCAM";
}

/**
 * The method with this id or alias (case and the characters `-`, `_` and space do not matter). A method is returned as it is.
 * @throws usage for an unknown name, with the valid ones; internal when two methods share a name.
 */
export function resolveMethod(
  name: string | AnyCamMethod,
  methods: readonly AnyCamMethod[] = defaultMethods,
): AnyCamMethod {
  if (typeof name !== "string") return name;
  const table = new Map<string, AnyCamMethod>();
  for (const method of methods) {
    for (const key of new Set([method.id, ...(method.aliases ?? [])].map(plain))) {
      if (table.has(key))
        throw new WhyboxError("internal", `Two methods are called "${key}"; give one of them another id.`);
      table.set(key, method);
    }
  }
  const found = table.get(plain(name));
  if (found) return found;
  const ids = methods.map((method) => method.id);
  throw new WhyboxError("usage", `There is no method "${name}".${didYouMean(name, ids)} Methods: ${ids.join(", ")}.`, {
    details: { method: name, methods: ids },
  });
}

function plain(name: string): string {
  return name.toLowerCase().replace(/[-_ ]/g, "");
}
