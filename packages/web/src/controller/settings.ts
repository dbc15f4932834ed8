import { type ColormapName, colormapNames } from "@whybox/core";
import type { Device } from "../protocol.js";
import { methodChoices, scoreChoices } from "./methods.js";

/** All settings of the user. A link restores them. */
export interface Settings {
  readonly method: string;
  /** "auto", or the index or name of a layer. */
  readonly layer: string;
  /** The score to differentiate, or "auto" for the method's default. */
  readonly score: string;
  /** Only detections of this class, or "" for all. */
  readonly classFilter: string;
  /** The class to compare with, or "" for no comparison. */
  readonly versus: string;
  readonly perClass: boolean;
  readonly confidence: number;
  readonly iou: number;
  readonly opacity: number;
  readonly colormap: ColormapName;
  /** Percentage of the hottest pixels to show. */
  readonly topPercent: number;
  readonly crop: "off" | "rest" | "hot";
  readonly compare: readonly string[];
  readonly device: Device;
  /** WebAssembly threads. 0 means one for each core. */
  readonly threads: number;
}

export const defaultSettings: Settings = {
  method: "tap-fusion",
  layer: "auto",
  score: "auto",
  classFilter: "",
  versus: "",
  perClass: false,
  confidence: 0.25,
  iou: 0.45,
  opacity: 0.6,
  // Its lightness increases with the value, so it is readable with any colour vision.
  colormap: "inferno",
  topPercent: 100,
  crop: "off",
  compare: ["GradCAM", "HiResCAM", "EigenCAM", "tap-fusion-fast"],
  device: "auto",
  threads: 0,
};

/** Maximum number of methods in a comparison. */
export const MAX_COMPARED = 6;

/** Settings that need a new detection. */
export const detectionSettings: readonly (keyof Settings)[] = ["confidence", "iou"];
/** Settings that need a new map. */
export const mapSettings: readonly (keyof Settings)[] = [
  "method",
  "layer",
  "score",
  "versus",
  "perClass",
  "topPercent",
];
/** Settings that need a new worker. */
export const engineSettings: readonly (keyof Settings)[] = ["device", "threads"];

type Reader<T> = (text: string) => T | undefined;

const oneOf =
  <T extends string>(choices: readonly T[]): Reader<T> =>
  (text) =>
    choices.find((choice) => choice === text);
const number =
  (low: number, high: number): Reader<number> =>
  (text) => {
    const value = Number(text);
    return text.trim() !== "" && value >= low && value <= high ? value : undefined;
  };
const words: Reader<string> = (text) => (text.length <= 100 ? text : undefined);
const methodIds = methodChoices.map(({ id }) => id);

/** Parsers of the settings in a link. An invalid value is undefined, and the default is used. */
const readers: { readonly [K in keyof Settings]: Reader<Settings[K]> } = {
  method: oneOf(methodIds),
  layer: words,
  score: oneOf(["auto", ...scoreChoices.map(({ id }) => id)]),
  classFilter: words,
  versus: words,
  perClass: (text) => (text === "true" ? true : text === "false" ? false : undefined),
  confidence: number(0.01, 0.99),
  iou: number(0, 1),
  opacity: number(0, 1),
  colormap: oneOf(colormapNames),
  topPercent: number(1, 100),
  crop: oneOf(["off", "rest", "hot"]),
  compare: (text) => {
    const known = [...new Set(text.split(","))].filter((id) => methodIds.includes(id)).slice(0, MAX_COMPARED);
    return known.length > 0 ? known : undefined;
  },
  device: oneOf(["auto", "webgpu", "wasm"]),
  threads: (text) => (/^\d{1,2}$/.test(text) ? number(0, 64)(text) : undefined),
};

/** The settings that differ from the defaults, as the hash of a link without "#". Empty if all are defaults. */
export function toHash(settings: Settings): string {
  const parameters = new URLSearchParams();
  for (const key of Object.keys(defaultSettings) as (keyof Settings)[]) {
    const value = String(settings[key]);
    if (value !== String(defaultSettings[key])) parameters.set(key, value);
  }
  return parameters.toString();
}

/** Settings from the hash of a link, with or without "#". Unknown names and invalid values are ignored. */
export function fromHash(hash: string): Settings {
  const parameters = new URLSearchParams(hash.replace(/^#/, ""));
  const read = (Object.keys(readers) as (keyof Settings)[]).flatMap((key) => {
    const text = parameters.get(key);
    const value = text === null ? undefined : readers[key](text);
    return value === undefined ? [] : [[key, value] as const];
  });
  return { ...defaultSettings, ...Object.fromEntries(read) };
}
