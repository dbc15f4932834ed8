import { type ResultDocument, type ResultParts, resultDocument, resultSchemaVersion } from "@whybox/core";
import { z } from "zod";

const sizeSchema = z.tuple([z.int(), z.int()]).describe("[height, width]");
const boxSchema = z
  .object({ x1: z.number(), y1: z.number(), x2: z.number(), y2: z.number() })
  .describe("Corners; a pixel covers [i, i + 1).");
const indicesSchema = z.array(z.int()).describe("Indices into detections; -1 is the box that was asked about.");

const toolSchema = z.object({ name: z.literal("whybox"), version: z.string() });

const modelSchema = z.object({
  source: z.string().describe("Path or name as given."),
  sha256: z.string().describe("Hex digest of the model file that ran."),
  bytes: z.int(),
  licence: z.string().nullable().describe("Of weights that Whybox fetched; null for the user's own file."),
  format: z.string(),
  opset: z.int(),
  classCount: z.int(),
  input: z
    .object({
      name: z.string(),
      layout: z.enum(["NCHW", "NHWC"]),
      batch: z.union([z.int(), z.string()]).nullable(),
      sides: z.tuple([z.int().nullable(), z.int().nullable()]).describe("[height, width]; null: any."),
      range: z.union([z.literal(1), z.literal(255)]).describe("Largest value of a pixel."),
      channels: z.enum(["rgb", "bgr"]),
      padding: z.enum(["centre", "end"]),
      rangeFrom: z.enum(["options", "type", "graph", "yolox", "default"]).describe("Where the range is known from."),
    })
    .describe("What the file's input is, or was said to be; layers and gradients are those of RGB planes in 0..1."),
  head: z.object({
    kind: z.enum(["anchor-based", "anchor-free", "query"]),
    task: z.enum(["detect", "segment", "pose", "obb"]),
    output: z.string().describe("Value of the graph with the predictions."),
    source: z.string().describe("Where they come from in the file, and how they are laid out there."),
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
    contentSize: sizeSchema.describe("[height, width] of the scaled picture inside the input."),
    scale: z.number().describe("Input pixels per image pixel."),
    padTop: z.int(),
    padLeft: z.int(),
  })
  .describe("How the picture was fitted into the network's input.");

const optionsSchema = z
  .object({
    device: z.string(),
    threads: z.int().nullable().describe("null: as many as there are cores."),
    method: z.string(),
    layer: z.union([z.literal("auto"), z.array(z.union([z.int(), z.string()]))]),
    classNames: z.array(z.string()).describe("Empty: all classes."),
    detections: z
      .array(z.int())
      .exactOptional()
      .describe("The detections that were asked for, by their index. Left out: all."),
    backprop: z.array(z.string()),
    backwardPerClass: z.boolean(),
    topk: z.int(),
    per: z.enum(["image", "class", "detection"]),
    scale: z.enum(["each", "common"]),
    versus: z.string().nullable().describe("The class that is compared with."),
    box: boxSchema
      .extend({ className: z.string() })
      .nullable()
      .describe("The box that is asked about, in image pixels."),
    eigenSmooth: z.boolean(),
    augSmooth: z.boolean(),
    keepTopPercent: z.number().describe("Of the pixels, the hottest."),
    compat: z.boolean(),
    seed: z.int(),
    samples: z.int().nullable().describe("null: the method's own number."),
    ablateTo: z.enum(["zero", "mean"]).nullable().describe("What AblationCAM makes of a channel; null: its default."),
    imageSize: sizeSchema.nullable().describe("[height, width] asked for; null: the default."),
    confidence: z.number(),
    iou: z.number(),
    maxDetections: z.int(),
    agnostic: z.boolean(),
    save: z.array(z.enum(["png", "npy", "json"])),
    frame: z.enum(["image", "input"]).describe("Frame of the saved heatmaps."),
    colormap: z.string(),
    opacity: z.number(),
    hideBoxes: z.boolean(),
    hideLabels: z.boolean(),
    sideBySide: z.boolean(),
    crop: z.boolean().describe("The picture without what is hot."),
    cropKeep: z.boolean().describe("The picture without all else."),
  })
  .describe("Every option in effect, defaults included.");

const maskSchema = z
  .object({
    size: sizeSchema,
    counts: z.array(z.int()).describe("Lengths of runs of 0 and 1 in turn, the first of 0; pixels column by column."),
  })
  .describe("In image pixels, as COCO's uncompressed run-length encoding.");

const keypointSchema = z
  .object({
    name: z.string(),
    x: z.number(),
    y: z.number(),
    confidence: z.number().nullable().describe("0..1; null where the model tells none."),
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
  boxImage: boxSchema.describe("Corners; a pixel covers [i, i + 1). Of a turned box the upright rectangle around it."),
  boxInput: boxSchema,
  mask: maskSchema.nullable().describe("Of a segmentation model."),
  keypoints: z.array(keypointSchema).nullable().describe("Of a pose model."),
  angle: z.number().nullable().describe("Of a turned box: radians in [0, π/2), clockwise in the picture."),
  corners: z
    .tuple([pointSchema, pointSchema, pointSchema, pointSchema])
    .nullable()
    .describe("Of a turned box, in image pixels, around it; they may lie outside the picture."),
  row: z.int().describe("Row of the network's predictions [1, R, 5+K] that the box is."),
  level: z.int().describe("Index into model.head.levels."),
  levelName: z.string(),
  stride: z.number(),
  anchor: z.int(),
  cell: z.tuple([z.int(), z.int()]).describe("[x, y] on the level's grid."),
});

const layerSchema = z.object({
  index: z.int().nullable().describe("Index in the network's list of layers; null for a value picked by name."),
  name: z.string(),
  value: z.string().describe("The value in the graph that was tapped."),
  channels: z.int(),
  size: sizeSchema,
  detections: indicesSchema.describe("Detections that this layer explains."),
  blind: indicesSchema.describe("Those whose gradient here is exactly zero."),
  gradientMax: z.number().nullable().describe("Largest absolute gradient; null for methods without gradients."),
  message: z.string().nullable(),
});

const scoreSchema = z.object({
  backprop: z.string(),
  className: z.string().nullable().describe("With backwardPerClass the class."),
  detections: indicesSchema.describe("Detections that are scored together; -1 is the box that was asked about."),
  value: z.number(),
  withoutScore: indicesSchema.describe("Detections that contributed nothing."),
});

const fileSchema = z.string().nullable();

const mapSchema = z
  .object({
    detections: indicesSchema.describe("Detections that the map is about."),
    className: z.string(),
    maximum: z.number().describe("Largest value of the method's raw map, in its own unit."),
    files: z.object({ png: fileSchema, npy: fileSchema }),
  })
  .describe("The map of one detection, or of one class.");

const askedSchema = z
  .object({
    boxImage: boxSchema,
    boxInput: boxSchema,
    className: z.string(),
    row: z.int().describe("The row near the box that speaks most for the class."),
    levelName: z.string(),
    iou: z.number().describe("Of that row's box with the one that is asked about."),
    objectness: z.number(),
    classProbability: z.number(),
    confidence: z.number().describe("objectness × class probability, 0..1."),
    bestClassName: z.string(),
    bestClassProbability: z.number(),
    detection: z.int().nullable().describe("Index of the detection that is this object; null: there is none."),
    verdict: z.string().describe("Why it was, or was not, detected."),
  })
  .describe("What the network made of the box that was asked about.");

const noteSchema = z
  .object({
    name: z.string(),
    value: z.number(),
    layer: z.string().nullable().describe("Name of the layer; null for methods that have none."),
    detections: indicesSchema,
  })
  .describe("A number that the method reports with a map.");

const timingsSchema = z
  .object({
    decode: z.number(),
    letterbox: z.number(),
    forward: z.number(),
    detect: z.number(),
    backward: z.number(),
    finish: z.number(),
    explain: z.number().describe("Letterbox to finish, together."),
    render: z.number().describe("Drawing and encoding the picture and the array."),
  })
  .describe("Milliseconds. The only fields that differ from run to run.");

/** One explained picture: what `<stem>.json` holds, and each entry of `results` that `--json` prints. */
export const resultSchema = z.object({
  schemaVersion: z.literal(resultSchemaVersion),
  tool: toolSchema,
  model: modelSchema,
  image: z.object({ source: z.string().describe("Path or URL as given."), size: sizeSchema }),
  letterbox: letterboxSchema,
  options: optionsSchema,
  detections: z.array(detectionSchema).describe("Highest confidence first."),
  explained: indicesSchema.describe("Detections that the heatmap is about."),
  maps: z.array(mapSchema).describe("One for each class or detection, as options.per says; else empty."),
  asked: askedSchema.nullable().describe("The answer to options.box."),
  layers: z.array(layerSchema),
  scores: z.array(scoreSchema),
  notes: z.array(noteSchema),
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
    .describe("Names in the output folder; null for what was not asked for."),
  timings: timingsSchema,
});

const errorSchema = z.object({ code: z.string(), message: z.string() });

/** What `whybox explain --json` prints: always this one object, for one source and for many. */
export const runSchema = z.object({
  schemaVersion: z.literal(resultSchemaVersion),
  tool: toolSchema,
  outputFolder: z.string().nullable().describe("Absolute path; null when the run stopped before there was one."),
  results: z.array(resultSchema),
  failures: z.array(z.object({ source: z.string(), ...errorSchema.shape })).describe("Sources that gave no result."),
  error: errorSchema.nullable().describe("What stopped the whole run; null when every source was tried."),
  summary: z.object({
    explained: z.int().describe("Results with a heatmap."),
    empty: z.int().describe("Results without one: see their empty field."),
    failed: z.int(),
    notTried: z.int(),
    exitCode: z.int(),
  }),
});

export type RunDocument = Omit<z.infer<typeof runSchema>, "results"> & { readonly results: readonly ResultDocument[] };

/** The document of one image, checked: JSON would write a number that is not finite as null. */
export function checkedDocument(parts: ResultParts): ResultDocument {
  return resultSchema.parse(resultDocument(parts));
}
