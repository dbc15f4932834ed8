import { type CheckResult, checkControl, type ModelOrigin, type WeightFigures } from "@whybox/core";
import { type CheckFigures, judge } from "./check-figures.js";
import { type CheckId, type CheckVerdict, checkIds, checkRules, limitsOfChecks, overall } from "./check-rules.js";
import { checkSentence } from "./check-sentence.js";

/** Version of the document. It increases when the meaning of a field changes or a field is removed, but not when a field is added. */
export const checkSchemaVersion = 1;

/** The checks of one method. */
export interface CheckedMethod {
  readonly method: string;
  readonly title: string;
  /** True for the Gaussian at the box. It knows nothing of the network, so it must fail. */
  readonly isControl: boolean;
  /** "pass" if no check failed and each that is possible was decided. */
  readonly verdict: CheckVerdict;
  /** What the verdict means, in words. */
  readonly sentence: string;
  readonly checks: Readonly<Record<CheckId, CheckFigures>>;
}

/** The parts of a check document. */
export interface CheckParts {
  /** Version of Whybox. */
  readonly version: string;
  readonly model: ModelOrigin;
  readonly options: CheckDocument["options"];
  readonly images: CheckDocument["images"];
  readonly result: CheckResult;
  /** Title of each method by its id. */
  readonly titles: ReadonlyMap<string, string>;
}

/** The JSON document of `whybox check` (docs/sanity-checks.md, docs/check.schema.json). */
export interface CheckDocument {
  readonly schemaVersion: typeof checkSchemaVersion;
  readonly kind: "check";
  readonly tool: { readonly name: "whybox"; readonly version: string };
  readonly model: Omit<ModelOrigin, "licence"> & { readonly licence: string | null };
  readonly options: {
    readonly seed: number;
    /** Maximum number of detections. */
    readonly limit: number;
    readonly methods: readonly string[];
    /** Standard deviation of the noise, as a share of the largest pixel value. */
    readonly noise: number;
    readonly confidence: number;
    /** `[height, width]`. Null: the model's own size, or 640. */
    readonly imageSize: readonly [number, number] | null;
  };
  readonly images: {
    /** Images in the folder. */
    readonly found: number;
    /** Those whose detections were checked, in order, with the digest of the file. */
    readonly checked: readonly { readonly source: string; readonly sha256: string }[];
    /** Images that were looked at and have no detection. */
    readonly empty: readonly string[];
    readonly failures: readonly { readonly source: string; readonly message: string }[];
    /** How the images and detections were chosen. */
    readonly chosenBy: string;
  };
  readonly detections: readonly {
    readonly source: string;
    readonly index: number;
    readonly className: string;
    readonly confidence: number;
    /** Left, top, right, bottom in image pixels. */
    readonly box: readonly number[];
    readonly otherClass: string | null;
    readonly otherDetection: number | null;
  }[];
  readonly randomisation: {
    /** Why weights were not randomised. Null if they were. */
    readonly refused: string | null;
    readonly stages: readonly { readonly name: string; readonly ops: number; readonly values: number }[];
  };
  /** What each check asks, and when it passes. */
  readonly rules: readonly {
    readonly check: CheckId;
    readonly title: string;
    readonly question: string;
    readonly rule: string;
  }[];
  readonly methods: readonly CheckedMethod[];
  /** Methods that the model does not support. */
  readonly refused: readonly { readonly method: string; readonly why: string }[];
  /** Over all methods except the control. */
  readonly verdict: CheckVerdict;
  /** Of the control, which must fail. If it does not, the checks could not tell a map that knows nothing of the network. */
  readonly control: CheckVerdict;
  /** What the checks cannot show. */
  readonly limits: readonly string[];
  /** The figures of each map. */
  readonly maps: readonly {
    /** Index into `detections`. */
    readonly detection: number;
    readonly method: string;
    readonly repeated: boolean;
    readonly noise: number;
    readonly seed: number | null;
    readonly classSwap: number | null;
    readonly boxSwap: number | null;
    /** For each stage: over the image, within the box beyond a Gaussian at it, and whether the network with random weights gave heat. */
    readonly weights: readonly WeightFigures[];
  }[];
}

/** Judges the figures of a check and makes its document. Equal parts give equal documents. */
export function checkDocument({ version, model, options, images, result, titles }: CheckParts): CheckDocument {
  const ids = [...new Set(result.maps.map(({ method }) => method))];
  const methods = ids.map((method) => checkedMethod(method, titles.get(method) ?? method, result));
  const own = methods.filter(({ isControl }) => !isControl);
  const { source, sha256, bytes, format, licence } = model;
  return {
    schemaVersion: checkSchemaVersion,
    kind: "check",
    tool: { name: "whybox", version },
    model: { source, sha256, bytes, format, licence: licence ?? null },
    options,
    images,
    detections: result.detections.map(({ image, index, className, confidence, boxImage, ...others }) => ({
      ...{ source: image, index, className, confidence },
      box: [boxImage.x1, boxImage.y1, boxImage.x2, boxImage.y2],
      otherClass: others.otherClass ?? null,
      otherDetection: others.otherDetection ?? null,
    })),
    randomisation: {
      refused: result.noStages ?? null,
      stages: result.stages.map(({ name, ops, values }) => ({ name, ops, values })),
    },
    rules: checkIds.map((check) => ({ check, ...checkRules[check] })),
    methods,
    refused: result.refused.map(({ method, why }) => ({ method, why })),
    verdict: overall(own.map(({ verdict }) => verdict)),
    control: methods.find(({ isControl }) => isControl)?.verdict ?? "not-possible",
    limits: limitsOfChecks,
    maps: result.maps.map((map) => ({
      ...{ detection: map.detection, method: map.method, repeated: map.repeated, noise: map.noise },
      seed: map.seed ?? null,
      classSwap: map.classSwap ?? null,
      boxSwap: map.boxSwap ?? null,
      weights: map.weights.map(({ image, beyondBox, hasHeat }) => ({ image, beyondBox, hasHeat })),
    })),
  };
}

function checkedMethod(method: string, title: string, result: CheckResult): CheckedMethod {
  const checks = judge(method, result);
  const verdict = overall(Object.values(checks).map((check) => check.verdict));
  const isControl = method === checkControl;
  return { method, title, isControl, verdict, sentence: checkSentence({ title, isControl, checks }), checks };
}
