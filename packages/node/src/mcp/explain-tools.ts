import {
  type AskedBox,
  type Detection,
  dependsOnScore,
  drawingOptions,
  type ExplainOptions,
  type ExplainResult,
  explainOptions,
  jointMap,
  mapHeats,
  pickOptions,
  type RgbImage,
  renderOverlay,
  resolveMethod,
  resolveScore,
} from "@whybox/core";
import { classSentence, mapSentence } from "@whybox/report";
import { z } from "zod";
import { fileOptions } from "../file-options.js";
import { inputSchema, inputShape } from "../io/input-shape.js";
import { stopIfAborted } from "../stop-if-aborted.js";
import { count } from "../words.js";
import { pngContent } from "./png-content.js";
import { answer, MAX_PIXELS, type ToolCall, type ToolContext } from "./tool.js";

/** Maximum number of detections in an answer. */
const MAX_DETECTIONS = 50;

const common = ["method", "layer", "imageSize", "confidence", "iou", "maxDetections"] as const;
const explainNames = [...common, "classNames", "detections", "versus"] as const;

const imageShape = {
  image: z
    .string()
    .min(1)
    .max(4096)
    .describe("Path of the image, or its http(s) address if the server allows addresses."),
};
const weightsShape = inputShape({ weights: fileOptions.weights }) as { weights: z.ZodOptional<z.ZodString> };

export const explainInput = z.strictObject({
  ...imageShape,
  ...weightsShape,
  ...inputShape(pickRows(explainNames)),
});
export const whyNotInput = z.strictObject({
  ...imageShape,
  ...weightsShape,
  box: inputSchema(explainOptions.box).describe(
    "The box in image pixels, and the class that you expect there.",
  ) as z.ZodType<AskedBox>,
  ...inputShape(pickRows(common)),
});

function pickRows(names: readonly (keyof typeof explainOptions)[]) {
  return Object.fromEntries(names.map((name) => [name, explainOptions[name]]));
}

const detectionSchema = z.object({
  index: z.int(),
  className: z.string(),
  confidence: z.number(),
  box: z.array(z.number()).describe("Left, top, right, bottom in image pixels."),
  heat: z
    .object({
      inBox: z.number(),
      area: z.number(),
      ratio: z.number(),
      peak: z.array(z.number()),
      peakInBox: z.boolean(),
    })
    .nullable()
    .describe(
      "Where its heat is: share inside the box, share of the image that the box covers, their ratio, hottest pixel.",
    ),
  sentence: z.string().nullable(),
});

const resultShape = {
  image: z.string(),
  size: z.array(z.int()).describe("[height, width] in pixels."),
  method: z.string(),
  layers: z.array(z.string()),
  detections: z.array(detectionSchema),
  omitted: z.int().describe("Number of further detections that are not in the list."),
  notes: z.array(z.string()),
};
export const explainOutput = z.object(resultShape);
export const whyNotOutput = z.object({
  ...resultShape,
  asked: z.object({
    className: z.string(),
    confidence: z.number(),
    objectness: z.number(),
    classProbability: z.number(),
    bestClassName: z.string(),
    bestClassProbability: z.number(),
    iou: z.number().describe("IoU of the box and of the nearest prediction."),
    detected: z.int().nullable().describe("Index of the detection of this object. null if it was not detected."),
    verdict: z.string(),
  }),
});

/** Explains the detections in an image. */
export async function explainImage(given: z.infer<typeof explainInput>, context: ToolContext, call: ToolCall) {
  const options = pickOptions(given as ExplainOptions, explainNames);
  const { image, result } = await explained(given, { ...options, per: "detection" }, context, call);
  const structured = structuredOf(given.image, result);
  return answer(summary(structured.detections, result), structured, [await overlay(image, result)]);
}

/** Explains a box that a person drew: why there is no detection, or which one. */
export async function whyNot(given: z.infer<typeof whyNotInput>, context: ToolContext, call: ToolCall) {
  const options = pickOptions(given as ExplainOptions, common);
  const { image, result } = await explained(given, { ...options, box: given.box }, context, call);
  const asked = result.asked!;
  const { className, confidence, objectness, classProbability, bestClassName, bestClassProbability, iou, verdict } =
    asked;
  const structured = {
    ...structuredOf(given.image, result),
    asked: {
      ...{ className, confidence, objectness, classProbability, bestClassName, bestClassProbability, iou, verdict },
      detected: asked.detection ?? null,
    },
  };
  return answer(verdict, structured, [await overlay(image, result)]);
}

interface Given {
  readonly image: string;
  readonly weights?: string | undefined;
}

