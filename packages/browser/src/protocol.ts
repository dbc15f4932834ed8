import type {
  AskedAnswer,
  ClassNamesSource,
  ColormapName,
  CreateDetectorOptions,
  DetectAloneOptions,
  Detection,
  DetectResult,
  ExplainOptions,
  InputFacts,
  InputOptions,
  LayerDiagnosis,
  MapNote,
  MethodId,
  ModelFacts,
  ResultData,
  ResultDocument,
  RgbImage,
  ScoreId,
  Timings,
} from "@whybox/core";

/** The messages between the page and the worker that runs the engine. They are plain data and transferred arrays. */

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

/** The model to open: the default weights next to the page, or the user's file. */
export type Weights =
  | { readonly kind: "default" }
  | {
      readonly kind: "file";
      readonly name: string;
      readonly file: Blob;
      /** Files that came with it. An ONNX file may have its weights in them, and one may describe its images. */
      readonly beside?: readonly File[];
    }
  | {
      readonly kind: "url";
      /** Files with its weights are fetched from the same folder, unless they are in `beside`. */
      readonly url: string;
      readonly beside?: readonly File[];
    };

/** The URLs of ONNX Runtime's files. */
export interface RuntimeFiles {
  readonly mjs: string;
  readonly wasm: string;
}

/** What the user says of a model, and whether its forward passes are kept. */
export type ModelOptions = Pick<CreateDetectorOptions, "names" | "anchors" | "keepForward">;

/** Name of the file that describes how the images of a model of Hugging Face are prepared. It may come with the model, or later. */
export const PREPROCESSOR = "preprocessor_config.json";

/** Name of the file with names and task that Ultralytics writes beside an export. */
export const METADATA = "metadata.yaml";

/** Whether a file that came with a model has its class names: a data.yaml, or one name on each line. */
export function isNamesFile({ name }: { readonly name: string }): boolean {
  return name !== METADATA && /\.(ya?ml|txt|names)$/i.test(name);
}

export interface OpenRequest {
  /** URL of the page's folder, which contains `ort/` and `weights/`. */
  readonly base: string;
  readonly weights: Weights;
  readonly device: Device;
  /** WebAssembly threads. 0 means one for each core. */
  readonly threads: number;
  /** How images are prepared, where the user does not take what the model tells. */
  readonly input?: InputOptions;
  /** Default: in `ort/` of the page's folder. */
  readonly runtime?: RuntimeFiles;
  /** Default: forward passes are kept. */
  readonly options?: ModelOptions;
}

/** A layer that can be selected. */
export interface LayerChoice {
  readonly index: number | undefined;
  readonly name: string;
  readonly differentiable: boolean;
  readonly reason: string | undefined;
}

export interface OpenedModel {
  readonly name: string;
  readonly bytes: number;
  readonly format: string;
  readonly producer: string;
  readonly opset: number;
  readonly classNames: readonly string[];
  readonly classNamesFrom: ClassNamesSource;
  /** How images become the input of the model. */
  readonly input: InputFacts;
  /** What is assumed about the head, such as its anchors. */
  readonly assumed: readonly string[];
  readonly stride: number;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly levels: readonly { readonly name: string; readonly stride: number }[];
  readonly head: string;
  readonly layers: readonly LayerChoice[];
  /** Licence and owner of weights that are part of the page. */
  readonly notice: string | undefined;
  readonly provider: Provider;
}

export interface DecodedPhoto {
  readonly width: number;
  readonly height: number;
  /** Size in the file, if the photo was scaled down. */
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

/** The result of an explanation for the page. */
export interface Explanation {
  readonly method: string;
  readonly backprop: readonly string[];
  readonly detections: readonly Detection[];
  /**
   * The heatmap of all explained detections together. With `per` and `detections`, `maps` has the heatmap of each. With `per: "detection"` alone,
   * it has the heat of each detection, scaled to its own maximum, and `maps` is empty.
   */
  readonly whole: HeatMap;
  readonly maps: readonly HeatMap[];
  readonly asked: AskedAnswer | undefined;
  readonly layers: readonly LayerDiagnosis[];
  readonly notes: readonly MapNote[];
  readonly empty: string | undefined;
  readonly timings: Timings;
}

/** The activations of a layer as one small map: the mean of the absolute values over the channels, 0..1. */
export interface Thumbnail {
  readonly layer: string;
  readonly width: number;
  readonly height: number;
  readonly data: Float32Array<ArrayBuffer>;
}

export interface Progress {
  readonly stage: "download" | "read" | "session" | "run" | "decode";
  /** Bytes, or runs of the network. Undefined if unknown. */
  readonly done: number | undefined;
  readonly total: number | undefined;
}

/** An error as data. The codes are those of WhyboxError, and `absent` for missing default weights. */
export interface Failure {
  readonly code: string;
  readonly message: string;
  /** Files that the model needs and that did not come with it. */
  readonly missing?: readonly string[];
  /** Details of a WhyboxError. */
  readonly details?: Readonly<Record<string, unknown>>;
}

export type Answer<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly failure: Failure };

