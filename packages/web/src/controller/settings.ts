import type { Device } from "@whybox/browser";
import { type ColormapName, drawingOptions, inRange, type NumberKind } from "@whybox/core";
import { methodChoices, scoreChoices } from "./methods.js";
import { isOfDetection, type PageValues, pageDefaults, pageOptions, readPageOption, valuesOf } from "./page-options.js";

/** All settings of the user. A link restores them. */
export interface Settings extends PageValues {
  readonly method: string;
  /** "auto", or the index or name of a layer. */
  readonly layer: string;
  /** The score to differentiate, or "auto" for the method's default. */
  readonly score: string;
  /** Only detections of this class, or "" for all. */
  readonly classFilter: string;
  /** The class to compare with, or "" for no comparison. */
  readonly versus: string;
  readonly opacity: number;
  readonly colormap: ColormapName;
  readonly crop: "off" | "rest" | "hot";
  readonly compare: readonly string[];
  readonly device: Device;
  /** WebAssembly threads. 0 means one for each core. */
  readonly threads: number;
  /** How images are prepared for the model. "auto" and "" take what the model tells. */
  readonly inputFit: "auto" | Fit;
  /** For "crop": the share of the image's shorter side that is kept. */
  readonly inputCrop: number;
  readonly inputMean: string;
  readonly inputStd: string;
  readonly inputRange: "auto" | "1" | "255";
  readonly inputChannels: "auto" | "rgb" | "bgr";
  readonly inputPadding: "auto" | "centre" | "end";
}

export const defaultSettings: Settings = {
  ...pageDefaults,
  method: "tap-fusion",
  layer: "auto",
  score: "auto",
  classFilter: "",
  versus: "",
  opacity: drawingOptions.opacity.default,
  colormap: drawingOptions.colormap.default,
  crop: "off",
  compare: ["GradCAM", "HiResCAM", "EigenCAM", "tap-fusion-fast"],
  device: "auto",
  threads: 0,
  inputFit: "auto",
  inputCrop: 1,
  inputMean: "",
  inputStd: "",
  inputRange: "auto",
  inputChannels: "auto",
  inputPadding: "auto",
};

export const fits = ["letterbox", "stretch", "crop"] as const;
type Fit = (typeof fits)[number];

/** Maximum number of methods in a comparison. */
export const MAX_COMPARED = 6;

/** Settings that need a new detection. */
export const detectionSettings: readonly (keyof Settings)[] = pageOptions.filter(isOfDetection);
/** Settings that need a new map. */
export const mapSettings: readonly (keyof Settings)[] = [
  ...(["method", "layer", "score", "versus"] as const),
  ...pageOptions.filter((name) => !isOfDetection(name)),
];
/** Settings that need a new worker. */
export const engineSettings: readonly (keyof Settings)[] = ["device", "threads"];

/** Settings that need the model to be opened again. */
export const inputSettings = [
  ...(["inputFit", "inputCrop", "inputMean", "inputStd", "inputRange", "inputChannels", "inputPadding"] as const),
] satisfies (keyof Settings)[];

/** Three numbers, as "0.485, 0.456, 0.406". Undefined if the text is not that. */
export function threeNumbers(text: string): readonly [number, number, number] | undefined {
  const [a, b, c, ...more] = text.split(/[\s,;]+/).filter((word) => word !== "");
  const numbers = [a, b, c].map(Number);
  const fits = more.length === 0 && text.length <= 100 && numbers.every((one) => Math.abs(one) <= 1e4);
  return fits ? (numbers as unknown as readonly [number, number, number]) : undefined;
}

type Reader<T> = (text: string) => T | undefined;

const oneOf =
  <T extends string>(choices: readonly T[]): Reader<T> =>
  (text) =>
    choices.find((choice) => choice === text);
const number =
  (kind: NumberKind): Reader<number> =>
  (text) =>
    text.trim() !== "" && inRange(kind, Number(text)) ? Number(text) : undefined;
const triple: Reader<string> = (text) => (threeNumbers(text) === undefined ? undefined : text);
const words: Reader<string> = (text) => (text.length <= 100 ? text : undefined);
const methodIds = methodChoices.map(({ id }) => id);

type PageReaders = { readonly [K in keyof PageValues]: Reader<PageValues[K]> };

/** Names that settings have in older links. */
const olderNames: { readonly [K in keyof Settings]?: string } = {
  keepTopPercent: "topPercent",
  backwardPerClass: "perClass",
};

/** Parsers of the settings in a link. An invalid value is undefined, and the default is used. */
const readers: { readonly [K in keyof Settings]: Reader<Settings[K]> } = {
  ...(valuesOf((name) => (text: string) => readPageOption(name, text)) as never as PageReaders),
  method: oneOf(methodIds),
  layer: words,
  score: oneOf(["auto", ...scoreChoices.map(({ id }) => id)]),
  classFilter: words,
  versus: words,
  opacity: number(drawingOptions.opacity),
  colormap: oneOf(drawingOptions.colormap.choices),
  crop: oneOf(["off", "rest", "hot"]),
  compare: (text) => {
    const known = [...new Set(text.split(","))].filter((id) => methodIds.includes(id)).slice(0, MAX_COMPARED);
    return known.length > 0 ? known : undefined;
  },
  device: oneOf(["auto", "webgpu", "wasm"]),
  threads: (text) => (/^\d{1,2}$/.test(text) ? number({ kind: "number", min: 0, max: 64 })(text) : undefined),
  inputFit: oneOf(["auto", ...fits]),
  inputCrop: number({ kind: "number", min: 0, max: 1, aboveMin: true }),
  inputMean: triple,
  inputStd: (text) => (threeNumbers(text)?.every((one) => one > 0) ? text : undefined),
  inputRange: oneOf(["auto", "1", "255"]),
  inputChannels: oneOf(["auto", "rgb", "bgr"]),
  inputPadding: oneOf(["auto", "centre", "end"]),
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
    const text = parameters.get(key) ?? parameters.get(olderNames[key] ?? key);
    const value = text === null ? undefined : readers[key](text);
    return value === undefined ? [] : [[key, value] as const];
  });
  return { ...defaultSettings, ...Object.fromEntries(read) };
}
