import type {
  AskedAnswer,
  DetectAloneOptions,
  Detection,
  ExplainOptions,
  LayerDiagnosis,
  MapNote,
  ResultDocument,
  Timings,
} from "@whybox/core";

/** What crosses between the page and the worker that runs the engine. Plain data, and arrays that are handed over. */

/** Where the model is to run. `auto`: WebGPU if the browser has it, else WebAssembly. */
export type Device = "auto" | "webgpu" | "wasm";

/** Where it runs. */
export interface Provider {
  readonly device: "webgpu" | "wasm";
  /** Threads of WebAssembly; 1 where the page is not cross-origin isolated. */
  readonly threads: number;
  /** Why not something faster; undefined when it is what was asked for. */
  readonly note: string | undefined;
}

/** The model to open: the default weights that lie beside the page, or a file of the user's. */
export type Weights =
  | { readonly kind: "default" }
  | { readonly kind: "file"; readonly name: string; readonly file: Blob };

export interface OpenRequest {
  /** Address of the page's folder, with `ort/` and `weights/` in it. */
  readonly base: string;
  readonly weights: Weights;
  readonly device: Device;
  /** Threads of WebAssembly, or 0 for as many as the machine has. */
  readonly threads: number;
}

/** A layer that can be picked. */
export interface LayerChoice {
  readonly index: number | undefined;
  readonly name: string;
  readonly differentiable: boolean;
  readonly reason: string | undefined;
}

/** What is known of an opened model. */
export interface OpenedModel {
  readonly name: string;
  readonly bytes: number;
  readonly format: string;
  readonly producer: string;
  readonly opset: number;
  readonly classNames: readonly string[];
  readonly stride: number;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly levels: readonly { readonly name: string; readonly stride: number }[];
  readonly head: string;
  readonly layers: readonly LayerChoice[];
  /** Licence and owner of weights that came with the page. */
  readonly notice: string | undefined;
  readonly provider: Provider;
}

export interface DecodedPhoto {
  readonly width: number;
  readonly height: number;
  /** Size in the file, where it was larger than what is worked on. */
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

/** What an explanation gives the page. */
export interface Explanation {
  readonly method: string;
  readonly backprop: readonly string[];
  readonly detections: readonly Detection[];
  /** The heatmap of all that was explained; with `per` those of each detection in `maps`. */
  readonly whole: HeatMap;
  readonly maps: readonly HeatMap[];
  readonly asked: AskedAnswer | undefined;
  readonly layers: readonly LayerDiagnosis[];
  readonly notes: readonly MapNote[];
  readonly empty: string | undefined;
  readonly timings: Timings;
}

/** Activations of a layer as one small map: the mean of their absolute values over the channels, 0..1. */
export interface Thumbnail {
  readonly layer: string;
  readonly width: number;
  readonly height: number;
  readonly data: Float32Array<ArrayBuffer>;
}

/** How far a job has come. */
export interface Progress {
  readonly stage: "download" | "read" | "session" | "run" | "decode";
  /** Bytes, or runs of the network; undefined while unknown. */
  readonly done: number | undefined;
  readonly total: number | undefined;
}

/** An error as data: codes are those of WhyboxError, and `absent` for default weights that are not there. */
export interface Failure {
  readonly code: string;
  readonly message: string;
}

export type Answer<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly failure: Failure };

/** What is explained, as the engine of `@whybox/core` takes it. */
export type ExplainRequest = Omit<ExplainOptions, "signal">;

/** What is detected, and what will be asked next: the detection then keeps what that takes. */
export type DetectRequest = Omit<DetectAloneOptions, "signal">;

/** The method that is there at once, while a better one is on its way. */
export const QUICK = "GradCAM";

/** How a picture is drawn for a file. */
export interface DrawRequest {
  readonly heat: HeatMap;
  readonly colormap: string;
  readonly opacity: number;
  readonly crop: "rest" | "hot" | undefined;
  readonly detections: readonly Detection[];
}

/** What a document is made of: it is explained again, with all that the page itself does not keep. */
export interface DocumentRequest {
  readonly request: ExplainRequest;
  /** Name of the photo's file. */
  readonly source: string;
  readonly look: Pick<DrawRequest, "colormap" | "opacity" | "crop">;
}

export type OnProgress = (progress: Progress) => void;

/** The worker, as the page calls it. `job` names a call so that it can be cancelled; answers never reject for a known reason. */
export interface Engine {
  open(job: number, request: OpenRequest, onProgress: OnProgress): Promise<Answer<OpenedModel>>;
  /** Takes a picture file; it stays the picture until the next. */
  decode(job: number, file: Blob): Promise<Answer<DecodedPhoto>>;
  /** Takes a frame of a video as the picture. */
  frame(job: number, frame: ImageBitmap): Promise<Answer<DecodedPhoto>>;
  detect(job: number, request: DetectRequest, onProgress: OnProgress): Promise<Answer<readonly Detection[]>>;
  explain(job: number, request: ExplainRequest, onProgress: OnProgress): Promise<Answer<Explanation>>;
  activations(job: number, request: ExplainRequest, onProgress: OnProgress): Promise<Answer<readonly Thumbnail[]>>;
  /** The picture with heatmap and boxes, at full resolution, as PNG. */
  draw(job: number, request: DrawRequest): Promise<Answer<Blob>>;
  /** The command's JSON of an explanation. */
  document(job: number, request: DocumentRequest): Promise<Answer<ResultDocument>>;
  cancel(job: number): Promise<void>;
}
