import type { DetectAloneOptions, DetectorTask } from "@whybox/core";
import type { ImageSettings } from "../images/settings.js";
import type { ErrorData } from "../runtime/error-data.js";
import type { ModelFile } from "../runtime/open-model-file.js";

/** A model that is served, by its name. */
export interface ServedModel extends ModelFile {
  readonly name: string;
}

/** The data that a worker process gets at its start. */
export interface ServeSetup {
  readonly version: string;
  readonly models: readonly ServedModel[];
  readonly maxPixels: number;
}

/** An encoded image and the model that is asked about it. */
interface AboutImage {
  readonly model: string;
  readonly image: Uint8Array;
  /** File name of the image, for the document and the names of files. */
  readonly name: string;
}

export type Job =
  | (AboutImage & { readonly kind: "detect"; readonly options: DetectAloneOptions })
  | (AboutImage & {
      readonly kind: "explain";
      readonly settings: ImageSettings;
      /** Whether to draw a contact sheet when there are several maps. */
      readonly sheet: boolean;
      /** The document with its files, or only the image with its heatmap. */
      readonly form: "json" | "png";
    });

/** The answer to a job. The worker encodes the body, so that the server's own thread stays free. */
export interface Done {
  readonly body: Uint8Array;
  readonly detections: number;
  readonly ms: Readonly<Partial<Record<Stage, number>>>;
}

/** The stages of a job in a worker. */
export const stages = ["decode", "detect", "explain", "render"] as const;
export type Stage = (typeof stages)[number];

/** The messages to a worker process. A worker has one job at a time. */
export type ToWorker =
  | { readonly kind: "open"; readonly setup: ServeSetup }
  | { readonly kind: "job"; readonly job: Job }
  | { readonly kind: "abort" };

/** Facts about a model that its clients may know. */
export interface ModelCard {
  readonly name: string;
  readonly task: DetectorTask;
  readonly classNames: readonly string[];
  readonly licence: string | null;
}

export type FromWorker =
  | { readonly kind: "ready"; readonly models: readonly ModelCard[] }
  | { readonly kind: "failed"; readonly error: ErrorData }
  | { readonly kind: "done"; readonly done: Done }
  | { readonly kind: "error"; readonly error: ErrorData };
