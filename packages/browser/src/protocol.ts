import type {
  ColormapName,
  CreateDetectorOptions,
  DetectAloneOptions,
  Detection,
  DetectResult,
  ExplainOptions,
  ExplainResult,
  InputOptions,
  Map2D,
  MethodId,
  ModelFacts,
  ModelFormat,
  ResultData,
  ResultDocument,
  RgbImage,
  ScoreId,
  WhyboxError,
  WhyboxErrorCode,
} from "@whybox/core";

/** The messages between a page and the worker that runs the engine. They are plain data and transferred arrays. */

/** The device to use. `auto`: WebGPU if the browser has it, else WebAssembly. */
export type Device = "auto" | "webgpu" | "wasm";

/** The device in use. */
export interface Provider {
  readonly device: "webgpu" | "wasm";
  /** WebAssembly threads. 1 if the page is not cross-origin isolated. */
  readonly threads: number;
  /** Why the requested device or number of threads is not used. Undefined if it is used. */
  readonly note: string | undefined;
}

/** The model to open: a described one, the user's file, or a URL. */
export type Weights =
  | {
      readonly kind: "described";
      /** URL of the description. The model beside it has the same name and ends with `.onnx`. */
      readonly url: string;
    }
  | {
      readonly kind: "file";
      readonly name: string;
      readonly file: Blob;
      /** Files that came with it. An ONNX file may have its weights in them, and one may describe its images. */
      readonly beside: readonly File[];
    }
  | {
      readonly kind: "url";
      /** Files with its weights are fetched from the same folder, unless they are in `beside`. */
      readonly url: string;
      readonly beside: readonly File[];
    };

/** The URLs of ONNX Runtime's files. */
export interface RuntimeFiles {
  readonly mjs: string;
  readonly wasm: string;
}

/** What the user says of a model, and whether its forward passes are kept. */
export type ModelOptions = Pick<CreateDetectorOptions, "names" | "anchors" | "keepForward">;

export interface OpenRequest {
  /** Number of the model, for questions. */
  readonly model: number;
  readonly weights: Weights;
  readonly device: Device;
  /** WebAssembly threads. 0 means one for each core. */
  readonly threads: number;
  /** How images are prepared, where the user does not take what the model tells. */
  readonly input?: InputOptions;
  readonly runtime: RuntimeFiles;
  readonly options: ModelOptions;
}

/** Information about a model: plain data. */
export interface ModelReport extends ModelFacts {
  /** Name of its file, or of the description. */
  readonly name: string;
  readonly source: string;
  readonly format: ModelFormat;
  /** With the files that hold its weights. */
  readonly bytes: number;
  /** Licence and owner of weights that came with a description. */
  readonly licence: string | undefined;
  readonly notice: string | undefined;
}

export interface OpenedModel {
  readonly report: ModelReport;
  readonly provider: Provider;
}

/** An image as the engine sees it. */
export interface ImageFacts {
  readonly width: number;
  readonly height: number;
  /** Size in the file, if the image was scaled down. */
  readonly shrunkFrom: readonly [width: number, height: number] | undefined;
}

/** One heatmap in image pixels, 0..1. */
export interface HeatMap {
  readonly detections: readonly number[];
  readonly className: string;
  readonly width: number;
  readonly height: number;
  readonly data: Float32Array<ArrayBuffer>;
}

/** An explanation for the screen. The worker has made its heatmaps. */
export interface HeatResult
  extends Pick<
    ExplainResult,
    "method" | "backprop" | "detections" | "asked" | "layers" | "notes" | "searched" | "measured" | "empty" | "timings"
  > {
  /**
   * The heatmap of all explained detections together. With `per: "detection"` alone, it has the heat of each detection, scaled to its own maximum, and
   * `maps` is empty. With `per` and `detections`, `maps` has the heatmap of each.
   */
  readonly whole: HeatMap;
  readonly maps: readonly HeatMap[];
}

/** The activations of a layer as one small map: the mean of the absolute values over the channels, 0..1. */
export interface LayerMap {
  /** Index of the layer, else its name. */
  readonly layer: string;
  readonly width: number;
  readonly height: number;
  readonly data: Float32Array<ArrayBuffer>;
}

