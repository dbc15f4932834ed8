import type { Detector, HeatMap, HeatResult, ImageFacts, LayerMap, LoadStage } from "@whybox/browser";
import {
  type AskedAnswer,
  type AskedBox,
  type Detection,
  type DownloadProgress,
  detectDefaults,
  type ExplainProgress,
  type Measurement,
} from "@whybox/core";
import type { Failure } from "./calls.js";
import type { Settings } from "./settings.js";

/** How far the loading of a model is. */
export interface LoadProgress {
  readonly stage: LoadStage;
  readonly download?: DownloadProgress;
}

/** What the page shows of a model. */
export type Model = Pick<Detector, "report" | "provider">;

export type ModelState =
  | { readonly phase: "opening"; readonly name: string; readonly progress: LoadProgress | undefined }
  | { readonly phase: "ready"; readonly model: Model }
  | { readonly phase: "failed"; readonly name: string; readonly failure: Failure };

export type PhotoState =
  | { readonly phase: "none" }
  | { readonly phase: "decoding"; readonly name: string; readonly file: Blob }
  | { readonly phase: "ready"; readonly name: string; readonly file: Blob; readonly facts: ImageFacts };

/** Why a file or a device could not be opened. What was open stays. */
export interface Note {
  readonly what: "photo" | "model";
  readonly name: string;
  readonly failure: Failure;
}

export type Found =
  | { readonly phase: "none" }
  | { readonly phase: "running" }
  | { readonly phase: "ready"; readonly list: readonly Detection[]; readonly ms: number }
  | { readonly phase: "failed"; readonly failure: Failure };

export interface MapFacts {
  /** Share of the heat inside the box, and share of the image that the box covers. Undefined unless there is exactly one box. */
  readonly energy: { readonly inside: number; readonly area: number } | undefined;
  readonly peak: { readonly x: number; readonly y: number; readonly insideBox: boolean | undefined } | undefined;
}

export interface ShownMap {
  readonly heat: HeatMap;
  readonly method: string;
  /** True while a better map is running. */
  readonly isQuick: boolean;
  /** Duration in milliseconds. */
  readonly ms: number;
  readonly facts: MapFacts;
  readonly empty: string | undefined;
  readonly asked: AskedAnswer | undefined;
  readonly explanation: HeatResult | undefined;
}

export interface MapState {
  readonly shown: ShownMap | undefined;
  /** The running method. Undefined when nothing runs. */
  readonly running: string | undefined;
  readonly progress: ExplainProgress | undefined;
  readonly failure: Failure | undefined;
}

/** A measurement of the shown map, in the background. */
export type Measuring =
  | { readonly phase: "running"; readonly progress: ExplainProgress | undefined }
  | { readonly phase: "ready"; readonly measurement: Measurement | undefined; readonly isRegionShown: boolean }
  | { readonly phase: "failed"; readonly failure: Failure };

export interface Compared {
  readonly method: string;
  readonly map: ShownMap | undefined;
  /** The progress while it runs. */
  readonly progress: ExplainProgress | undefined;
  readonly failure: Failure | undefined;
}

/** The state of a video. */
export interface LiveState {
  /** Number of explained frames. */
  readonly count: number;
  /** Frames per second, as a moving average. Undefined for fewer than two frames. */
  readonly rate: number | undefined;
  readonly heat: HeatMap | undefined;
  readonly list: readonly Detection[];
  readonly failure: Failure | undefined;
}

export interface State {
  /** Set while a video runs instead of a photo. */
  readonly live: LiveState | undefined;
  readonly model: ModelState;
  readonly photo: PhotoState;
  /** Name of the photo that is being decoded. */
  readonly incoming: string | undefined;
  /** It passes when the next thing works. */
  readonly note: Note | undefined;
  readonly found: Found;
  /** Indices of the selected detections. Empty for no selection, a drawn box, or the whole image. */
  readonly selection: readonly number[];
  readonly hovered: number | undefined;
  /** The heatmap of the hovered detection. */
  readonly preview: HeatMap | undefined;
  readonly ownBox: AskedBox | undefined;
  /** True if all detections are explained together. */
  readonly whole: boolean;
  readonly settings: Settings;
  readonly map: MapState;
  /** Undefined until the user asks for it. */
  readonly measuring: Measuring | undefined;
  readonly comparing: boolean;
  readonly compared: readonly Compared[];
  readonly thumbnails: readonly LayerMap[] | "running" | undefined;
  /** The latest event as text, for a live region. */
  readonly said: string;
}

export const noMap = { shown: undefined, running: undefined, progress: undefined, failure: undefined } as const;

export const nothingSelected = {
  selection: [],
  hovered: undefined,
  preview: undefined,
  ownBox: undefined,
  whole: false,
  map: noMap,
  measuring: undefined,
  compared: [],
} as const;

/** The state before anything is opened. */
export function initialState(settings: Settings): State {
  return {
    model: { phase: "opening", name: "", progress: undefined },
    live: undefined,
    photo: { phase: "none" },
    incoming: undefined,
    note: undefined,
    found: { phase: "none" },
    ...nothingSelected,
    settings,
    comparing: false,
    thumbnails: undefined,
    said: "",
  };
}

/** The detections in one sentence. */
export function countOf(list: readonly Detection[]): string {
  if (list.length === 0) return "Nothing was detected.";
  return `${list.length} ${list[0]!.isWholeImage ? "classes" : "detected"}: ${list
    .map(({ className }) => className)
    .slice(0, 8)
    .join(", ")}.`;
}

export function sentenceOf(shown: ShownMap | undefined): string {
  if (shown === undefined) return "";
  const { energy } = shown.facts;
  const inside = energy === undefined ? "" : ` ${Math.round(energy.inside * 100)} % of the heat is inside the box.`;
  return shown.empty ?? `The heatmap is ready.${inside}`;
}

/** Whether the model finds classes of the whole image, and no boxes. */
export function isClassifier({ model }: Pick<State, "model">): boolean {
  return model.phase === "ready" && model.model.report.head.kind === "classifier";
}

/** The minimum confidence in effect. The default of a classifier is another one. */
export function confidenceOf({ model, settings }: Pick<State, "model" | "settings">): number {
  const isDefault = settings.confidence === detectDefaults("detect").confidence;
  return isDefault && isClassifier({ model }) ? detectDefaults("classify").confidence : settings.confidence;
}
