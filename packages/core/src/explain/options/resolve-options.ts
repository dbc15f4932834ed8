import { resolveClasses } from "../../detector/names.js";
import { WhyboxError } from "../../errors.js";
import type { AnyCamMethod } from "../../methods/index.js";
import { defaultMethodId, resolveMethod } from "../../methods/index.js";
import { resolveScore } from "../../scores/index.js";
import type { Score } from "../../scores/score.js";
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
  /** Indices of detections, each once; undefined for all. */
  readonly detections: readonly number[] | undefined;
  readonly backwardPerClass: boolean;
  readonly topk: number;
  readonly per: "image" | "class" | "detection";
  readonly scale: "each" | "common";
  readonly frames: "image" | "both";
  /** Index of the class to compare with. */
  readonly versus: number | undefined;
  readonly eigenSmooth: boolean;
  readonly augSmooth: boolean;
  readonly keepTopPercent: number;
  readonly compat: boolean;
  readonly seed: number;
  readonly samples: number | undefined;
  readonly ablateTo: "zero" | "mean" | undefined;
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

/** @throws usage for a value out of range, an unknown method, item or class, with the valid ones, and for options that exclude each other. */
export function resolveExplainOptions(
  options: ExplainOptions,
  methods: readonly AnyCamMethod[],
  scores: readonly Score[],
  classNames: readonly string[],
): ResolvedExplainOptions {
  const per = oneOf("per", options.per ?? "image", ["image", "class", "detection"] as const);
  const single = per === "detection" || options.box !== undefined;
  const method = resolveMethod(options.method ?? defaultMethod(methods, single), methods);
  const backprop = list("backprop", options.backprop);
  const indices = list("detections", options.detections);
  const items = backprop?.length
    ? backprop
    : options.versus === undefined
      ? (method.scores ?? ["class"])
      : ["contrast"];
  const resolved: ResolvedExplainOptions = {
    ...resolveDetectOptions(options),
    method,
    scores: [...new Set(items.map((item) => resolveScore(item, scores)))],
    classNames: list("classNames", options.classNames) ?? [],
    detections: indices && detectionIndices(indices),
    backwardPerClass: options.backwardPerClass ?? false,
    topk: whole("topk", options.topk ?? 10, 10_000),
    per,
    scale: oneOf("scale", options.scale ?? "each", ["each", "common"] as const),
    frames: oneOf("frames", options.frames ?? "image", ["image", "both"] as const),
    versus: options.versus === undefined ? undefined : resolveClasses([options.versus], classNames)[0],
    eigenSmooth: options.eigenSmooth ?? false,
    augSmooth: options.augSmooth ?? false,
    keepTopPercent: percent("keepTopPercent", options.keepTopPercent ?? 100),
    compat: options.compat ?? false,
    seed: whole("seed", options.seed ?? 0, 2 ** 32 - 1, 0),
    samples: options.samples === undefined ? undefined : whole("samples", options.samples, 1_000_000),
    ablateTo:
      options.ablateTo === undefined ? undefined : oneOf("ablateTo", options.ablateTo, ["zero", "mean"] as const),
  };
  refuseContradictions(options, resolved);
  refuseUnread(options, method, methods);
  return resolved;
}

/** The default where it is among them, else the first. */
function defaultMethod(methods: readonly AnyCamMethod[], single: boolean): string {
  const best = defaultMethodId(single);
  return methods.some((method) => method.id === best) ? best : methods[0]!.id;
}

