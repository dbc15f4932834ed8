import {
  type DrawingOptions,
  drawingOptions,
  type ExplainOptions,
  explainOptions,
  type ResultDocument,
  type ResultParts,
  resultDocument,
  resultSchemaVersion,
} from "@whybox/core";
import { z } from "zod";
import { optionShape } from "./option-shape.js";

const sizeSchema = z.tuple([z.int(), z.int()]).describe("[height, width]");
const boxSchema = z
  .object({ x1: z.number(), y1: z.number(), x2: z.number(), y2: z.number() })
  .describe("Corners; a pixel covers [i, i + 1).");
const indicesSchema = z.array(z.int()).describe("Indices into detections; -1 is the box of options.box.");

const toolSchema = z.object({ name: z.literal("whybox"), version: z.string() });

const perChannel = z.tuple([z.number(), z.number(), z.number()]).readonly();

/** Sources of the preparation. "family": assumed from models with such outputs. "default": assumed without evidence. */
const preparationSource = z.enum(["options", "preprocessor", "graph", "metadata", "family", "default"]);

const modelSchema = z.object({
  source: z.string().describe("Path or name as given."),
  sha256: z.string().describe("SHA-256 hex digest of the model file."),
  bytes: z.int(),
  licence: z.string().nullable().describe("Licence of weights that Whybox downloaded; null for the user's own file."),
  format: z.string(),
  opset: z.int(),
  classCount: z.int(),
  classNamesFrom: z
    .enum(["options", "metadata", "beside", "family", "coco", "numbers"])
    .describe(
      'Source of the class names. "beside": a metadata.yaml beside the file. "coco": assumed, because the model has 80, 90 or 91 classes and no names.',
    ),
  input: z
    .object({
      name: z.string(),
      layout: z.enum(["NCHW", "NHWC"]),
      batch: z.union([z.int(), z.string()]).nullable(),
      sides: z.tuple([z.int().nullable(), z.int().nullable()]).describe("[height, width]; null: any size."),
      range: z.union([z.literal(1), z.literal(255)]).describe("Maximum value of a pixel."),
      channels: z.enum(["rgb", "bgr"]),
      padding: z.enum(["centre", "end"]),
      rangeFrom: z
        .enum(["options", "type", "graph", "preprocessor", "yolox", "family", "default"])
        .describe("How the range was determined."),
      fit: z.enum(["letterbox", "stretch", "crop"]).describe("How images are fitted into the input."),
      fitFrom: preparationSource.describe("How the fit was determined."),
      crop: z.number().nullable().describe("For a crop: the share of the image's shorter side that is kept."),
      mean: perChannel.nullable().describe("Subtracted from each channel, in units of the range."),
      std: perChannel.nullable().describe("Each channel is divided by it, in units of the range."),
      normalisationFrom: preparationSource.describe("How mean and std were determined."),
    })
    .describe(
      "The input of the model file, as detected or as set in the options. Layers and gradients refer to RGB planes in 0..1.",
    ),
  head: z.object({
    kind: z.enum(["anchor-based", "anchor-free", "query", "black-box", "classifier"]),
    task: z.enum(["detect", "segment", "pose", "obb", "classify"]),
    output: z.string().describe("Name of the graph's value with the predictions."),
    source: z.string().describe("Where the predictions come from in the file, and their layout."),
    hasObjectness: z.boolean(),
    selection: z.object({ nms: z.boolean(), labels: z.enum(["best", "all"]) }),
    levels: z.array(
      z.object({ name: z.string(), stride: z.number(), anchors: z.int(), inputs: z.array(z.string()).readonly() }),
    ),
  }),
});

const letterboxSchema = z
  .object({
    imageSize: sizeSchema,
    inputSize: sizeSchema,
    contentSize: sizeSchema.describe(
      "[height, width] of the scaled image. It is larger than the input if the image is cropped.",
    ),
    scale: z.number().describe("Input pixels per image pixel; along the width if the image is stretched."),
    padTop: z.int().describe("First row of the scaled image in the input. Negative: so many rows are cut off."),
    padLeft: z.int(),
  })
  .describe("How the image was fitted into the network's input.");

