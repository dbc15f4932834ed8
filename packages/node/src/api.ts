import type {
  DetectOptions,
  DetectResult,
  ExplainOptions,
  ExplainResult,
  InputOptions,
  ModelFacts,
  ModelFormat,
  RgbImage,
} from "@whybox/core";

/** Where a model runs. `cpu` works everywhere. */
export type Device = "cpu" | "cuda" | "coreml" | "dml" | "webgpu";

/** A picture: a path, an http(s) URL, the bytes of an encoded file, or decoded pixels. */
export type ImageSource = string | URL | Uint8Array | RgbImage;

/** How far a download has come. `total` is undefined while the size is unknown. */
export interface DownloadProgress {
  readonly what: string;
  readonly received: number;
  readonly total: number | undefined;
}

export interface LoadOptions {
  /** Default "cpu". */
  readonly device?: Device;
  /** Threads inside one op. Default: the cores. */
  readonly threads?: number;
  /** Class names: a list, or the path of a text file (one name a line) or of a YOLO data.yaml. Default: the model's metadata, else class0, class1, … */
  readonly names?: string | readonly string[];
  /** What the model is fed with, where its file does not tell, or tells wrongly. Default: what the graph tells (docs/inputs.md). */
  readonly input?: InputOptions;
  /** Folder for downloaded weights. Default: WHYBOX_CACHE, else the user's cache folder. */
  readonly cacheDir?: string;
  readonly onProgress?: (progress: DownloadProgress) => void;
  readonly signal?: AbortSignal;
}

/** What is known of a model file: plain data, printed by `whybox inspect`. */
export interface ModelReport extends ModelFacts {
  /** Path or name as given. */
  readonly source: string;
  /** What the file is: "torch" for a PyTorch checkpoint, "tfjs" for a TF.js model. */
  readonly format: ModelFormat | "tfjs";
  readonly bytes: number;
  /** Hex digest of the model file that runs. */
  readonly sha256: string;
  /** Licence of weights that Whybox fetched itself; undefined for the user's own file. */
  readonly licence: string | undefined;
  /** What a user of those weights must be told: who owns them, and under which licence. */
  readonly notice: string | undefined;
}

/** A loaded model with its sessions (they live in a worker thread). Dispose it when done. */
export interface Detector {
  /** What was found in the file, without running it: the dims of its layers are undefined. */
  readonly report: ModelReport;
  /** The same, with the dims of its layers from one run. */
  inspect(): Promise<ModelReport>;
  detect(image: ImageSource, options?: DetectOptions): Promise<DetectResult>;
  explain(image: ImageSource, options?: ExplainOptions): Promise<ExplainResult>;
  dispose(): Promise<void>;
}