function refuseContradictions(
  options: ExplainOptions,
  { method, scores, per, scale, ...resolved }: ResolvedExplainOptions,
): void {
  const refuse = (message: string): never => {
    throw new WhyboxError("usage", message);
  };
  if (resolved.eigenSmooth && method.channels === undefined) {
    refuse(
      `eigenSmooth has no meaning for ${method.id}: its map is no sum over channels. Leave it out, or use another method.`,
    );
  }
  if (method.needs.includes("curvature") && scores.some(({ readsMask }) => readsMask)) {
    refuse(
      `${method.id} takes second derivatives of the score, which the score of a mask has none of here. Use another method.`,
    );
  }
  if (resolved.ablateTo !== undefined && resolved.compat) {
    refuse("compat says by itself what a channel becomes; leave ablateTo out, or compat.");
  }
  if (resolved.backwardPerClass && per !== "image") {
    refuse(`backwardPerClass averages over classes, per "${per}" keeps them apart; give one of the two.`);
  }
  if (resolved.frames === "both" && per === "image") {
    refuse('frames "both" is for the maps of per; the one of the image always has its heatmapInput.');
  }
  if (scale === "common" && per === "image") {
    refuse('scale "common" compares maps of one image; it needs per "detection" or per "class".');
  }
  if (scale === "common" && method.fuse !== undefined) {
    refuse(
      `scale "common" has no meaning for ${method.id}, which scales each layer's map before it fuses them. Use ODAM or GradCAM.`,
    );
  }
  if (resolved.versus === undefined && scores.some(({ id }) => id === "contrast")) {
    refuse('The score "contrast" compares two classes; say with which, by the option versus.');
  }
  if (resolved.versus !== undefined && !scores.some(({ id }) => id === "contrast")) {
    refuse('versus is what the score "contrast" compares with; leave backprop out, or add contrast to it.');
  }
  if (options.box !== undefined && per !== "image") refuse("box asks about one box; per does not go with it.");
  if (options.box !== undefined && resolved.classNames.length > 0) {
    refuse("box names its class itself; leave classNames out.");
  }
  if (options.box !== undefined && resolved.detections !== undefined) {
    refuse("box asks about a box of its own; detections names some that were found. Give one of the two.");
  }
  if (resolved.detections !== undefined && resolved.classNames.length > 0) {
    refuse("detections names what is explained; leave classNames out.");
  }
  if ((method.reads ?? "layers") !== "layers" && (options.layer ?? "auto") !== "auto") {
    refuse(`${method.id} is not read at a layer; leave layer out.`);
  }
}

/** Options that only some methods read; the defaults may be given to all. */
function refuseUnread(
  { samples, seed = 0, compat = false, ablateTo }: ExplainOptions,
  method: AnyCamMethod,
  methods: readonly AnyCamMethod[],
): void {
  type Read = (one: AnyCamMethod) => string | boolean | undefined;
  const options: readonly [option: string, given: boolean, why: string, reads: Read][] = [
    ["samples", samples !== undefined, "it takes none", (one) => one.samples],
    ["seed", seed !== 0, "it draws nothing at random", (one) => one.usesSeed],
    ["compat", compat, "it has no other numbers for it", (one) => one.hasCompat],
    ["ablateTo", ablateTo !== undefined, "it takes no channel away", (one) => one.ablates],
  ];
  for (const [option, given, why, reads] of options) {
    if (!given || reads(method)) continue;
    const others = methods.filter(reads).map(({ id }) => id);
    const instead = others.length === 0 ? "" : `, or use ${others.join(", ")}`;
    throw new WhyboxError("usage", `${option} has no meaning for ${method.id}: ${why}. Leave it out${instead}.`, {
      details: { option, method: method.id, others },
    });
  }
}

function detectionIndices(indices: readonly number[]): number[] {
  if (indices.length === 0) {
    throw new WhyboxError("usage", "detections is an empty list; name at least one, or leave it out for all.");
  }
  return [...new Set(indices.map((index) => whole("detections", index, 100_000, 0)))];
}

/** Who writes no TypeScript may give one item in place of a list. */
function list<T>(option: string, value: readonly T[] | undefined): readonly T[] | undefined {
  if (value === undefined || Array.isArray(value)) return value;
  throw new WhyboxError(
    "usage",
    `${option} is ${JSON.stringify(value)}; expected a list: [${JSON.stringify(value)}].`,
    {
      details: { option },
    },
  );
}

function oneOf<T extends string>(option: string, value: T, valid: readonly T[]): T {
  if (valid.includes(value)) return value;
  throw new WhyboxError("usage", `${option} is "${value}"; expected ${valid.join(", ")}.`, {
    details: { option, value },
  });
}

function percent(option: string, value: number): number {
  if (value > 0 && value <= 100) return value;
  throw new WhyboxError("usage", `${option} is ${value}; expected a number above 0, 100 at most.`, {
    details: { option, value },
  });
}

function unit(option: string, value: number): number {
  if (value >= 0 && value <= 1) return value;
  throw new WhyboxError("usage", `${option} is ${value}; expected a number from 0 to 1.`, {
    details: { option, value },
  });
}

function whole(option: string, value: number, most: number, least = 1): number {
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  throw new WhyboxError("usage", `${option} is ${value}; expected a whole number from ${least} to ${most}.`, {
    details: { option, value },
  });
}
