import type { DetectorTask } from "../../detector/head.js";
import type { LayerSelector } from "../../detector/layer.js";
import type { AnyCamMethod } from "../../methods/index.js";
import type { MethodId } from "../../methods/method-id.js";
import type { AliasOf, Filled, NoneMissing, OptionTable } from "../../options/spec.js";
import type { Score } from "../../scores/score.js";
import type { ScoreId } from "../../scores/score-id.js";
import type { ExplainProgress } from "../progress.js";

// The options of detections and explanations are declared here. The interface has the type and docstring of an option. Everything else is in
// its row of the table below. The value checks, the flags and help of the command, the controls of the page, the schemas and the tables in
// docs/ are made from these rows.

/** Aliases of detection options. */
export interface DetectAliases {
  /** Alias of `confidence`. */
  readonly conf?: number;
  /** Alias of `maxDetections`. */
  readonly maxDet?: number;
  /** Alias of `agnostic`. */
  readonly agnosticNms?: boolean;
  /** Alias of `imageSize`. */
  readonly imgsz?: number | readonly [height: number, width: number];
}

/** Options of detection. */
export interface DetectOptions extends DetectAliases {
  /** Size of the model's input: one number, or height and width. Default: the model's own size, or 640. */
  readonly imageSize?: number | readonly [height: number, width: number];
  /** Minimum confidence of a detection (0.1 for the classes of a classifier). Default 0.25. */
  readonly confidence?: number;
  /** Overlap (IoU) above which the weaker of two boxes is dropped. Default 0.45. */
  readonly iou?: number;
  /** Maximum number of detections (5 for the classes of a classifier). Default 1000. */
  readonly maxDetections?: number;
  /** Drop overlapping boxes of different classes too (class-agnostic NMS). Default false. */
  readonly agnostic?: boolean;
  /** Aborts the call. */
  readonly signal?: AbortSignal;
}

/** Options of `detect`. */
export interface DetectAloneOptions extends DetectOptions {
  /**
   * Options of the next explanation of the same image, or of several. With `keepForward`, this detection keeps the values that they need, so that
   * they do not repeat the forward pass.
   */
  readonly ahead?: ExplainOptions | readonly ExplainOptions[];
}

/** Aliases of explanation options. */
export interface ExplainAliases {
  /** Alias of `keepTopPercent`. */
  readonly keepOnlyTopk?: number;
}

/** Options of an explanation. The defaults are those of the `whybox explain` command, except `per`: the command explains each detection. */
export interface ExplainOptions extends DetectOptions, ExplainAliases {
  /** Method that makes the heatmap, by its id or an alias. It can also be a method of your own. Default: "GradCAM", or "tap-fusion" per detection and with a box, unless eigenSmooth or scale common is set. */
  readonly method?: MethodId | AnyCamMethod;
  /**
   * Layers whose maps are averaged or, by some methods, fused; negative numbers count from the end, "auto" picks the layers that suit each
   * detection and the method. Default "auto".
   */
  readonly layer?: "auto" | LayerSelector | readonly LayerSelector[];
  /** Explain only detections of these classes. A classifier explains them even if they are not among the most probable. Default: all classes. */
  readonly classNames?: readonly string[];
  /** Explain only these detections, by their `index` among those that the same detection options give. Default: all detections. */
  readonly detections?: readonly number[];
  /** Scores that are differentiated; the maps of several are averaged. Each is a name or a score of your own. Default: the method's own, mostly "class"; for classifiers "row_logit". */
  readonly backprop?: readonly (ScoreId | Score)[];
  /** Run one backward pass for each class and average the maps. Default false. */
  readonly backwardPerClass?: boolean;
  /** Number of prediction rows per detection that carry the score. Default 10. */
  readonly topk?: number;
  /**
   * Make one heatmap for the image, or one for each class or detection. With "class" and "detection" they are in `maps`, and the heatmap of
   * the image is their largest value at each pixel. Default "image".
   */
  readonly per?: "image" | "class" | "detection";
  /** Scale the map of each class or detection to its own maximum, or all of them to the largest one. Default "each". */
  readonly scale?: "each" | "common";
  /** Explain why this class and not another: the score is the difference between the logits of the two classes. Default: no other class. */
  readonly versus?: string;
  /** Explain a box in image pixels, detected or not: what supports its class there, and why it was or was not detected. Default: no box. */
  readonly box?: AskedBox;
  /** Use the first principal component of the channels' contributions instead of their sum, which reduces noise. Default false. */
  readonly eigenSmooth?: boolean;
  /** Average the maps of six views of the image: mirrored or not, darker and brighter. Default false. */
  readonly augSmooth?: boolean;
  /** Keep only the hottest pixels, in percent of all pixels; the others become 0. Default 100. */
  readonly keepTopPercent?: number;
  /** Use the numbers of pytorch-grad-cam (or of the paper) where Whybox differs by default. Default false. */
  readonly compat?: boolean;
  /** Seed of random numbers. Default 0. */
  readonly seed?: number;
  /** Number of masks, noise samples, steps or concepts of methods that use them. Default: the method's own. */
  readonly samples?: number;
  /** Seconds that the method "search" may take for each map; it stops earlier if nothing improves. Default: 10. */
  readonly budget?: number;
  /** Measure how faithful each map is, beside a Gaussian at the box and a random map (`measured`); about 70 forward passes per map. Default false. */
  readonly measure?: boolean;
  /** What replaces a channel that AblationCAM removes: zero, or the channel's mean. Default: "zero". */
  readonly ablateTo?: "zero" | "mean";
  /** With `per`: give each map in image pixels, or also in pixels of the model's input (`heatmapInput`). Default: "image". */
  readonly frames?: "image" | "both";
  /**
   * Receives the progress of the call: at its start, and after each run of the network (or of a part of it) that follows the forward pass. The runs
   * of all detections, layers and scores count together. Slow methods report hundreds of times, fast ones once or twice, and a call
   * without detections never. An error that the callback throws ends the call, which rejects with that error.
   */
  readonly onProgress?: (progress: ExplainProgress) => void;
}