/** Options of an explanation, as in `@whybox/core`. Methods and scores are names: objects with functions cannot be posted. */
export interface ExplainRequest
  extends Omit<ExplainOptions, "signal" | "onProgress" | "onProgress" | "method" | "backprop"> {
  readonly method?: MethodId;
  readonly backprop?: readonly ScoreId[];
}

/** Options of a detection. `ahead` prepares the next explanations. */
export type DetectRequest = Omit<DetectAloneOptions, "signal">;

/** The quick method. Its map is shown while a better one runs. */
export const QUICK = "GradCAM";

/** Options of an image for export. */
export interface DrawRequest {
  readonly heat: HeatMap;
  readonly colormap: ColormapName;
  readonly opacity: number;
  readonly crop: "rest" | "hot" | undefined;
  readonly detections: readonly Detection[];
}

/** Options of a result document. The worker explains again, unless `request` is that of its last explanation. */
export interface DocumentRequest {
  readonly request: ExplainRequest;
  /** Name of the photo's file. */
  readonly source: string;
  readonly look: Pick<DrawRequest, "colormap" | "opacity" | "crop">;
}

/** An image of a question: a file, a bitmap, or pixels. */
export type SentImage = { readonly file: Blob } | { readonly bitmap: ImageBitmap } | { readonly pixels: RgbImage };

/** A question about the model, or about an image in its own size, and the form of its answer. */
export type Question =
  | { readonly kind: "facts" }
  | { readonly kind: "inspect" }
  | { readonly kind: "prepare"; readonly options: ExplainRequest }
  | { readonly kind: "detect"; readonly image: QuestionImage; readonly options: DetectRequest }
  | { readonly kind: "explain"; readonly image: QuestionImage; readonly options: ExplainRequest };

/** The image of a question. Without `sent`, it is the one that was sent with this number before. */
export interface QuestionImage {
  readonly id: number;
  readonly sent?: SentImage;
}

export interface Replies {
  readonly facts: ModelFacts;
  readonly inspect: ModelFacts;
  readonly prepare: null;
  readonly detect: DetectResult;
  readonly explain: ResultData;
}

export type OnProgress = (progress: Progress) => void;

/** The worker's API for the page. `job` identifies a call for `cancel`. Known errors are answers, not rejections. */
export interface Engine {
  open(job: number, request: OpenRequest, onProgress: OnProgress): Promise<Answer<OpenedModel>>;
  /** Opens an image file. It is the current image until the next call. */
  decode(job: number, file: Blob): Promise<Answer<DecodedPhoto>>;
  /** Sets a video frame as the current image. */
  frame(job: number, frame: ImageBitmap): Promise<Answer<DecodedPhoto>>;
  detect(job: number, request: DetectRequest, onProgress: OnProgress): Promise<Answer<readonly Detection[]>>;
  explain(job: number, request: ExplainRequest, onProgress: OnProgress): Promise<Answer<Explanation>>;
  activations(job: number, request: ExplainRequest, onProgress: OnProgress): Promise<Answer<readonly Thumbnail[]>>;
  /** The image with heatmap and boxes, at full resolution, as PNG. */
  draw(job: number, request: DrawRequest): Promise<Answer<Blob>>;
  document(job: number, request: DocumentRequest, onProgress: OnProgress): Promise<Answer<ResultDocument>>;
  cancel(job: number): Promise<void>;
}

/** The whole API of the worker. `loadDetector` asks questions. */
export interface AskedEngine extends Engine {
  /** Answers a question. Results come whole. */
  ask<Q extends Question>(job: number, question: Q, onProgress: OnProgress): Promise<Answer<Replies[Q["kind"]]>>;
}
