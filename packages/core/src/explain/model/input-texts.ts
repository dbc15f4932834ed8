import type { InputFacts } from "../../detector/input/pixel-form.js";
import type { ClassNamesSource } from "../../detector/names.js";

const namesTexts = {
  options: "",
  metadata: "",
  beside: " (from metadata.yaml)",
  family: " (assumed, as in models with such outputs)",
  coco: " (COCO's names, assumed)",
  numbers: "",
} as const;

/** Where class names come from, to be put after them. Empty if they are the model's own, or were given. */
export function namesText(from: ClassNamesSource): string {
  return namesTexts[from];
}

const rangeReasons = {
  options: "set by an option",
  type: "from the type of the input",
  graph: "from the graph",
  preprocessor: "from preprocessor_config.json",
  yolox: "as in YOLOX",
  family: "assumed, as in models with such outputs",
  default: "assumed",
} as const;

/** The pixels that the network gets, and the reason for their range. */
export function pixelText(input: InputFacts): string {
  const range = `0..${input.range} (${rangeReasons[input.rangeFrom]})`;
  const padding = input.padding === "end" ? ", padded at the end" : "";
  return `${input.channels.toUpperCase()}, ${input.layout}, ${range}${padding}`;
}

const sourceTexts = {
  options: "set by an option",
  preprocessor: "known from preprocessor_config.json",
  graph: "known from the graph",
  metadata: "known from the metadata",
  family: "assumed, as in models with such outputs",
  default: "assumed",
} as const;

const fitTexts = {
  letterbox: "scaled, with grey around",
  stretch: "stretched",
  crop: "cropped in the middle",
} as const;

/** How images are fitted and normalised, and whether this is known or assumed. */
export function preparedText(input: InputFacts): string {
  const { fit, crop, mean, std, fitFrom, normalisationFrom } = input;
  const share = crop === undefined || crop === 1 ? "" : ` to ${Math.round(100 * crop)} % of the shorter side`;
  const list = (values: readonly number[] = []): string => values.map((one) => Number(one.toPrecision(4))).join(", ");
  const parts = [
    ...(mean === undefined ? [] : [`minus ${list(mean)}`]),
    ...(std === undefined ? [] : [`over ${list(std)}`]),
  ];
  const numbers = parts.length > 0 ? parts.join(", ") : normalisationFrom === "graph" ? "normalised" : "not normalised";
  return `${fitTexts[fit]}${share} (${sourceTexts[fitFrom]}); ${numbers} (${sourceTexts[normalisationFrom]})`;
}
