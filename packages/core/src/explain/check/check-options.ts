import type { RgbImage } from "../../image/frame.js";
import type { OptionTable } from "../../options/spec.js";
import { type DetectOptions, detectOptions, explainOptions } from "../options/options.js";
import type { ExplainProgress } from "../progress.js";

/** An image to check maps on. It is opened several times, so that only one is in memory. */
export interface CheckImage {
  /** Name of the image in the result. Names must differ. */
  readonly name: string;
  open(): Promise<RgbImage>;
}

/** Options of a check. */
export interface CheckOptions extends Pick<DetectOptions, "imageSize" | "imgsz" | "confidence" | "conf" | "signal"> {
  /** Ids of the methods to check. Default: tap-fusion, GradCAM, LayerCAM and EigenCAM. */
  readonly methods?: readonly string[];
  /** Maximum number of detections. They are taken from as many images as possible. Default 20. */
  readonly limit?: number;
  /** Seed of the random choices: images, detections, weights, noise. Default 0. */
  readonly seed?: number;
  /** Standard deviation of the noise on the image, as a share of the largest pixel value. Default 0.02. */
  readonly noise?: number;
  /** Receives the number of maps that are made, and of all maps. */
  readonly onProgress?: (progress: ExplainProgress) => void;
}

/** The methods of a check by default: the default method, the best known, one without averages over the map, and one that reads no gradient. */
export const checkMethods = ["tap-fusion", "GradCAM", "LayerCAM", "EigenCAM"] as const;

/** The options of a check. */
export const checkOptions = {
  methods: {
    what: "ids of the methods to check",
    kind: "list",
    of: { kind: "text", expected: "the id of a method" },
    filled: true,
    otherwise: checkMethods.join(", "),
    group: "How it is explained",
    shown: "names...",
  },
  limit: {
    what: "maximum number of detections, from as many images as possible",
    kind: "number",
    min: 1,
    max: 10_000,
    whole: true,
    default: 20,
    group: "What is explained",
  },
  seed: {
    what: "seed of the random choices: images, detections, weights, noise",
    kind: "number",
    min: 0,
    max: explainOptions.seed.max,
    whole: true,
    default: 0,
    group: "What is explained",
  },
  noise: {
    what: "standard deviation of the noise on the image, as a share of the largest pixel value",
    kind: "number",
    min: 0,
    max: 1,
    aboveMin: true,
    default: 0.02,
    group: "How it is explained",
  },
  imageSize: detectOptions.imageSize,
  confidence: {
    what: detectOptions.confidence.what,
    kind: "number",
    min: 0,
    max: 1,
    otherwise: "0.25, or 0.1 for a classifier",
    aliases: ["conf"],
    group: "Detection",
  },
} as const satisfies OptionTable<CheckOptions, "signal" | "onProgress" | "imgsz" | "conf">;
