import type {
  DetectAloneOptions,
  DetectResult,
  ExplainOptions,
  ExplainProgress,
  InputOptions,
  ModelFacts,
  ResultData,
  RgbImage,
  RuntimeData,
  RuntimeType,
  SessionOptions,
} from "@whybox/core";
import type { Device } from "../api.js";
import type { EncodedImage } from "../io/open-image.js";
import type { SharedBytes } from "../io/read-shared.js";
import type { SharedData } from "../models/external-data.js";
import type { ErrorData } from "./error-data.js";

/** The model of a detector, and how it is loaded. */
export interface ModelSetup {
  /** The bytes of the file. Both threads read the same memory. */
  readonly model: SharedBytes;
  /** The files beside it that hold its weights. */
  readonly externalData: SharedData;
  readonly device: Device;
  readonly threads: number;
  readonly names: readonly string[] | undefined;
  readonly anchors: string | readonly number[] | undefined;
  readonly input: InputOptions | undefined;
  /** Content of a `preprocessor_config.json` beside the model. */
  readonly preprocessor: unknown;
  /** Content of a `metadata.yaml` beside the model. */
  readonly metadata: Readonly<Record<string, string>> | undefined;
}

/** An image for the worker: pixels, or a file that the worker decodes. */
export type SentImage = { readonly pixels: RgbImage } | { readonly encoded: EncodedImage };

export type DetectorRequest =
  | { readonly kind: "open"; readonly setup: ModelSetup }
  | { readonly kind: "inspect" }
  | { readonly kind: "prepare"; readonly options: ExplainOptions }
  | { readonly kind: "detect"; readonly image: SentImage; readonly options: DetectAloneOptions }
  | { readonly kind: "explain"; readonly image: SentImage; readonly options: ExplainOptions };

/** Requests to the runtime in the worker. Tensors and sessions are ids, because the worker owns them. */
export type RuntimeRequest =
  | { readonly kind: "backends" }
  | {
      readonly kind: "upload";
      readonly type: RuntimeType;
      readonly dims: readonly number[];
      readonly data: RuntimeData;
    }
  | { readonly kind: "create"; readonly model: Uint8Array; readonly options: SessionOptions }
  | {
      readonly kind: "run";
      readonly session: number;
      readonly feeds: Readonly<Record<string, number>>;
      readonly outputs: readonly string[];
      /** Bytes that the outputs take, as far as it is known. */
      readonly outputBytes: number;
    }
  | { readonly kind: "read"; readonly tensor: number }
  | { readonly kind: "dispose"; readonly tensor: number }
  | { readonly kind: "release"; readonly session: number };

export type Request = DetectorRequest | RuntimeRequest;

/** The caller's reference to a tensor in the worker. */
export interface RemoteTensor {
  readonly id: number;
  readonly type: RuntimeType;
  readonly dims: readonly number[];
}

export interface Replies {
  readonly open: ModelFacts;
  readonly inspect: ModelFacts;
  readonly prepare: null;
  readonly detect: DetectResult;
  readonly explain: ResultData;
  /** Execution providers in this build of the runtime. */
  readonly backends: readonly string[];
  readonly upload: RemoteTensor;
  readonly create: {
    readonly id: number;
    readonly inputNames: readonly string[];
    readonly outputNames: readonly string[];
  };
  readonly run: Readonly<Record<string, RemoteTensor>>;
  readonly read: RuntimeData;
  readonly dispose: null;
  readonly release: null;
}

/** The value of an answer, and the buffers that are transferred with it. */
export interface Reply<K extends keyof Replies = keyof Replies> {
  readonly value: Replies[K];
  readonly transfer?: readonly ArrayBuffer[];
  /** What was assumed about the image file. */
  readonly notes?: readonly string[];
}

/** The worker's first message: its modules are loaded. */
export const loaded = "loaded";

/** A message to the worker: a request, or the abort of one. A request with `reports` is answered with its progress too. */
export type Message =
  | (Request & { readonly call: number; readonly reports?: boolean })
  | { readonly kind: "abort"; readonly call: number };

export interface Report {
  readonly call: number;
  readonly progress: ExplainProgress;
}

export type Answer =
  | ({ readonly call: number } & Omit<Reply, "transfer">)
  | { readonly call: number; readonly error: ErrorData };
