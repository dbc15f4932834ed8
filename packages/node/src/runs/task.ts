import type { RgbImage } from "@whybox/core";
import type { ModelReport } from "../api.js";
import type { ImageSettings } from "../images/settings.js";
import type { TimingLine } from "./schema.js";
import type { VideoFrame } from "./video/read-video.js";

/** What a worker is given when it starts. */
export interface WorkerSetup {
  /** Path of the model file. */
  readonly model: string;
  /** As given, for messages. */
  readonly weights: string;
  readonly licence: string | undefined;
  readonly notice: string | undefined;
  readonly names: readonly string[] | undefined;
  readonly threads: number;
  readonly settings: ImageSettings;
  readonly allowPrivate: boolean;
}

/** One picture, or frames of a video that follow each other. */
export type Task =
  | {
      readonly kind: "picture";
      readonly item: number;
      readonly source: string;
      /** Path or URL. */
      readonly location: string;
      /** Absolute path of the folder that `files` and `tmp` lie in. */
      readonly folder: string;
    }
  | { readonly kind: "frames"; readonly item: number; readonly frames: readonly VideoFrame[] };

/** What became of a picture, or of a frame: lines as text, since JSON is made where the work is. */
export type Outcome =
  | {
      readonly ok: true;
      readonly result: string;
      readonly maps: string;
      readonly ms: TimingLine["ms"];
      readonly detections: number;
      /** Paths of the files that were written. */
      readonly files: readonly string[];
      /** Of a frame: the picture with its heatmap and boxes. */
      readonly overlay: RgbImage | undefined;
    }
  | {
      readonly ok: false;
      readonly code: string;
      readonly message: string;
      /** The system's word for why a file could not be read, or written ("ENOENT"). */
      readonly reason: string | undefined;
      /** Whether all other items would meet the same. */
      readonly endsTheRun: boolean;
    };

export interface WorkerReport {
  readonly model: ModelReport;
  readonly versions: { readonly onnxruntime: string; readonly sharp: string };
}

/** Where tasks are done. */
export interface Explainers {
  /** How many tasks should be under way or wait, so that no worker does. */
  readonly window: number;
  report(): Promise<WorkerReport>;
  /** One outcome for a picture, one for each frame, up to the first that failed. */
  explain(task: Task): Promise<readonly Outcome[]>;
  close(): Promise<void>;
}
