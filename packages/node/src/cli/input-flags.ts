import type { Filled, InputOptions, OptionTable } from "@whybox/core";

/** Options that describe the image that the model expects. */
export interface InputFlags {
  readonly inputRange?: "1" | "255";
  readonly inputChannels?: "rgb" | "bgr";
  readonly padding?: "centre" | "end";
  readonly fit?: "letterbox" | "stretch" | "crop";
  readonly inputCrop?: number;
  readonly mean?: readonly number[];
  readonly std?: readonly number[];
}

/** The same options for all commands that load a model for images. */
export const inputFlags = {
  inputRange: {
    what: "largest pixel value of the model's input",
    kind: "choice",
    choices: ["1", "255"],
    otherwise: "taken from the model's graph, else 1",
    group: "Detection",
  },
  inputChannels: {
    what: "order of the colour channels in the model's input",
    kind: "choice",
    choices: ["rgb", "bgr"],
    otherwise: "taken from the model's graph, else rgb",
    group: "Detection",
  },
  padding: {
    what: "where the grey padding goes: around the image, or only at its right and bottom",
    kind: "choice",
    choices: ["centre", "end"],
    otherwise: "centre; end for YOLOX",
    group: "Detection",
  },
  fit: {
    what: "how an image becomes the model's input: scaled with grey around it, stretched, or cropped in the middle",
    kind: "choice",
    choices: ["letterbox", "stretch", "crop"],
    otherwise:
      "what the file tells, crop for classifiers, stretch for transformers known to be trained so, else letterbox",
    group: "Detection",
  },
  inputCrop: {
    what: "for --fit crop: share of the image's shorter side that is kept",
    kind: "number",
    min: 0,
    max: 1,
    aboveMin: true,
    otherwise: "what the file tells, 0.875 for classifiers except YOLO's, else 1",
    group: "Detection",
  },
  mean: {
    what: "numbers that are subtracted from the three channels, in units of the input's range",
    kind: "list",
    of: { kind: "number", min: -1e4, max: 1e4 },
    filled: true,
    otherwise: "what the file tells, else nothing",
    group: "Detection",
    shown: "numbers...",
  },
  std: {
    what: "numbers that the three channels are divided by, in units of the input's range",
    kind: "list",
    of: { kind: "number", min: 0, max: 1e4, aboveMin: true },
    filled: true,
    otherwise: "what the file tells, else 1",
    group: "Detection",
    shown: "numbers...",
  },
} as const satisfies OptionTable<InputFlags>;

/** The options for the model's input; undefined when none is given. The library checks them. */
export function inputOf({
  inputRange,
  inputChannels,
  padding,
  fit,
  inputCrop,
  mean,
  std,
}: Filled<InputFlags, typeof inputFlags>): InputOptions | undefined {
  const range = inputRange === undefined ? undefined : inputRange === "255" ? 255 : 1;
  const given = Object.entries({ range, channels: inputChannels, padding, fit, crop: inputCrop, mean, std }).filter(
    ([, value]) => value !== undefined,
  );
  return given.length === 0 ? undefined : (Object.fromEntries(given) as InputOptions);
}
