import { WhyboxError } from "../errors.js";
import type { AnyCamMethod } from "../methods/index.js";
import { resolveMethod } from "../methods/index.js";
import { resolveScore } from "../scores/index.js";
import type { Score } from "../scores/score.js";
import type { DetectOptions, ExplainOptions } from "./options.js";

/** Detection options with every default filled in, checked. */
export interface ResolvedDetectOptions {
  readonly confidence: number;
  readonly iou: number;
  readonly maxDetections: number;
  readonly agnostic: boolean;
  /** `[h, w]` asked for; undefined: the model's fixed size, or 640. */
  readonly imageSize: readonly [number, number] | undefined;
}

/** Explanation options with every default filled in, checked. Layers and classes are resolved against the model later. */
export interface ResolvedExplainOptions extends ResolvedDetectOptions {
  readonly method: AnyCamMethod;
  readonly scores: readonly Score[];
  readonly classNames: readonly string[];
  readonly backwardPerClass: boolean;
  readonly topk: number;
}

/** Largest side of the network's input that is accepted: past it memory runs out before anything useful comes out. */
export const MAX_IMAGE_SIZE = 8192;

/** @throws usage naming the option, what was found and what is expected. */
export function resolveDetectOptions(options: DetectOptions): ResolvedDetectOptions {
  const { imageSize } = options;
  const size: readonly [number, number] | undefined =
    imageSize === undefined ? undefined : typeof imageSize === "number" ? [imageSize, imageSize] : imageSize;
  for (const side of size ?? []) whole("imageSize", side, MAX_IMAGE_SIZE);
  return {
    confidence: unit("confidence", options.confidence ?? 0.25),
    iou: unit("iou", options.iou ?? 0.45),
    maxDetections: whole("maxDetections", options.maxDetections ?? 1000, 100_000),
    agnostic: options.agnostic ?? false,
    imageSize: size,
  };
}

/** @throws usage for a value out of range, an unknown method or item, with the valid ones. */
export function resolveExplainOptions(
  options: ExplainOptions,
  methods: readonly AnyCamMethod[],
  scores: readonly Score[],
): ResolvedExplainOptions {
  const items = options.backprop?.length ? options.backprop : ["class"];
  return {
    ...resolveDetectOptions(options),
    method: resolveMethod(options.method ?? "GradCAM", methods),
    scores: [...new Set(items.map((item) => resolveScore(item, scores)))],
    classNames: options.classNames ?? [],
    backwardPerClass: options.backwardPerClass ?? false,
    topk: whole("topk", options.topk ?? 10, 10_000),
  };
}

function unit(option: string, value: number): number {
  if (value >= 0 && value <= 1) return value;
  throw new WhyboxError("usage", `${option} is ${value}; expected a number from 0 to 1.`, {
    details: { option, value },
  });
}

function whole(option: string, value: number, most: number): number {
  if (Number.isInteger(value) && value >= 1 && value <= most) return value;
  throw new WhyboxError("usage", `${option} is ${value}; expected a whole number from 1 to ${most}.`, {
    details: { option, value },
  });
}
