import type {
  DetectAloneOptions,
  DetectResult,
  ExplainOptions,
  ExplainResult,
  InputOptions,
  ModelFacts,
  ModelFormat,
} from "@whybox/core";
import type { ImageSource } from "./image-source.js";
import type { Device, Provider } from "./protocol.js";

/** A model: its URL, a file, or its bytes. */
export type WeightsSource = string | URL | Blob | Uint8Array | ArrayBuffer;

/** Progress of a download. `total` is undefined if the size is unknown. */
export interface DownloadProgress {
  readonly what: string;
  readonly received: number;
  readonly total: number | undefined;
}

export interface LoadOptions {
  /** Default: "auto", which is WebGPU if the browser has it, else WebAssembly. */
  readonly device?: Device;
  /** Threads of WebAssembly. A page that is not cross-origin isolated has one. Default: the number of cores, at most 16. */
  readonly threads?: number;
  /** Class names. Default: the model's metadata, else COCO's for 80 classes, else class0, class1, … */
  readonly names?: readonly string[];
  /**
   * Anchors of a model whose boxes are not decoded in its file: widths and heights in pixels, finest level first, or the name of a table of a
   * published model. Default: those in the file, else of the table that fits (docs/models.md).
   */
  readonly anchors?: string | readonly number[];
  /** The image that the model expects, if it cannot be detected or is detected wrongly. Default: from the graph and the metadata (docs/inputs.md). */
  readonly input?: InputOptions;
  /**
   * The files with the weights of an ONNX model that does not contain them, by the names that the model gives them. Default: for a URL, those in its folder.
   */
  readonly externalData?: ReadonlyMap<string, Uint8Array | Blob>;
  /** Files that came with the model, as a drop or a file input gives them: its weights, or a description such as `preprocessor_config.json`. Default: none. */
  readonly beside?: readonly File[];
  /**
   * Keep the values of the forward pass until the next image, so that another explanation of the same file, URL or bitmap starts sooner. They use memory. Default
   * false.
   */
  readonly keepForward?: boolean;
  /** Options of the first explanation, whose forward pass is prepared ahead. Default: nothing is prepared. */
  readonly prepare?: ExplainOptions;
  /** Folder with the files of `@whybox/browser/files`, if they are not beside the script. Default: beside the script, where bundlers put them. */
  readonly folder?: string | URL;
  readonly onProgress?: (progress: DownloadProgress) => void;
  /** Gets a message if the best device or number of threads is not used: why. */
  readonly onNote?: (text: string) => void;
  readonly signal?: AbortSignal;
}

/** Information about a model: plain data. */
export interface ModelReport extends ModelFacts {
  readonly source: string;
  readonly format: ModelFormat;
  readonly bytes: number;
}

/** A loaded model and its engine in a worker. It answers one call after another. Call `dispose` when done. */
export interface Detector {
  /** Information from the file, without running the model. The dims of its layers are undefined. */
  readonly report: ModelReport;
  /** The device in use, and why it is not the requested one. */
  readonly provider: Provider;
  /** The same information, with the dims of the layers from one run of the model. */
  inspect(): Promise<ModelReport>;
  detect(image: ImageSource, options?: DetectAloneOptions): Promise<DetectResult>;
  explain(image: ImageSource, options?: ExplainOptions): Promise<ExplainResult>;
  dispose(): Promise<void>;
}