async function explained(
  given: Given,
  options: ExplainOptions,
  { allowed, detectors, services }: ToolContext,
  { signal, onProgress }: ToolCall,
): Promise<{ readonly image: RgbImage; readonly result: ExplainResult }> {
  const weights = await allowed.weights(given.weights ?? fileOptions.weights.default);
  const source = await allowed.source(given.image);
  const image = await services.decodeImage(source, { signal, maxPixels: MAX_PIXELS, allowPrivate: false });
  const result = await detectors.use(weights, (detector) => {
    stopIfAborted(signal);
    return detector.explain(image, {
      ...options,
      signal,
      onProgress: ({ done, total }) => onProgress(done, total, "Runs of the network"),
    });
  });
  return { image, result };
}

function structuredOf(source: string, result: ExplainResult) {
  const { detections, letterbox, method, layers, empty } = result;
  const shown = detections.slice(0, MAX_DETECTIONS);
  const heats = heatsOf(result);
  const messages = layers.flatMap(({ message }) => (message === undefined ? [] : [message]));
  return {
    image: source,
    size: [...letterbox.imageSize],
    method,
    layers: [...new Set(layers.map(({ name }) => name))],
    detections: shown.map((one) => detectionOf(one, heats.get(one.index), result)),
    omitted: detections.length - shown.length,
    notes: [...new Set([...(empty === undefined ? [] : [empty.message]), ...messages])],
  };
}

type Heat = NonNullable<ReturnType<typeof mapHeats>[number]>;

function heatsOf(result: ExplainResult): ReadonlyMap<number, Heat> {
  const heats = mapHeats(result);
  return new Map(
    result.maps.flatMap(({ detections: [index] }, i) => {
      const heat = heats[i];
      return heat === undefined ? [] : [[index!, heat] as const];
    }),
  );
}

function detectionOf(
  { index, className, confidence, boxImage, isWholeImage }: Detection,
  heat: Heat | undefined,
  result: ExplainResult,
) {
  const { x1, y1, x2, y2 } = boxImage;
  return {
    ...{ index, className, confidence: rounded(confidence), box: [x1, y1, x2, y2].map(rounded) },
    heat:
      heat === undefined
        ? null
        : {
            ...{ inBox: rounded(heat.inBox), area: rounded(heat.area), ratio: rounded(heat.ratio) },
            ...{ peak: [...heat.peak], peakInBox: heat.peakInBox },
          },
    sentence: heat !== undefined || isWholeImage ? sentenceOf(className, heat, result) : null,
  };
}

/** The sentence on a detection, or without heat in a box on a class of the whole image. Null for a class that no layer sees. */
function sentenceOf(className: string, heat: Heat | undefined, { method, backprop, empty }: ExplainResult) {
  const used = resolveMethod(method);
  if (heat === undefined) {
    return empty === undefined ? classSentence({ className, dependsOnScore: dependsOnScore(used) }) : null;
  }
  const usual = backprop.includes("contrast") ? ["contrast"] : (used.scores ?? ["class"]);
  const scores = backprop.filter((id) => !usual.includes(id)).map((id) => resolveScore(id));
  return mapSentence({ className, ...heat, dependsOnScore: dependsOnScore(used), scores });
}

function rounded(value: number): number {
  return Number(value.toPrecision(5));
}

/** "3 detections; the most confident is dog (91 %). The detector's confidence in this dog depends on …". */
function summary(shown: readonly z.infer<typeof detectionSchema>[], { detections, empty }: ExplainResult): string {
  const [best] = shown;
  if (best === undefined) return empty?.message ?? "Nothing was detected.";
  const isOfImage = detections[0]?.isWholeImage === true;
  const number = isOfImage ? count(detections.length, "class", "classes") : count(detections.length, "detection");
  const found = `${number}; the most confident is ${best.className} (${Math.round(100 * best.confidence)} %).`;
  const about = shown.find(({ sentence }) => sentence !== null)?.sentence ?? empty?.message;
  return about === undefined ? found : `${found} ${about}`;
}

/** The image with the heat and the boxes. */
async function overlay(image: RgbImage, result: ExplainResult) {
  const { detections, asked, maps, heatmap } = result;
  const drawn = asked === undefined ? detections : [...detections, { ...asked, classIndex: -1, asked: true }];
  const joint = maps.length === 0 ? heatmap : jointMap(heatmaps(maps));
  return pngContent(renderOverlay(image, joint, { colormap: drawingOptions.colormap.default, detections: drawn }));
}

function* heatmaps(maps: ExplainResult["maps"]) {
  for (const map of maps) yield map.heatmap;
}