const optionsSchema = z
  .object({
    device: z.string(),
    threads: z.int().nullable().describe("null: one per core."),
    ...optionShape<ExplainOptions, typeof explainOptions>(explainOptions),
    save: z.array(z.enum(["png", "npy", "json", "maps"])),
    frame: z.enum(["image", "input"]).describe("Frame of the saved heatmaps."),
    ...optionShape<DrawingOptions, typeof drawingOptions>(drawingOptions),
  })
  .describe("All effective options, including defaults.");

const maskSchema = z
  .object({
    size: sizeSchema,
    counts: z
      .array(z.int())
      .describe("Lengths of alternating runs of 0 and 1, starting with 0. Pixels are in column order."),
  })
  .describe("In image pixels, as COCO's uncompressed run-length encoding.");

const keypointSchema = z
  .object({
    name: z.string(),
    x: z.number(),
    y: z.number(),
    confidence: z.number().nullable().describe("0..1; null when the model has none."),
  })
  .describe("In image pixels.");

const pointSchema = z.tuple([z.number(), z.number()]).describe("[x, y]");

const detectionSchema = z.object({
  index: z.int(),
  classIndex: z.int(),
  className: z.string(),
  confidence: z.number().describe("objectness × class probability, 0..1."),
  objectness: z.number(),
  classProbability: z.number(),
  boxImage: boxSchema.describe(
    "Corners; a pixel covers [i, i + 1). For a rotated box: the axis-aligned rectangle around it.",
  ),
  boxInput: boxSchema,
  mask: maskSchema.nullable().describe("Mask of a segmentation model, else null."),
  keypoints: z.array(keypointSchema).nullable().describe("Keypoints of a pose model, else null."),
  angle: z
    .number()
    .nullable()
    .describe("Angle of a rotated box, else null. Radians in [0, π/2), clockwise in the image."),
  corners: z
    .tuple([pointSchema, pointSchema, pointSchema, pointSchema])
    .nullable()
    .describe("Corners of a rotated box in image pixels, else null. They may lie outside the image."),
  row: z.int().describe("Prediction row of the box in [1, R, 5+K]."),
  level: z.int().describe("Index into model.head.levels."),
  levelName: z.string(),
  stride: z.number(),
  anchor: z.int(),
  cell: z.tuple([z.int(), z.int()]).describe("[x, y] on the level's grid."),
});

const layerSchema = z.object({
  index: z.int().nullable().describe("Index in the network's list of layers; null for a value selected by name."),
  name: z.string(),
  value: z.string().describe("Name of the layer's value in the graph."),
  channels: z.int(),
  size: sizeSchema,
  detections: indicesSchema.describe("Detections that this layer explains."),
  blind: indicesSchema.describe("Detections whose gradient at this layer is exactly zero."),
  gradientMax: z.number().nullable().describe("Largest absolute gradient; null for methods without gradients."),
  message: z.string().nullable(),
});

const scoreSchema = z.object({
  backprop: z.string(),
  className: z.string().nullable().describe("The class with backwardPerClass, else null."),
  detections: indicesSchema.describe("Detections that are scored together; -1 is the box of options.box."),
  value: z.number(),
  withoutScore: indicesSchema.describe("Detections that did not contribute to the score."),
});

const fileSchema = z.string().nullable();

const heatSchema = z
  .object({
    inBox: z.number().describe("Share of the heat inside the box, 0..1."),
    area: z.number().describe("Share of the image that the box covers: inBox of a uniform map."),
    ratio: z.number().describe("inBox / area."),
    peak: pointSchema.readonly().describe("Centre [x, y] of the hottest pixel."),
    peakInBox: z.boolean(),
  })
  .describe("Where the heat of a detection's map lies.");

