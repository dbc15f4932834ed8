import type { DetectorTask } from "../../detector/head.js";
import { resolveClasses } from "../../detector/names.js";
import { WhyboxError } from "../../errors.js";
import type { AnyCamMethod } from "../../methods/index.js";
import { defaultMethodId, defaultMethods, resolveMethod } from "../../methods/index.js";
import { type NamedOptions, namesIn } from "../../options/names.js";
import type { Filled, OptionRows } from "../../options/spec.js";
import { readOptions } from "../../options/values.js";
import { classScore } from "../../scores/column-scores.js";
import { defaultScores, resolveScore } from "../../scores/index.js";
import { rowLogitScore, rowScore } from "../../scores/row.js";
import type { Score } from "../../scores/score.js";
import { contradictions, type ReadExplainOptions, type Written } from "./contradictions.js";
import {
  type DetectOptions,
  detectDefaults,
  detectOptions,
  type ExplainOptions,
  type ExplainValues,
  explainOptions,
} from "./options.js";

/** Checked detection options, with defaults. */
export interface ResolvedDetectOptions extends Omit<Filled<DetectOptions, typeof detectOptions>, "imageSize"> {
  /** Size `[h, w]`. Undefined: the model's fixed size, or 640. */
  readonly imageSize: readonly [number, number] | undefined;
  /** Whether the most probable class is found even below the minimum confidence: for a classifier, unless that is given. */
  readonly keepsBest: boolean;
}

/** The parts of a model that the defaults of options depend on. */
export interface OptionModel {
  readonly task: DetectorTask;
  readonly classNames: readonly string[];
}

/** Methods and scores that can be selected by name. */
export interface OptionChoices {
  readonly methods: readonly AnyCamMethod[];
  readonly scores: readonly Score[];
}

/** Checked explanation options, with defaults. */
export interface ResolvedExplainOptions
  extends Omit<ExplainValues, "method" | "backprop" | "imageSize" | "versus" | "frames">,
    ResolvedDetectOptions {
  readonly method: AnyCamMethod;
  readonly scores: readonly Score[];
  readonly frames: "image" | "both";
  /** Index of the class to compare with. */
  readonly versus: number | undefined;
}

/** Names that are allowed in addition to the table. `detect` also accepts explanation options, so that one object can be used for both calls. */
const besides = {
  detect: ["signal", "onProgress", "ahead", ...namesIn(explainOptions)],
  explain: ["signal", "onProgress"],
};

/** Checks the options of a detection. @throws usage with the option, its value and the expected values. */
export function resolveDetectOptions(given: DetectOptions, task: DetectorTask): ResolvedDetectOptions {
  const { options, named } = readOptions<DetectOptions, typeof detectOptions>(given, detectOptions, besides.detect);
  return { ...options, imageSize: sizeOf(options.imageSize), ...taskOptions(named, task) };
}

/** The options whose defaults depend on the task. */
function taskOptions({ values }: NamedOptions, task: DetectorTask) {
  const defaults = detectDefaults(task);
  const { confidence, maxDetections } = values as DetectOptions;
  return {
    confidence: confidence ?? defaults.confidence,
    maxDetections: maxDetections ?? defaults.maxDetections,
    keepsBest: task === "classify" && confidence === undefined,
  };
}

/**
 * Checks the options of an explanation.
 * @throws usage for a value out of range, for an unknown option, method, score or class (with the valid ones), and for options that exclude
 * each other.
 */
export function resolveExplainOptions(
  given: ExplainOptions,
  { methods, scores }: OptionChoices,
  { task, classNames }: OptionModel,
): ResolvedExplainOptions {
  const { named, ...read } = readExplainOptions(given, methods, scores);
  const { backprop: _, detections, versus, frames = "image", imageSize, ...rest } = read.options;
  return {
    ...rest,
    ...taskOptions(named, task),
    imageSize: sizeOf(imageSize),
    method: read.method,
    scores: isGiven(read.options.backprop) ? read.scores : read.scores.map((score) => ownScore(score, task)),
    detections: detections && [...new Set(detections)],
    versus: versus === undefined ? undefined : resolveClasses([versus], classNames)[0],
    frames,
  };
}

/**
 * Checks the options of an explanation that need no model.
 * @throws usage for an unknown option, a value out of range, an unknown method or score, and for options that exclude each other.
 */
export function checkExplainOptions(
  given: ExplainOptions,
  methods: readonly AnyCamMethod[] = defaultMethods,
  scores: readonly Score[] = defaultScores,
): ReadExplainOptions {
  const { named: _, ...read } = readExplainOptions(given, methods, scores);
  return read;
}

function readExplainOptions(
  given: ExplainOptions,
  methods: readonly AnyCamMethod[],
  scores: readonly Score[],
): ReadExplainOptions & { readonly named: NamedOptions } {
  const { options, named } = readOptions<ExplainOptions, typeof explainOptions>(given, explainOptions, besides.explain);
  if (given.onProgress !== undefined && typeof given.onProgress !== "function") {
    throw new WhyboxError("usage", `onProgress is ${typeof given.onProgress}. Expected a function.`, {
      details: { option: "onProgress" },
    });
  }
  const read = readMethod(options, methods, scores);
  const problems = contradictions(read, methods, writtenIn(named, options));
  if (problems.length > 0) throw new WhyboxError("usage", problems.join("\n"), { details: { problems } });
  return { ...read, named };
}

/** The default score of a method for a task. For a classifier, the logit of the class stands for the scores of a detection's class. */
function ownScore(score: Score, task: DetectorTask): Score {
  return task === "classify" && (score === classScore || score === rowScore) ? rowLogitScore : score;
}

function isGiven(backprop: ExplainOptions["backprop"]): boolean {
  return backprop !== undefined && backprop.length > 0;
}

/**
 * The method and the scores that the options name, or their defaults.
 * @throws usage for an unknown method or score.
 */
export function readMethod(
  options: ExplainValues,
  methods: readonly AnyCamMethod[],
  scores: readonly Score[],
): ReadExplainOptions {
  const method = resolveMethod(options.method ?? defaultMethod(methods, options), methods);
  const standard = options.versus === undefined ? (method.scores ?? ["class"]) : ["contrast"];
  const items = isGiven(options.backprop) ? options.backprop! : standard;
  return { options, method, scores: [...new Set(items.map((item) => resolveScore(item, scores)))] };
}

/** Options in the notation of a program. An option with its default value does not count as given. */
function writtenIn(named: NamedOptions, options: ExplainValues): Written {
  const rows: OptionRows = explainOptions;
  return {
    given: (option) => options[option as keyof ExplainValues] !== rows[option]?.default,
    show: (option, value) =>
      value === undefined ? named.nameOf(option) : `${named.nameOf(option)} ${JSON.stringify(value)}`,
  };
}

/** The default method if it is in the list, else the first method. */
function defaultMethod(methods: readonly AnyCamMethod[], options: ExplainValues): string {
  const best: string = defaultMethodId(options);
  return methods.some((method) => method.id === best) ? best : methods[0]!.id;
}

function sizeOf(size: ExplainValues["imageSize"]): readonly [number, number] | undefined {
  return typeof size === "number" ? [size, size] : size;
}