/** A stage of a call: `read`, `session` and `download` belong to loading a model, and runs of the network to an explanation. */
export interface Progress {
  readonly stage: LoadStage | "run";
  /** Bytes, or runs of the network. Undefined if unknown. */
  readonly done: number | undefined;
  readonly total: number | undefined;
}

export type LoadStage = "download" | "read" | "session";

/** An error as data. */
export interface Failure {
  readonly code: WhyboxErrorCode;
  readonly message: string;
  /** Details of a WhyboxError. */
  readonly details: WhyboxError["details"];
}

export type Answer<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly failure: Failure };

/** Options of an explanation, as in `@whybox/core`. Methods and scores are names: objects with functions cannot be posted. */
export interface ExplainRequest extends Omit<ExplainOptions, "signal" | "onProgress" | "method" | "backprop"> {
  readonly method?: MethodId;
  readonly backprop?: readonly ScoreId[];
}

/** Options of a detection. `ahead` prepares the next explanations. */
export type DetectRequest = Omit<DetectAloneOptions, "signal">;

/** How heat is drawn over an image. */
export interface HeatLook {
  /** Default "inferno". */
  readonly colormap?: ColormapName;
  /** Default 0.6. */
  readonly opacity?: number;
  /** Instead of the heatmap: the image without its hot pixels, or only those. */
  readonly crop?: "rest" | "hot";
}

/** What `toPng` of an engine draws over the image. */
export interface HeatDrawing extends HeatLook {
  readonly heat: Map2D;
  /** The detections whose boxes are drawn. */
  readonly detections: readonly Detection[];
}

/** What a result document says besides the explanation. */
export interface DocumentAbout {
  /** Name of the image's file. */
  readonly source: string;
  /** How the result is drawn. Default: as the command draws it. */
  readonly look?: HeatLook;
}

/** An image of a question: a file, a bitmap, or pixels. */
export type SentImage = { readonly file: Blob } | { readonly bitmap: ImageBitmap } | { readonly pixels: RgbImage };

/** The image of a question. Without `sent`, it is the one that was sent with this number before. */
export interface QuestionImage {
  readonly id: number;
  readonly sent?: SentImage;
  /** Maximum number of pixels. A larger image is scaled down. */
  readonly maxPixels?: number | undefined;
}

/** A question about a model. */
interface OfModel<Kind extends string> {
  readonly kind: Kind;
  readonly model: number;
}

interface OfImage<Kind extends string> extends OfModel<Kind> {
  readonly image: QuestionImage;
}

interface Explaining<Kind extends string> extends OfImage<Kind> {
  readonly options: ExplainRequest;
}

/** A question, and the form of its answer. */
export type Question =
  | { readonly kind: "image"; readonly image: QuestionImage }
  | { readonly kind: "png"; readonly image: QuestionImage; readonly drawing: HeatDrawing }
  | OfModel<"inspect">
  | OfModel<"dispose">
  | (OfModel<"prepare"> & { readonly options: ExplainRequest })
  | (OfImage<"detect"> & { readonly options: DetectRequest })
  | Explaining<"explain">
  | Explaining<"heat">
  | Explaining<"layerMaps">
  | (Explaining<"document"> & { readonly about: DocumentAbout });

export interface Replies {
  readonly image: ImageFacts;
  readonly png: Blob;
  readonly inspect: ModelFacts;
  readonly dispose: null;
  readonly prepare: null;
  readonly detect: DetectResult;
  readonly explain: ResultData;
  readonly heat: HeatResult;
  readonly layerMaps: readonly LayerMap[];
  readonly document: ResultDocument;
}

export type QuestionKind = Question["kind"];

export type OnProgress = (progress: Progress) => void;

/** The worker's API. `job` identifies a call for `cancel`. Errors are answers, not rejections. */
export interface WorkerApi {
  /** Opens a model besides those that are open. */
  open(job: number, request: OpenRequest, onProgress: OnProgress): Promise<Answer<OpenedModel>>;
  ask<K extends QuestionKind>(
    job: number,
    question: Question & { kind: K },
    onProgress: OnProgress,
  ): Promise<Answer<Replies[K]>>;
  cancel(job: number): Promise<void>;
}