const mapSchema = z
  .object({
    detections: indicesSchema.describe("Detections that the map explains."),
    className: z.string(),
    maximum: z.number().describe("Maximum of the method's raw map, in the method's unit."),
    heat: heatSchema.nullable().describe("null: the map explains several detections, or it has no heat."),
    files: z.object({ png: fileSchema, npy: fileSchema }),
  })
  .describe("The map of one detection, or of one class.");

const askedSchema = z
  .object({
    boxImage: boxSchema,
    boxInput: boxSchema,
    className: z.string(),
    row: z.int().describe("The row near the box with the highest score for the class."),
    levelName: z.string(),
    iou: z.number().describe("IoU of that row's box with options.box."),
    objectness: z.number(),
    classProbability: z.number(),
    confidence: z.number().describe("objectness × class probability, 0..1."),
    bestClassName: z.string(),
    bestClassProbability: z.number(),
    detection: z.int().nullable().describe("Index of the detection of this object; null: none."),
    verdict: z.string().describe("Why the object was or was not detected."),
  })
  .describe("The network's predictions at options.box.");

const noteSchema = z
  .object({
    name: z.string(),
    value: z.number(),
    layer: z.string().nullable().describe("Name of the layer; null for methods that have none."),
    detections: indicesSchema,
  })
  .describe("A value that the method reports with a map.");

const curveSchema = z
  .object({
    fractions: z.array(z.number()).describe("Shares of the pixels, hottest first, from 0 to 1."),
    scores: z.array(z.number()).describe("The score at each share, divided by that of the original image."),
  })
  .describe("The score as pixels are changed.");

const curvesShape = {
  deletion: curveSchema.describe("The hottest pixels become grey."),
  insertion: curveSchema.describe("The image is blurred, and its hottest pixels are restored."),
  overAll: z.number().describe("Area under insertion minus area under deletion, -1..1. Higher is better."),
};

const figuresShape = {
  ...curvesShape,
  withinBox: z.object(curvesShape).describe("The same with the pixels of the box only."),
};

const regionsShape = {
  ...figuresShape,
  removal: z
    .number()
    .nullable()
    .describe("Smallest share of the image whose removal halves the score; null if no share does."),
  sufficient: z.number().describe("Smallest share of the image that restores half of the score."),
  sufficientOverBox: z.number().describe("The same as a multiple of the area of the box."),
};

export const measurementSchema = z
  .object({
    detections: indicesSchema.describe("The index of the detection. Empty: the box of options.box."),
    className: z.string(),
    score: z.number().describe("Best confidence of the class at the box in the original image."),
    map: z.object(regionsShape),
    gaussian: z.object(regionsShape).describe("A Gaussian at the box: it knows nothing of the network."),
    random: z.object(figuresShape).describe("A map of random numbers."),
    images: z.int().describe("Number of changed images that the network ran on."),
  })
  .describe("How faithful the map of a detection is.");

const searchCurvesSchema = z.object({
  shares: z.array(z.number()).describe("Changed pixels, hottest first, as shares of the area of the box."),
  deletion: z.array(z.number()).describe("These pixels have the mean colour of the image."),
  insertion: z.array(z.number()).describe("Only these pixels are sharp, the others are blurred."),
  withinBox: z.array(z.number()).describe("These shares of the box are sharp, its other pixels are blurred."),
  quality: z
    .number()
    .describe("Mean of insertion, plus half the mean of withinBox, minus the mean of deletion. Higher is better."),
});

