import { type AskedBox, type InputOptions, WhyboxError } from "@whybox/core";
import { z } from "zod";
import { framesOf, type ImageSettings } from "../images/settings.js";
import type { Choices } from "./context.js";
import { perOf } from "./contradictions.js";
import { choiceText, integerText, layerText, namedText, numberText, percentText, plainText } from "./option-values.js";

export const devices = ["cpu", "cuda", "coreml", "dml", "webgpu"] as const;
export const saveKinds = ["png", "npy", "json"] as const;
export const frames = ["image", "input"] as const;
export const pers = ["image", "class", "detection"] as const;
export const scales = ["each", "common"] as const;
export const ablations = ["zero", "mean"] as const;
export const inputRanges = ["1", "255"] as const;
export const inputChannels = ["rgb", "bgr"] as const;
export const paddings = ["centre", "end"] as const;

/** Largest side of the network's input that is accepted: 8192² is already 0.8 GB of float32. */
const maxImageSize = 8192;
/** Far beyond any picture. */
const maxCoordinate = 1e6;

/** The options of `whybox explain`, from commander's texts to values. Keys are commander's. */
export function explainOptionsSchema(choices: Choices) {
  const flag = z.boolean().default(false);
  const layers = z.array(layerText()).refine((list) => !list.includes("auto") || list.length === 1, {
    message: '"auto" stands alone; it cannot be combined with other layers.',
  });
  return z.strictObject({
    weights: plainText("a model file or the name of known weights"),
    names: plainText("a file of class names").optional(),
    classNames: z.array(plainText("a class name")).default([]),
    per: choiceText(pers).optional(),
    perDetection: flag,
    box: z
      .array(numberText(-maxCoordinate, maxCoordinate))
      .length(4, { error: "expected four numbers, left, top, right, bottom; put sources first, or after --." })
      .optional(),
    class: plainText("a class name").optional(),
    versus: plainText("a class name").optional(),
    backprop: z.array(namedText(choices.scoreId)).optional(),
    backwardPerClass: flag,
    topk: integerText(1, 10_000),
    method: namedText(choices.methodId).optional(),
    layer: layers,
    scale: choiceText(scales),
    eigenSmooth: flag,
    augSmooth: flag,
    keepOnlyTopk: percentText(),
    samples: integerText(1, 1_000_000).optional(),
    ablateTo: choiceText(ablations).optional(),
    seed: integerText(0, 2 ** 32 - 1),
    compat: flag,
    imgsz: z
      .array(integerText(1, maxImageSize))
      .max(2, { error: "expected one size, or a height and a width; put sources first, or after --." })
      .optional(),
    inputRange: choiceText(inputRanges).optional(),
    inputChannels: choiceText(inputChannels).optional(),
    padding: choiceText(paddings).optional(),
    conf: numberText(0, 1),
    iou: numberText(0, 1),
    maxDet: integerText(1, 100_000),
    agnosticNms: flag,
    device: choiceText(devices),
    threads: integerText(1, 1024).optional(),
    out: plainText("a folder").optional(),
    save: z.array(choiceText(saveKinds)),
    frame: choiceText(frames),
    colormap: choiceText(choices.colormaps),
    opacity: numberText(0, 1),
    hideBoxes: flag,
    hideLabels: flag,
    sideBySide: flag,
    crop: flag,
    cropKeep: flag,
    requireDetections: flag,
    json: flag,
    quiet: flag,
  });
}

export type ExplainValues = z.infer<ReturnType<typeof explainOptionsSchema>>;

/**
 * Checks every option at once.
 * @throws usage that names each wrong option, what was found and what was expected.
 */
export function parseOptions<T>(schema: z.ZodType<T>, raw: unknown): T {
  const parsed = schema.safeParse(raw);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map((issue) => `${flagOf(issue.path[0])}: ${issue.message}`);
  throw new WhyboxError("usage", problems.join("\n"), { details: { problems } });
}

/** What the batch needs, from the options of the command, which must not contradict each other. */
export function toSettings(values: ExplainValues): ImageSettings {
  const [h, w] = values.imgsz ?? [];
  const mapFrames = framesOf(perOf(values), values.frame, values.save);
  return {
    weights: values.weights,
    names: values.names,
    device: values.device,
    threads: values.threads,
    input: inputOf(values),
    explain: {
      layer: values.layer[0] === "auto" ? "auto" : values.layer,
      classNames: values.classNames,
      backwardPerClass: values.backwardPerClass,
      topk: values.topk,
      per: perOf(values),
      scale: values.scale,
      eigenSmooth: values.eigenSmooth,
      augSmooth: values.augSmooth,
      keepTopPercent: values.keepOnlyTopk,
      compat: values.compat,
      seed: values.seed,
      confidence: values.conf,
      iou: values.iou,
      maxDetections: values.maxDet,
      agnostic: values.agnosticNms,
      // What is left out is the engine's to choose: it depends on the method.
      ...(values.method === undefined ? {} : { method: values.method }),
      ...(values.backprop === undefined ? {} : { backprop: [...new Set(values.backprop)] }),
      ...(values.versus === undefined ? {} : { versus: values.versus }),
      ...(values.samples === undefined ? {} : { samples: values.samples }),
      ...(values.ablateTo === undefined ? {} : { ablateTo: values.ablateTo }),
      ...(mapFrames === undefined ? {} : { frames: mapFrames }),
      ...(values.box === undefined ? {} : { box: askedBox(values.box, values.class!) }),
      ...(h === undefined ? {} : { imageSize: [h, w ?? h] as const }),
    },
    save: saveKinds.filter((kind) => values.save.includes(kind)),
    frame: values.frame,
    colormap: values.colormap,
    opacity: values.opacity,
    hideBoxes: values.hideBoxes,
    hideLabels: values.hideLabels,
    sideBySide: values.sideBySide,
    crop: values.crop ? "rest" : values.cropKeep ? "hot" : undefined,
  };
}

/** What is said of the model's input; undefined when nothing is. */
function inputOf({ inputRange, inputChannels: channels, padding }: ExplainValues): InputOptions | undefined {
  if (inputRange === undefined && channels === undefined && padding === undefined) return undefined;
  return {
    ...(inputRange === undefined ? {} : { range: inputRange === "255" ? 255 : 1 }),
    ...(channels === undefined ? {} : { channels }),
    ...(padding === undefined ? {} : { padding }),
  };
}

function askedBox(corners: readonly number[], className: string): AskedBox {
  const [x1, y1, x2, y2] = corners as [number, number, number, number];
  return { x1, y1, x2, y2, className };
}

/** "maxDet" → "--max-det". */
function flagOf(key: PropertyKey | undefined): string {
  return `--${String(key).replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}
