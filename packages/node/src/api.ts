import type {
  CheckImage,
  CheckOptions,
  CheckResult,
  DetectOptions,
  DetectResult,
  DownloadProgress,
  ExplainOptions,
  ExplainResult,
  InputOptions,
  ModelFacts,
  ModelFormat,
  NamedModel,
} from "@whybox/core";
import type { ImageSource } from "./io/image-source.js";

/** The device that runs the model. `cpu` is always available. */
export type Device = "cpu" | "cuda" | "coreml" | "dml" | "webgpu";

export interface LoadOptions {
  /** Default: "cpu". */
  readonly device?: Device;
  /** Number of threads within one op. Default: the number of cores. */
  readonly threads?: number;
  /**
   * Class names: a list, or the path of a text file (one name per line) or of a YOLO data.yaml. Default: the model's
   * metadata, else the `metadata.yaml` beside it, else COCO's for 80, 90 or 91 classes, else class0, class1, …
   */
  readonly names?: string | readonly string[];
  /**
   * Anchors of a model whose boxes are not decoded in its file: widths and heights in pixels, finest level first, or the name of a table of a
   * published model. Default: those in the file, else of the table that fits (docs/models.md).
   */
  readonly anchors?: string | readonly number[];
  /**
   * The image that the model expects, if it cannot be detected or is detected wrongly. Default: from a `preprocessor_config.json` beside the file,
   * the graph and the metadata (docs/inputs.md).
   */
  readonly input?: InputOptions;
  /**
   * The files with the weights of an ONNX model that does not contain them, by the names that the model gives them: `model.onnx.data` beside `model.onnx`.
   * Default: those in the folder of the model.
   */
  readonly externalData?: ReadonlyMap<string, Uint8Array>;
  /** Folder for downloaded weights. Default: WHYBOX_CACHE, else the user's cache folder. */
  readonly cacheDir?: string;
  /** Whether the URL of the weights may lead to a private network. Set it to false for a URL from somebody else. Default: true. */
  readonly allowPrivate?: boolean;
  /**
   * Options of the first explanation. Its forward pass is prepared while the caller reads the image, so that its heatmap is there sooner. Invalid options
   * are reported by the explanation. Default: nothing is prepared.
   */
  readonly prepare?: ExplainOptions;
  readonly onProgress?: (progress: DownloadProgress) => void;
  /** Gets a message about each image file that does not say how its values become pixels, or has several images: what is read. */
  readonly onNote?: (text: string) => void;
  readonly signal?: AbortSignal;
}

/** Information about a model file: plain data, printed by `whybox inspect`. `sha256` is computed on first read. */
export interface ModelReport extends ModelFacts, Omit<NamedModel, "name"> {
  /** Format of the file: "torch" for a PyTorch checkpoint, "tfjs" for a TF.js model. */
  readonly format: ModelFormat | "tfjs";
}

/**
 * A loaded model and its engine, which runs in a worker thread. Call `dispose` when done. A call whose options contain a method or score of your
 * own runs in your thread, because functions cannot be sent to the worker. Its sessions are those in the worker.
 */
export interface Detector {
  /** Information from the file, without running the model. The dims of its layers are undefined. */
  readonly report: ModelReport;
  /** The same information, with the dims of the layers from one run of the model. */
  inspect(): Promise<ModelReport>;
  detect(image: ImageSource, options?: DetectOptions): Promise<DetectResult>;
  explain(image: ImageSource, options?: ExplainOptions): Promise<ExplainResult>;
  /**
   * Checks whether the maps of some methods depend on the network, the class and the box, and whether they are stable (docs/sanity-checks.md). Runs ten or
   * more explanations for each detection and method, in your thread, against the sessions in the worker. `checkDocument` judges the figures.
   */
  check(images: readonly CheckImage[], options?: CheckOptions): Promise<CheckResult>;
  dispose(): Promise<void>;
}
