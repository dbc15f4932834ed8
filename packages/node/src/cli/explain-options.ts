import { WhyboxError } from "@whybox/core";
import { z } from "zod";
import type { BatchSettings } from "../batch/settings.js";
import type { Choices } from "./context.js";
import { choiceText, integerText, layerText, namedText, numberText, plainText } from "./option-values.js";

export const devices = ["cpu", "cuda", "coreml", "dml", "webgpu"] as const;
export const saveKinds = ["png", "npy", "json"] as const;
export const frames = ["image", "input"] as const;

/** Largest side of the network's input that is accepted: 8192² is already 0.8 GB of float32. */
const maxImageSize = 8192;

/** The options of `whybox explain`, from commander's texts to values. Keys are commander's. */
export function explainOptionsSchema(choices: Choices) {
  const flag = z.boolean().default(false);
  const layers = z.array(layerText()).refine((list) => !list.includes("auto") || list.length === 1, {
    message: '"auto" stands alone; it cannot be combined with other layers.',
  });
  return z.strictObject({
    weights: plainText("a model file or the name of known weights"),
    names: plainText("a file of class names").optional(),
    method: namedText(choices.methodId),
    layer: layers,
    classNames: z.array(plainText("a class name")).default([]),
    backprop: z.array(namedText(choices.scoreId)),
    backwardPerClass: flag,
    topk: integerText(1, 10_000),
    imgsz: z
      .array(integerText(1, maxImageSize))
      .max(2, { error: "expected one size, or a height and a width; put sources first, or after --." })
      .optional(),
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

/** What the batch needs, from the options of the command. */
export function toSettings(values: ExplainValues): BatchSettings {
  const [h, w] = values.imgsz ?? [];
  return {
    weights: values.weights,
    names: values.names,
    device: values.device,
    threads: values.threads,
    explain: {
      method: values.method,
      layer: values.layer[0] === "auto" ? "auto" : values.layer,
      classNames: values.classNames,
      backprop: [...new Set(values.backprop)],
      backwardPerClass: values.backwardPerClass,
      topk: values.topk,
      confidence: values.conf,
      iou: values.iou,
      maxDetections: values.maxDet,
      agnostic: values.agnosticNms,
      ...(h === undefined ? {} : { imageSize: [h, w ?? h] as const }),
    },
    save: saveKinds.filter((kind) => values.save.includes(kind)),
    frame: values.frame,
    colormap: values.colormap,
    opacity: values.opacity,
    hideBoxes: values.hideBoxes,
    hideLabels: values.hideLabels,
    sideBySide: values.sideBySide,
  };
}

/** "maxDet" → "--max-det". */
function flagOf(key: PropertyKey | undefined): string {
  return `--${String(key).replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}