/** A box drawn by a person: corners in image pixels, and the class to explain. */
export interface AskedBox {
  readonly x1: number;
  readonly y1: number;
  readonly x2: number;
  readonly y2: number;
  readonly className: string;
}

/** Maximum side of the model's input. 8192² pixels take 0.8 GB in float32. */
const MAX_IMAGE_SIZE = 8192;

/** The options of detection. */
export const detectOptions = {
  imageSize: {
    what: "size of the model's input: one number, or height and width",
    kind: "size",
    max: MAX_IMAGE_SIZE,
    otherwise: "the model's own size, or 640",
    aliases: ["imgsz"],
    group: "Detection",
    shown: "size...",
  },
  confidence: {
    what: "minimum confidence of a detection (0.1 for the classes of a classifier)",
    kind: "number",
    min: 0,
    max: 1,
    default: 0.25,
    aliases: ["conf"],
    group: "Detection",
    page: { label: "Minimum confidence", min: 0.05, max: 0.95, step: 0.05 },
  },
  iou: {
    what: "overlap (IoU) above which the weaker of two boxes is dropped",
    kind: "number",
    min: 0,
    max: 1,
    default: 0.45,
    group: "Detection",
    page: { label: "Maximum overlap of two boxes (IoU)", step: 0.05 },
  },
  maxDetections: {
    what: "maximum number of detections (5 for the classes of a classifier)",
    kind: "number",
    min: 1,
    max: 100_000,
    whole: true,
    default: 1000,
    aliases: ["maxDet"],
    group: "Detection",
  },
  agnostic: {
    what: "drop overlapping boxes of different classes too (class-agnostic NMS)",
    kind: "flag",
    default: false,
    aliases: ["agnosticNms"],
    group: "Detection",
  },
} as const satisfies OptionTable<DetectOptions, keyof DetectAliases | "signal">;

/** Defaults of a classifier. Its classes share one probability, so that few of them are above a higher minimum. */
const classifierDefaults = { confidence: 0.1, maxDetections: 5 } as const;

/** The defaults of the detection options that differ between tasks. */
export function detectDefaults(task: DetectorTask): Pick<Required<DetectOptions>, "confidence" | "maxDetections"> {
  const { confidence, maxDetections } = detectOptions;
  return task === "classify"
    ? classifierDefaults
    : { confidence: confidence.default, maxDetections: maxDetections.default };
}

