import { z } from "zod";

/**
 * The files of a run, told in docs/runs.md. This number grows when a field changes its meaning or goes away; new fields do not
 * count.
 */
export const runFilesVersion = 1;

/** Names of the files in a run's folder. */
export const runFiles = {
  manifest: "manifest.json",
  items: "items.jsonl",
  results: "results.jsonl",
  maps: "maps.jsonl",
  timings: "timings.jsonl",
  parquet: "detections.parquet",
  success: "_SUCCESS",
  lock: "lock",
  /** Pictures, arrays and videos. */
  files: "files",
  /** What is not whole yet. */
  temporary: "tmp",
  /** Where shards lie: `shards/00012` has the same files as a run, but for the manifest and the items. */
  shards: "shards",
  plan: "shards.json",
} as const;

/** Cells of the small maps in `maps.jsonl`, `[rows, columns]`. */
export const pictureGrid = 32;
export const boxGrid = 24;
/** The small map around a box covers the box, this many times as wide and as high, about its centre. */
export const boxContext = 2;

const version = z.literal(runFilesVersion);
const digest = z.string().regex(/^[0-9a-f]{64}$/);
const sizeSchema = z.tuple([z.int(), z.int()]).describe("[height, width] in pixels.");
const boxSchema = z
  .tuple([z.number(), z.number(), z.number(), z.number()])
  .describe("Left, top, right, bottom in pixels of the picture, to 0.001; a pixel covers [i, i + 1).");
const pointSchema = z.tuple([z.number(), z.number()]).describe("[x, y] in pixels of the picture.");

/** One line of `items.jsonl`. The line's number, from 0, is the item's. */
export const itemSchema = z.strictObject({
  kind: z.enum(["image", "url", "video", "stream"]),
  source: z
    .string()
    .describe("A path with slashes, relative to the manifest's root where it lies below it, or an address."),
});

const modelSchema = z.object({
  sha256: digest.describe("Of the model file that runs."),
  bytes: z.int(),
  format: z.string(),
  opset: z.int(),
  licence: z.string().nullable(),
  task: z.enum(["detect", "segment", "pose", "obb"]),
  hasObjectness: z.boolean(),
  classNames: z.array(z.string()),
  levels: z.array(z.object({ name: z.string(), stride: z.number() })).describe("Finest first."),
});

/** Everything that the results depend on, besides the model and the sources. */
const runOptionsSchema = z.strictObject({
  weights: z.string().describe("A name, an address, or an absolute path."),
  names: z.string().nullable().describe("Absolute path of a file of class names."),
  device: z.string(),
  threads: z.int().describe("Inside one operation, of each worker's session."),
  input: z.record(z.string(), z.json()).nullable().describe("What was said of the model's input."),
  explain: z
    .record(z.string(), z.json())
    .describe("Options of the explanation that were set; the rest is the method's."),
  save: z.array(z.enum(["png", "npy"])).describe("Files for each picture."),
  frame: z.enum(["image", "input"]),
  draw: z.object({
    colormap: z.string(),
    opacity: z.number(),
    hideBoxes: z.boolean(),
    hideLabels: z.boolean(),
    sideBySide: z.boolean(),
    crop: z.enum(["rest", "hot"]).nullable(),
  }),
  vidStride: z.int().describe("Of videos and streams every so-manieth frame."),
  mapStride: z
    .int()
    .default(1)
    .describe("Of these frames every so-manieth is explained; those between carry its maps."),
  maxFrames: z.int().nullable().describe("Of a video or stream at most so many frames."),
  allowPrivate: z.boolean().describe("Whether addresses of private networks are fetched from."),
});

/** `manifest.json`: what the run is. Never written again. */
export const manifestSchema = z.object({
  schemaVersion: version,
  versions: z
    .object({ whybox: z.string(), onnxruntime: z.string(), sharp: z.string() })
    .describe("Programs whose change may change a number."),
  model: modelSchema,
  options: runOptionsSchema,
  root: z.string().describe("Absolute path; sources that are relative paths start here."),
  inputs: z
    .array(
      z.object({
        given: z.string().describe("As typed."),
        kind: z.enum(["file", "folder", "glob", "url", "list", "coco", "yolo", "stdin"]),
        path: z
          .string()
          .nullable()
          .describe("Absolute path of a folder or of a list; a COCO or YOLO one has the truth."),
      }),
    )
    .describe("What was asked for; the items are what it was."),
  listing: z
    .object({ recursive: z.boolean(), split: z.string().nullable(), images: z.string().nullable() })
    .describe("How folders and lists were read."),
  items: z.object({ count: z.int(), sha256: digest }).describe("Of items.jsonl."),
});

/** How a detection's own map lies to its box. */
const heatSchema = z
  .object({
    inBox: z.number().describe("Share of the map's energy inside the box, 0..1."),
    area: z.number().describe("Share of the picture's pixels inside the box."),
    ratio: z.number().describe("inBox / area: 1 for a uniform map."),
    peak: pointSchema.describe("Centre of the hottest pixel, the first in reading order."),
    peakInBox: z.boolean(),
    maximum: z.number().describe("Largest value of the method's raw map, in its own unit; 0: there is no heat."),
  })
  .describe("Shares and ratios to six digits.");

