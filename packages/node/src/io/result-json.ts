import type { Detection, ExplainResult, LayerDiagnosis } from "@whybox/core";
import { z } from "zod";
import type { ModelReport } from "../api.js";
import type { ResultKind } from "../batch/names.js";
import type { BatchSettings } from "../batch/settings.js";

/** Grows by one when a field changes its meaning or goes away; new fields do not count. */
export const resultSchemaVersion = 1;

const sizeSchema = z.tuple([z.int(), z.int()]).describe("[height, width]");
const boxSchema = z
  .object({ x1: z.number(), y1: z.number(), x2: z.number(), y2: z.number() })
  .describe("Corners; a pixel covers [i, i + 1).");
const indicesSchema = z.array(z.int()).describe("Indices into detections.");

const toolSchema = z.object({ name: z.literal("whybox"), version: z.string() });

const modelSchema = z.object({
  source: z.string().describe("Path or name as given."),
  sha256: z.string().describe("Hex digest of the model file that ran."),
  bytes: z.int(),
  licence: z.string().nullable().describe("Of weights that Whybox fetched; null for the user's own file."),
  format: z.string(),
  opset: z.int(),
  classCount: z.int(),
  head: z.object({
    kind: z.string(),
    output: z.string(),
    levels: z.array(z.object({ name: z.string(), stride: z.number(), anchors: z.int(), input: z.string() })),
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
    backprop: z.array(z.string()),
    backwardPerClass: z.boolean(),
    topk: z.int(),
    imageSize: sizeSchema.nullable().describe("[height, width] asked for; null: the default."),
    confidence: z.number(),
    iou: z.number(),
    maxDetections: z.int(),
    agnostic: z.boolean(),
    save: z.array(z.enum(["png", "npy", "json"])),
    frame: z.enum(["image", "input"]).describe("Frame of the saved heatmap."),
    colormap: z.string(),
    opacity: z.number(),
    hideBoxes: z.boolean(),
    hideLabels: z.boolean(),
    sideBySide: z.boolean(),
  })
  .describe("Every option in effect, defaults included.");

const detectionSchema = z.object({
  index: z.int(),
  classIndex: z.int(),
  className: z.string(),
  confidence: z.number().describe("objectness × class probability, 0..1."),
  objectness: z.number(),
  classProbability: z.number(),
  boxImage: boxSchema,
  boxInput: boxSchema,
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
  value: z.number(),
  withoutScore: indicesSchema.describe("Detections that contributed nothing."),
});

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
  layers: z.array(layerSchema),
  scores: z.array(scoreSchema),
  empty: z
    .object({
      reason: z.enum(["no-detection", "class-not-detected", "no-score", "zero-gradient"]),
      message: z.string(),
    })
    .nullable()
    .describe("Set when the heatmap is all zeros."),
  files: z
    .object({ png: z.string().nullable(), npy: z.string().nullable(), json: z.string().nullable() })
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

export type ResultDocument = z.infer<typeof resultSchema>;
export type RunDocument = z.infer<typeof runSchema>;

export interface ResultParts {
  readonly version: string;
  readonly model: ModelReport;
  readonly source: string;
  readonly settings: BatchSettings;
  readonly result: ExplainResult;
  readonly files: Readonly<Record<ResultKind, string | null>>;
  /** Milliseconds. */
  readonly decode: number;
  readonly render: number;
}

/**
 * The document of one picture, checked against its own schema (a number that is not finite would turn into null without
 * a word). Deterministic apart from `timings`.
 */
export function buildResultDocument(parts: ResultParts): ResultDocument {
  const { result } = parts;
  return resultSchema.parse({
    schemaVersion: resultSchemaVersion,
    tool: { name: "whybox", version: parts.version },
    model: modelPart(parts.model),
    image: { source: parts.source, size: result.letterbox.imageSize },
    letterbox: result.letterbox,
    options: optionsPart(parts.settings, result),
    detections: result.detections.map(detectionPart),
    explained: result.explained,
    layers: result.layers.map(layerPart),
    scores: result.scores,
    empty: result.empty ?? null,
    files: parts.files,
    timings: timingsPart(parts),
  });
}

function modelPart(model: ModelReport): ResultDocument["model"] {
  return {
    source: model.source,
    sha256: model.sha256,
    bytes: model.bytes,
    licence: model.licence ?? null,
    format: model.format,
    opset: model.opset,
    classCount: model.classNames.length,
    head: { ...model.head, levels: model.head.levels.map((level) => ({ ...level })) },
  };
}

function optionsPart(settings: BatchSettings, result: ExplainResult): ResultDocument["options"] {
  const { layer, imageSize, classNames, backprop: _, ...rest } = settings.explain;
  return {
    device: settings.device,
    threads: settings.threads ?? null,
    ...rest,
    method: result.method,
    layer: layer === "auto" ? "auto" : Array.isArray(layer) ? [...layer] : [layer as string | number],
    classNames: [...classNames],
    backprop: [...result.backprop],
    imageSize: imageSize === undefined ? null : typeof imageSize === "number" ? [imageSize, imageSize] : [...imageSize],
    save: [...settings.save],
    frame: settings.frame,
    colormap: settings.colormap,
    opacity: settings.opacity,
    hideBoxes: settings.hideBoxes,
    hideLabels: settings.hideLabels,
    sideBySide: settings.sideBySide,
  };
}

function detectionPart(detection: Detection): ResultDocument["detections"][number] {
  return {
    ...detection,
    boxImage: corners(detection.boxImage),
    boxInput: corners(detection.boxInput),
    cell: [...detection.cell],
  };
}

function corners(box: Detection["boxImage" | "boxInput"]): z.infer<typeof boxSchema> {
  return { x1: box.x1, y1: box.y1, x2: box.x2, y2: box.y2 };
}

function layerPart(layer: LayerDiagnosis): unknown {
  return { ...layer, index: layer.index ?? null, message: layer.message ?? null };
}

function timingsPart({ decode, render, result }: ResultParts): ResultDocument["timings"] {
  const { total, ...stages } = result.timings;
  return { decode, ...stages, explain: total, render };
}