const searchSchema = z
  .object({
    detections: indicesSchema.describe("The index of the detection. Empty: the box of options.box."),
    className: z.string(),
    noBetterThanBox: z
      .boolean()
      .describe(
        "True if no map of the network is better than a Gaussian at the box. The map is then the best without one.",
      ),
    chosen: z
      .array(z.array(z.object({ part: z.string(), weight: z.number() })))
      .describe("What the map is made of. The ranks of several mixtures are averaged."),
    surroundings: z
      .enum(["distance", "network"])
      .describe(
        "How the pixels outside the cells of the search are ordered: by their distance from the box, or also by the network.",
      ),
    map: searchCurvesSchema,
    gaussian: searchCurvesSchema.describe("A Gaussian at the box: it knows nothing of the network."),
    candidates: z.int().describe("Number of maps that were compared."),
    passes: z.int().describe("Number of changed images that the network ran on."),
    stoppedBy: z
      .enum(["settled", "plan", "budget"])
      .describe("settled: nothing improved. plan: all steps are done. budget: the time was over."),
  })
  .describe("How the map of a detection was found.");

const timingsSchema = z
  .object({
    decode: z.number(),
    letterbox: z.number(),
    forward: z.number(),
    detect: z.number(),
    backward: z.number(),
    finish: z.number(),
    measure: z.number().describe("0 without the option measure."),
    explain: z.number().describe("Total of all steps from letterbox to measure."),
    render: z.number().describe("Drawing and encoding the image and the array."),
  })
  .describe("Times in milliseconds. Only these fields differ between runs.");

/** The result of one image: the content of `<stem>.json`, and an entry of `results` that `--json` prints. */
export const resultSchema = z.object({
  schemaVersion: z.literal(resultSchemaVersion),
  tool: toolSchema,
  model: modelSchema,
  image: z.object({ source: z.string().describe("Path or URL as given."), size: sizeSchema }),
  letterbox: letterboxSchema,
  options: optionsSchema,
  detections: z.array(detectionSchema).describe("Highest confidence first."),
  explained: indicesSchema.describe("Detections that the heatmap explains."),
  maps: z.array(mapSchema).describe("One per class or detection according to options.per, else empty."),
  asked: askedSchema.nullable().describe("The answer to options.box, else null."),
  layers: z.array(layerSchema),
  scores: z.array(scoreSchema),
  notes: z.array(noteSchema),
  searched: z.array(searchSchema).describe("With the method search: one per map. Else empty."),
  measured: z.array(measurementSchema).describe("With the option measure: one per map. Else empty."),
  empty: z
    .object({
      reason: z.enum(["no-detection", "class-not-detected", "no-score", "same-class", "zero-gradient", "non-finite"]),
      message: z.string(),
    })
    .nullable()
    .describe("Set when the heatmap is all zeros."),
  files: z
    .object({
      png: fileSchema,
      sheet: fileSchema.describe("The contact sheet of the maps."),
      npy: fileSchema,
      json: fileSchema,
    })
    .describe("File names in the output folder; null for files that were not requested."),
  timings: timingsSchema,
});

const errorSchema = z.object({ code: z.string(), message: z.string() });

/** The output of `whybox explain --json`: one object for any number of sources. */
export const runSchema = z.object({
  schemaVersion: z.literal(resultSchemaVersion),
  tool: toolSchema,
  outputFolder: z.string().nullable().describe("Absolute path; null when the run stopped before it was created."),
  results: z.array(resultSchema),
  failures: z.array(z.object({ source: z.string(), ...errorSchema.shape })).describe("Sources without a result."),
  error: errorSchema.nullable().describe("The error that stopped the run; null when each source was tried."),
  summary: z.object({
    explained: z.int().describe("Results with a heatmap."),
    empty: z.int().describe("Results without a heatmap: see their empty field."),
    failed: z.int(),
    notTried: z.int(),
    exitCode: z.int(),
  }),
});

export type RunDocument = Omit<z.infer<typeof runSchema>, "results"> & { readonly results: readonly ResultDocument[] };

/** The result document of one image, validated. JSON would write a number that is not finite as null. */
export function checkedDocument(parts: ResultParts): ResultDocument {
  return resultSchema.parse(resultDocument(parts));
}