/** A detection in `results.jsonl` or in a video's frames. */
export const runDetectionSchema = z.object({
  class: z.int().describe("Index into the manifest's model.classNames."),
  name: z.string().describe("Of the class."),
  score: z.number().describe("objectness × class probability, 0..1, to six digits."),
  objectness: z.number(),
  probability: z.number().describe("Of the class."),
  box: boxSchema,
  level: z.int().describe("Index into the manifest's model.levels."),
  explained: z
    .boolean()
    .describe("False for classes that were not asked for, and for what is new in a frame that carries maps."),
  blind: z.array(z.string()).describe("Layers that cannot see it: its gradient there is exactly zero."),
  heat: heatSchema.nullable().describe("Of its own map; null without one (--per image or class, or not explained)."),
  files: z.object({ png: z.string().nullable(), npy: z.string().nullable() }).nullable().describe("Of its own map."),
  mask: z
    .object({ counts: z.array(z.int()) })
    .optional()
    .describe(
      "Of a segmentation model: COCO's uncompressed runs over the picture, of 0 and 1 in turn, column by column.",
    ),
  corners: z.array(pointSchema).length(4).optional().describe("Of a turned box."),
  keypoints: z
    .array(z.object({ name: z.string(), x: z.number(), y: z.number(), confidence: z.number().nullable() }))
    .optional()
    .describe("Of a pose model."),
});

const found = {
  size: sizeSchema,
  detections: z.array(runDetectionSchema).describe("Highest score first."),
  empty: z
    .object({ reason: z.string(), message: z.string() })
    .nullable()
    .describe("Set when the heatmap is all zeros, as in a result's JSON."),
  messages: z.array(z.string()).describe("What a person should know and do."),
};

const lineHead = { v: version, item: z.int(), source: z.string() };

const pictureLine = z.object({
  ...lineHead,
  kind: z.literal("picture"),
  ...found,
  files: z
    .object({ png: z.string().nullable(), npy: z.string().nullable() })
    .describe("Paths from the run's folder, with slashes."),
});

const videoLine = z.object({
  ...lineHead,
  kind: z.literal("video"),
  size: sizeSchema,
  fps: z.number().nullable().describe("Frames a second of the source; null where it does not say."),
  frames: z.int().describe("That were explained: so many lines has the sidecar."),
  stride: z.int(),
  detections: z.int().describe("In all frames together."),
  warning: z.string().nullable().describe("What the decoder complained of, with the frames before it kept."),
  files: z
    .object({ video: z.string(), frames: z.string(), maps: z.string() })
    .describe("Overlay, sidecar, small maps."),
});

const failureLine = z.object({
  ...lineHead,
  kind: z.literal("failure"),
  error: z.object({ code: z.string(), message: z.string() }),
});

/** One line of `results.jsonl`: line n is item n. */
export const resultLineSchema = z.discriminatedUnion("kind", [pictureLine, videoLine, failureLine]);

/** One line of a video's sidecar. */
export const frameLineSchema = z.object({
  v: version,
  item: z.int(),
  frame: z.int().describe("Number in the source, from 0: a multiple of the stride."),
  time: z.number().nullable().describe("Seconds from the start, from the source's frames a second."),
  mapFrame: z
    .int()
    .optional()
    .describe(
      "The frame whose maps this one carries: its detections are its own, their heat and maps those of the same objects there. Without it the frame was explained itself.",
    ),
  ...found,
});

const cells = (side: number) => z.base64().describe(`Base64 of ${side} × ${side} bytes, row-major, 255 × the map.`);

/** One line of `maps.jsonl`: line n is item n; empty `maps` for failures and videos, whose maps have a file of their own. */
export const mapLineSchema = z.object({
  v: version,
  item: z.int(),
  frame: z.int().optional().describe("In the maps of a video."),
  maps: z.array(
    z.object({
      detections: z.array(z.int()).describe("Indices into the line's detections."),
      picture: cells(pictureGrid).describe("The map, stretched over the picture."),
      box: cells(boxGrid)
        .nullable()
        .describe("Twice the box about its centre; cells outside of the picture are 0. Null: of several detections."),
    }),
  ),
});

/** The `ms` of what took no time. */
export const noTime: TimingLine["ms"] = { decode: 0, explain: 0, measure: 0, write: 0 };

/** One line of `timings.jsonl`: line n is item n. The only file that differs from run to run. */
export const timingLineSchema = z.object({
  v: version,
  item: z.int(),
  frames: z.int().describe("1 for a picture, 0 for a failure; times are sums over them."),
  ms: z.object({ decode: z.number(), explain: z.number(), measure: z.number(), write: z.number() }),
});

const range = { first: z.int(), end: z.int().describe("The item behind the last one.") };

/** `_SUCCESS`: written last, and only when every item has its line. */
export const successSchema = z.object({
  schemaVersion: version,
  ...range,
  failures: z.int(),
  detections: z.int(),
  files: z.record(z.enum(["results.jsonl", "maps.jsonl"]), z.object({ bytes: z.int(), sha256: digest })),
});

/** `shards.json`: how a run is cut. */
export const shardPlanSchema = z.object({
  schemaVersion: version,
  manifest: digest.describe("SHA-256 of manifest.json."),
  shards: z.array(
    z.object({ ...range, offset: z.int().describe("Of the first item's line in items.jsonl, in bytes.") }),
  ),
});

export type RunItem = z.infer<typeof itemSchema>;
export type RunOptionsRecord = z.infer<typeof runOptionsSchema>;
export type Manifest = z.infer<typeof manifestSchema>;
export type RunDetection = z.infer<typeof runDetectionSchema>;
export type RunPictureLine = z.infer<typeof pictureLine>;
export type RunVideoLine = z.infer<typeof videoLine>;
export type RunFailureLine = z.infer<typeof failureLine>;
export type ResultLine = z.infer<typeof resultLineSchema>;
export type FrameLine = z.infer<typeof frameLineSchema>;
export type MapLine = z.infer<typeof mapLineSchema>;
export type TimingLine = z.infer<typeof timingLineSchema>;
export type SuccessMark = z.infer<typeof successSchema>;
export type ShardPlan = z.infer<typeof shardPlanSchema>;
