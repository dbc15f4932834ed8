import type {
  DetectAloneOptions,
  DetectResult,
  DownloadProgress,
  ExplainOptions,
  ExplainResult,
  InputOptions,
  ResultDocument,
  WhyboxError,
} from "@whybox/core";
import type { ImageSource } from "./image-source.js";
import type {
  Device,
  DocumentAbout,
  HeatDrawing,
  HeatResult,
  ImageFacts,
  LayerMap,
  LoadStage,
  ModelReport,
  Provider,
} from "./protocol.js";

/** A model: its URL, a file, its bytes, or a described one. */
export type WeightsSource = string | URL | Blob | Uint8Array | ArrayBuffer | DescribedModel;

/**
 * A model with a description beside it, such as `weights/default.json` of `whybox ui`: an object with its name, source, format, bytes, sha256, licence and notice. The
 * model has the same URL with `.onnx`. The browser keeps it until the digest in the description changes.
 */
export interface DescribedModel {
  /** URL of the description. */
  readonly description: string | URL;
}

export interface EngineOptions {
  /** Folder with the files of `@whybox/browser/files`, if they are not beside the script. Default: beside the script, where bundlers put them. */
  readonly folder?: string | URL;
  /** Maximum number of pixels of an image. Larger images are scaled down, and boxes and heatmaps have the smaller size. Default: images keep their size. */
  readonly maxPixels?: number;
}

export interface OpenOptions {
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
  readonly onProgress?: (progress: DownloadProgress) => void;
  /** Gets each stage of loading when it begins. */
  readonly onStage?: (stage: LoadStage) => void;
  /** Gets a message if the best device or number of threads is not used: why. */
  readonly onNote?: (text: string) => void;
  readonly signal?: AbortSignal;
}

export interface LoadOptions extends EngineOptions, OpenOptions {}

/** Options of a result document. */
export interface DocumentOptions extends ExplainOptions, Partial<DocumentAbout> {}

/**
 * An engine in a worker. It holds the models that `loadDetector` opens in it, and the image that was used last. Calls are answered one after another. When it runs
 * out of memory, calls fail with `details.outOfMemory`: start another one.
 */
export interface Engine {
  /** Loads a detector in this engine, as `loadDetector` does. A detector that was loaded before still answers, until it is disposed. */
  loadDetector(weights: WeightsSource, options?: OpenOptions): Promise<Detector>;
  /** Decodes an image ahead, and returns its size. The same file, URL or bitmap is not decoded again for the next calls. */
  open(image: ImageSource, options?: { readonly signal?: AbortSignal }): Promise<ImageFacts>;
  /** The image with a heatmap and boxes as a PNG file. */
  toPng(image: ImageSource, drawing: HeatDrawing): Promise<Blob>;
  /** Ends the worker. Pending and later calls fail, with this error if it is given. */
  close(why?: WhyboxError): void;
}

/** A loaded model in an engine. It answers one call after another. Call `dispose` when done. */
export interface Detector {
  /** Information from the file, without running the model. The dims of its layers are undefined. */
  readonly report: ModelReport;
  /** The device in use, and why it is not the requested one. */
  readonly provider: Provider;
  readonly engine: Engine;
  /** The same information, with the dims of the layers from one run of the model. */
  inspect(): Promise<ModelReport>;
  detect(image: ImageSource, options?: DetectAloneOptions): Promise<DetectResult>;
  explain(image: ImageSource, options?: ExplainOptions): Promise<ExplainResult>;
  /** Explains for the screen: the worker makes the heatmaps in full size, so that the page stays smooth. */
  heat(image: ImageSource, options?: ExplainOptions): Promise<HeatResult>;
  /** A small map of each layer, from one run: how strongly it is active. Empty if nothing is detected. */
  layerMaps(image: ImageSource, options?: ExplainOptions): Promise<readonly LayerMap[]>;
  /** The result document of an explanation, as the command writes it. After `heat` with the same options, nothing is explained again. */
  document(image: ImageSource, options?: DocumentOptions): Promise<ResultDocument>;
  /** Ends the detector. An engine that `loadDetector` has started for it ends too. */
  dispose(): Promise<void>;
}