/** The options of an explanation, in the order of result documents. */
export const explainOptions = {
  method: {
    what: "method that makes the heatmap, by its id or an alias",
    kind: "method",
    otherwise: "GradCAM, or tap-fusion per detection and with a box, unless eigenSmooth or scale common is set",
    group: "How it is explained",
    shown: "name",
  },
  layer: {
    what: 'layers whose maps are averaged or, by some methods, fused; negative numbers count from the end, "auto" picks the layers that suit each detection and the method',
    kind: "layers",
    default: "auto",
    group: "How it is explained",
    shown: "index|name|auto...",
    methods: { use: ({ reads = "layers" }) => reads === "layers", otherwise: "is not read at a layer" },
  },
  classNames: {
    what: "explain only detections of these classes",
    kind: "list",
    of: { kind: "text", expected: "a class name" },
    default: [],
    otherwise: "all classes",
    group: "What is explained",
    shown: "name...",
  },
  detections: {
    what: "explain only these detections, by their `index` among those that the same detection options give",
    kind: "list",
    of: { kind: "number", min: 0, max: 100_000, whole: true },
    filled: true,
    otherwise: "all detections",
    group: "What is explained",
    libraryOnly: true,
    inDocument: "given",
  },
  backprop: {
    what: "scores that are differentiated; the maps of several are averaged",
    kind: "scores",
    otherwise: "the method's own, mostly class; for classifiers row_logit",
    group: "What is explained",
    shown: "item...",
  },
  backwardPerClass: {
    what: "run one backward pass for each class and average the maps",
    kind: "flag",
    default: false,
    group: "What is explained",
    page: { label: "For the whole image: one backward pass for each class, averaged" },
  },
  topk: {
    what: "number of prediction rows per detection that carry the score",
    kind: "number",
    min: 1,
    max: 10_000,
    whole: true,
    default: 10,
    group: "What is explained",
  },
  per: {
    what: "make one heatmap for the image, or one for each class or detection",
    kind: "choice",
    choices: ["image", "class", "detection"],
    default: "image",
    group: "What is explained",
  },
  scale: {
    what: "scale the map of each class or detection to its own maximum, or all of them to the largest one",
    kind: "choice",
    choices: ["each", "common"],
    default: "each",
    group: "How it is explained",
  },
  versus: {
    what: "explain why this class and not another: the score is the difference between the logits of the two classes",
    kind: "text",
    expected: "a class name",
    otherwise: "no other class",
    group: "What is explained",
    shown: "class",
  },
  box: {
    what: "explain a box in image pixels, detected or not: what supports its class there, and why it was or was not detected",
    kind: "box",
    otherwise: "no box",
    group: "What is explained",
    shown: "x1 y1 x2 y2...",
  },
  eigenSmooth: {
    what: "use the first principal component of the channels' contributions instead of their sum, which reduces noise",
    kind: "flag",
    default: false,
    group: "How it is explained",
    methods: { use: ({ channels }) => channels !== undefined, otherwise: "has a map that is no sum over channels" },
  },
  augSmooth: {
    what: "average the maps of six views of the image: mirrored or not, darker and brighter",
    kind: "flag",
    default: false,
    group: "How it is explained",
    methods: { use: ({ searches }) => searches !== true, otherwise: "measures its map on this view of the image" },
  },
  keepTopPercent: {
    what: "keep only the hottest pixels, in percent of all pixels; the others become 0",
    kind: "number",
    min: 0,
    max: 100,
    aboveMin: true,
    default: 100,
    aliases: ["keepOnlyTopk"],
    group: "How it is explained",
    shown: "percent",
    page: { label: "Only the hottest", min: 1, step: 1, atDefault: "all" },
  },
  compat: {
    what: "use the numbers of pytorch-grad-cam (or of the paper) where Whybox differs by default",
    kind: "flag",
    default: false,
    group: "How it is explained",
    methods: { use: ({ hasCompat }) => hasCompat === true, otherwise: "has no other numbers for it" },
  },
  seed: {
    what: "seed of random numbers",
    kind: "number",
    min: 0,
    max: 2 ** 32 - 1,
    whole: true,
    default: 0,
    group: "How it is explained",
    methods: { use: ({ usesSeed }) => usesSeed === true, otherwise: "draws nothing at random" },
  },
  samples: {
    what: "number of masks, noise samples, steps or concepts of methods that use them",
    kind: "number",
    min: 1,
    max: 1_000_000,
    whole: true,
    otherwise: "the method's own",
    group: "How it is explained",
    methods: { use: ({ samples }) => samples !== undefined, otherwise: "takes none" },
  },
  budget: {
    what: 'seconds that the method "search" may take for each map; it stops earlier if nothing improves',
    kind: "number",
    min: 0,
    max: 86_400,
    aboveMin: true,
    otherwise: "10",
    group: "How it is explained",
    shown: "seconds",
    methods: { use: ({ searches }) => searches === true, otherwise: "does not search" },
  },
  ablateTo: {
    what: "what replaces a channel that AblationCAM removes: zero, or the channel's mean",
    kind: "choice",
    choices: ["zero", "mean"],
    otherwise: "zero",
    group: "How it is explained",
    methods: { use: ({ ablates }) => ablates === true, otherwise: "removes no channel" },
  },
  measure: {
    what: "measure how faithful each map is, beside a Gaussian at the box and a random map (`measured`); about 70 forward passes per map",
    kind: "flag",
    default: false,
    group: "How it is explained",
    libraryOnly: true,
  },
  frames: {
    what: "with `per`: give each map in image pixels, or also in pixels of the model's input (`heatmapInput`)",
    kind: "choice",
    choices: ["image", "both"],
    otherwise: "image",
    group: "How it is explained",
    libraryOnly: true,
    inDocument: "never",
  },
  ...detectOptions,
} as const satisfies OptionTable<ExplainOptions, keyof DetectAliases | keyof ExplainAliases | "signal" | "onProgress">;

/** Type check: every alias in the interfaces is in the table. */
export type EachAliasHasItsOption = NoneMissing<
  Exclude<keyof DetectAliases | keyof ExplainAliases, AliasOf<typeof explainOptions>>
>;

/** Values of the options of an explanation, with defaults. */
export type ExplainValues = Filled<ExplainOptions, typeof explainOptions>;
