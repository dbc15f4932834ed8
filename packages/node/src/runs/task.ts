import type { RgbImage } from "@whybox/core";
import type { PlainMeasurement } from "@whybox/report";
import type { ModelReport } from "../api.js";
import type { ImageSettings } from "../images/settings.js";
import type { RunDetection, TimingLine } from "./schema.js";
import type { VideoFrame } from "./video/read-video.js";

/** The data that a worker gets at its start. */
export interface WorkerSetup {
  /** Path of the model file. */
  readonly model: string;
  /** The weights as passed, for messages. */
  readonly weights: string;
  readonly licence: string | undefined;
  readonly notice: string | undefined;
  readonly names: readonly string[] | undefined;
  readonly threads: number;
  readonly settings: ImageSettings;
  readonly allowPrivate: boolean;
}

/** One image, or consecutive frames of a video. */
export type Task =
  | {
      readonly kind: "image";
      readonly item: number;
      readonly source: string;
      /** Path or URL. */
      readonly location: string;
      /** Absolute path of the folder that contains `files` and `tmp`. */
      readonly folder: string;
    }
  | { readonly kind: "frames"; readonly item: number; readonly frames: readonly VideoFrame[] };

/** The result of an image or a frame. Lines are text, because the worker creates the JSON. */
export type Outcome =
  | {
      readonly ok: true;
      readonly result: string;
      readonly maps: string;
      readonly ms: TimingLine["ms"];
      readonly detections: number;
      /** Paths of the written files. */
      readonly files: readonly string[];
      /** What was assumed about the file. */
      readonly notes?: readonly string[];
      /** For a frame: the image with its heatmap and boxes. */
      readonly overlay: RgbImage | undefined;
    }
  | {
      readonly ok: false;
      readonly code: string;
      readonly message: string;
      /** The system's error code of a failed read or write ("ENOENT"). */
      readonly reason: string | undefined;
      /** Whether the same error would occur for all items. */
      readonly endsTheRun: boolean;
    };

/** Detections of one image whose maps are measured. */
export interface MeasureTask {
  readonly source: string;
  /** Path or URL. */
  readonly location: string;
  readonly detections: readonly (Pick<RunDetection, "name" | "box"> & { readonly detection: number })[];
}

/** What became of each detection: its measurement, or why there is none. */
export type MeasureOutcome =
  | { readonly ok: true; readonly measured: readonly (PlainMeasurement | string)[] }
  | Extract<Outcome, { ok: false }>;

export interface WorkerReport {
  readonly model: ModelReport;
  readonly versions: { readonly onnxruntime: string; readonly sharp: string };
}

export interface Explainers {
  /** Number of running and waiting tasks that keeps all workers busy. */
  readonly window: number;
  report(): Promise<WorkerReport>;
  /** Returns one outcome for an image, or one per frame up to the first failure. */
  explain(task: Task): Promise<readonly Outcome[]>;
  /** Measures the maps of some detections of an image. */
  measure(task: MeasureTask): Promise<MeasureOutcome>;
  close(): Promise<void>;
}
