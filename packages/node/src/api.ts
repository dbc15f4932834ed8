import type { DetectOptions, DetectResult, ExplainOptions, ExplainResult, RgbImage } from "@whybox/core";

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
  /** Folder for downloaded weights. Default: WHYBOX_CACHE, else the user's cache folder. */
  readonly cacheDir?: string;
  readonly onProgress?: (progress: DownloadProgress) => void;
  readonly signal?: AbortSignal;
}

/** A layer as `inspect` lists it. */
export interface LayerReport {
  readonly index: number | undefined;
  readonly name: string;
  /** The value in the graph. */
  readonly value: string;
  /** Dims at `inputSize`; undefined when the model could not be run. */
  readonly dims: readonly number[] | undefined;
  /** True when the score can be differentiated to this layer. */
  readonly differentiable: boolean;
  /** Why not: op types without a rule behind the layer, or no path to the predictions. */
  readonly reason: string | undefined;
}

/** What is known of a model; plain data, printed by `whybox inspect`. */
export interface ModelReport {
  /** Path or name as given. */
  readonly source: string;
  readonly format: "onnx";
  readonly bytes: number;
  /** Hex digest of the model file that runs. */
  readonly sha256: string;
  /** Licence of weights that Whybox fetched itself; undefined for the user's own file. */
  readonly licence: string | undefined;
  readonly producer: string;
  readonly opset: number;
  readonly classNames: readonly string[];
  readonly inputs: readonly {
    readonly name: string;
    readonly type: string;
    readonly shape: readonly (number | string | null)[];
  }[];
  readonly outputs: readonly {
    readonly name: string;
    readonly type: string;
    readonly shape: readonly (number | string | null)[];
  }[];
  readonly head: {
    readonly kind: string;
    readonly output: string;
    readonly levels: readonly {
      readonly name: string;
      readonly stride: number;
      readonly anchors: number;
      readonly input: string;
    }[];
  };
  /** Input size `[h, w]` at which `dims` of the layers hold. */
  readonly inputSize: readonly [number, number];
  readonly layers: readonly LayerReport[];
  /** Op types in the graph without a gradient rule, with how many nodes have them. */
  readonly opsWithoutRule: readonly { readonly op: string; readonly count: number }[];
}

/** A loaded model with its sessions (they live in a worker thread). Dispose it when done. */
export interface Detector {
  readonly report: ModelReport;
  detect(image: ImageSource, options?: DetectOptions): Promise<DetectResult>;
  explain(image: ImageSource, options?: ExplainOptions): Promise<ExplainResult>;
  dispose(): Promise<void>;
}
