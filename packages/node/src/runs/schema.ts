import { join } from "node:path";
import { z } from "zod";

/**
 * Version of the files of a run (docs/runs.md). It is incremented when a field changes its meaning or is removed, not when a field is
 * added.
 */
export const runFilesVersion = 1;

/** Names of the files in a run's folder. */
export const runFiles = {
  manifest: "manifest.json",
  items: "items.jsonl",
  results: "results.jsonl",
  maps: "maps.jsonl",
  timings: "timings.jsonl",
  machines: "machines.json",
  parquet: "detections.parquet",
  /** Which detections are measured, their measurements, and the figures of all. */
  sample: "sample.json",
  measurements: "measurements.jsonl",
  measurementSummary: "measurements.json",
  success: "_SUCCESS",
  lock: "lock",
  /** Images, arrays and videos. */
  files: "files",
  /** After a repair: the whole lines that wait for the items before them. */
  kept: "kept",
  /** The files that a repair replaced. */
  damaged: "damaged",
  /** Incomplete files. */
  temporary: "tmp",
  /** Folder of the shards: `shards/00012` has the same files as a run, except the manifest and the items. */
  shards: "shards",
  plan: "shards.json",
} as const;

export function runItems(folder: string): string {
  return join(folder, runFiles.items);
}

/** Side of the small maps in `maps.jsonl`, in cells. */
export const imageGrid = 32;
export const boxGrid = 24;
/** The small map of a box covers the box, enlarged by this factor about its centre. */
export const boxContext = 2;

const version = z.literal(runFilesVersion);
const digest = z.string().regex(/^[0-9a-f]{64}$/);
const sizeSchema = z.tuple([z.int(), z.int()]).describe("[height, width] in pixels.");
const boxSchema = z
  .tuple([z.number(), z.number(), z.number(), z.number()])
  .describe("Left, top, right, bottom in image pixels, rounded to 0.001; a pixel covers [i, i + 1).");
const pointSchema = z.tuple([z.number(), z.number()]).describe("[x, y] in image pixels.");

/** One line of `items.jsonl`. The number of the item is the line number, from 0. */
export const itemSchema = z.strictObject({
  kind: z.enum(["image", "url", "video", "stream"]),
  source: z.string().describe("A path with slashes, relative to the manifest's root if it is below it, or a URL."),
});

const modelSchema = z.object({
  sha256: digest.describe("SHA-256 of the model file."),
  bytes: z.int(),
  format: z.string(),
  opset: z.int(),
  precision: z.string().optional().describe("Precision of the computation. Missing in runs of older versions."),
  storedPrecision: z.string().optional().describe("Precision of most weights in the file."),
  licence: z.string().nullable().describe("Licence of weights that Whybox downloaded; null for the user's own file."),
  licenceInFile: z
    .string()
    .nullable()
    .optional()
    .describe("Licence as the model file states it. Missing in runs of older versions."),
  task: z.enum(["detect", "segment", "pose", "obb", "classify"]),
  hasObjectness: z.boolean(),
  classNames: z.array(z.string()),
  levels: z.array(z.object({ name: z.string(), stride: z.number() })).describe("Finest first."),
});

/** All settings that the results depend on, except the model and the sources. */
const runOptionsSchema = z.strictObject({
  weights: z.string().describe("A name, a URL, or an absolute path."),
  names: z.string().nullable().describe("Absolute path of a file of class names."),
  anchors: z.string().optional().describe("Anchors, as the option takes them."),
  device: z.string(),
  threads: z.int().describe("Threads within one op, for each worker's session."),
  input: z.record(z.string(), z.json()).nullable().describe("Options of the model's input."),
  explain: z
    .record(z.string(), z.json())
    .describe("Options of the explanation that were set. Others have the method's defaults."),
  save: z.array(z.enum(["png", "npy", "maps"])).describe("Files for each image."),
  frame: z.enum(["image", "input"]),
  draw: z.object({
    colormap: z.string(),
    opacity: z.number(),
    hideBoxes: z.boolean(),
    hideLabels: z.boolean(),
    sideBySide: z.boolean(),
    crop: z.enum(["rest", "hot"]).nullable(),
  }),
  vidStride: z.int().describe("Every n-th frame of a video or stream is used."),
  mapStride: z.int().default(1).describe("Every n-th of these frames is explained. The frames between have its maps."),
  maxFrames: z.int().nullable().describe("Maximum number of frames of a video or stream."),
  allowPrivate: z.boolean().describe("Whether addresses in private networks are allowed."),
});

/** `manifest.json`: the description of the run. It is written once and never changes. */
export const manifestSchema = z.object({
  schemaVersion: version,
  versions: z
    .object({ whybox: z.string(), onnxruntime: z.string(), sharp: z.string() })
    .describe("Versions of the programs that can influence the results."),
  model: modelSchema,
  options: runOptionsSchema,
  root: z.string().describe("Absolute path. The base of relative sources."),
  inputs: z
    .array(
      z.object({
        given: z.string().describe("The argument as passed."),
        kind: z.enum(["file", "folder", "glob", "url", "list", "coco", "yolo", "stdin"]),
        path: z
          .string()
          .nullable()
          .describe("Absolute path of a folder or list. COCO and YOLO lists contain the ground truth."),
      }),
    )
    .describe("The requested sources. The items are their expansion."),
  listing: z
    .object({ recursive: z.boolean(), split: z.string().nullable(), images: z.string().nullable() })
    .describe("Options for reading folders and lists."),
  items: z.object({ count: z.int(), sha256: digest }).describe("Number and digest of items.jsonl."),
});

/** Measurements of a detection's own map relative to its box. */
const heatSchema = z
  .object({
    inBox: z.number().describe("Share of the map's energy inside the box, 0..1."),
    area: z.number().describe("Share of the image's pixels inside the box."),
    ratio: z.number().describe("inBox / area: 1 for a uniform map."),
    peak: pointSchema.describe("Centre of the hottest pixel, the first in reading order."),
    peakInBox: z.boolean(),
    maximum: z.number().describe("Maximum of the method's raw map, in the method's unit; 0: the map is empty."),
  })
  .describe("Shares and ratios, rounded to six digits.");

/** A detection in `results.jsonl` or in a video's frames. */
export const runDetectionSchema = z.object({
  class: z.int().describe("Index into the manifest's model.classNames."),
  name: z.string().describe("Name of the class."),
  score: z.number().describe("objectness × class probability, 0..1, rounded to six digits."),
  objectness: z.number(),
  probability: z.number().describe("Class probability."),
  box: boxSchema,
  level: z.int().describe("Index into the manifest's model.levels."),
  explained: z
    .boolean()
    .describe(
      "False for classes that were not requested, and for new objects in a frame with the maps of another frame.",
    ),
  blind: z.array(z.string()).describe("Layers where the gradient of this detection is exactly zero."),
  heat: heatSchema
    .nullable()
    .describe("Measurements of its own map; null without one (--per image or class, or not explained)."),
  files: z
    .object({ png: z.string().nullable(), npy: z.string().nullable() })
    .nullable()
    .describe("Files of its own map."),
  mask: z
    .object({ counts: z.array(z.int()) })
    .optional()
    .describe(
      "Mask of a segmentation model in COCO's uncompressed format: alternating runs of 0 and 1 over the image, in column order.",
    ),
  corners: z.array(pointSchema).length(4).optional().describe("Corners of a rotated box."),
  keypoints: z
    .array(z.object({ name: z.string(), x: z.number(), y: z.number(), confidence: z.number().nullable() }))
    .optional()
    .describe("Keypoints of a pose model."),
});

const found = {
  size: sizeSchema,
  detections: z.array(runDetectionSchema).describe("Highest score first."),
  empty: z
    .object({ reason: z.string(), message: z.string() })
    .nullable()
    .describe("Set when the heatmap is all zeros, as in a result's JSON."),
  messages: z.array(z.string()).describe("Notes for the user."),
};

const lineHead = { v: version, item: z.int(), source: z.string() };

const imageLine = z.object({
  ...lineHead,
  kind: z.literal("picture"),
  sha256: digest.optional().describe("SHA-256 of the image file. Missing in runs of older versions."),
  ...found,
  files: z
    .object({ png: z.string().nullable(), npy: z.string().nullable() })
    .describe("Paths relative to the run's folder, with slashes."),
});

const videoLine = z.object({
  ...lineHead,
  kind: z.literal("video"),
  size: sizeSchema,
  fps: z.number().nullable().describe("Frames per second of the source; null if unknown."),
  frames: z.int().describe("Number of processed frames, and of lines in the sidecar."),
  stride: z.int(),
  detections: z.int().describe("Number of detections in all frames."),
  warning: z.string().nullable().describe("Error message of the decoder. The frames before the error are kept."),
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
export const resultLineSchema = z.discriminatedUnion("kind", [imageLine, videoLine, failureLine]);

/** One line of a video's sidecar. */
export const frameLineSchema = z.object({
  v: version,
  item: z.int(),
  frame: z.int().describe("Frame number in the source, from 0: a multiple of the stride."),
  time: z.number().nullable().describe("Seconds from the start, computed from the source's frames per second."),
  mapFrame: z
    .int()
    .optional()
    .describe(
      "The frame whose maps this frame has. The detections are its own; their heat and maps come from the same objects in that frame. Missing when this frame was explained.",
    ),
  ...found,
});

const cells = (side: number) => z.base64().describe(`Base64 of ${side} × ${side} bytes, row-major, 255 × the map.`);

/** One line of `maps.jsonl`: line n is item n. `maps` is empty for failures, and for videos, whose maps have their own file. */
export const mapLineSchema = z.object({
  v: version,
  item: z.int(),
  frame: z.int().optional().describe("Frame number, in the maps of a video."),
  maps: z.array(
    z.object({
      detections: z.array(z.int()).describe("Indices into the line's detections."),
      picture: cells(imageGrid).describe("The map, scaled to the image."),
      box: cells(boxGrid)
        .nullable()
        .describe(
          "The map in twice the box about its centre. Cells outside the image are 0. null for a map of several detections.",
        ),
    }),
  ),
});

/** Times of an item without any work. */
export const noTime: TimingLine["ms"] = { decode: 0, explain: 0, measure: 0, write: 0 };

/** One line of `timings.jsonl`: line n is item n. It differs between runs. */
export const timingLineSchema = z.object({
  v: version,
  item: z.int(),
  frames: z.int().describe("1 for an image, 0 for a failure. The times are sums over all frames."),
  ms: z.object({ decode: z.number(), explain: z.number(), measure: z.number(), write: z.number() }),
});

const machineSchema = z.object({
  os: z.string(),
  release: z.string().describe("Version of the operating system's kernel."),
  arch: z.string(),
  cpu: z.string(),
  cores: z.int().describe("Number of cores that the process may use."),
  memory: z.int().describe("Bytes of main memory."),
  node: z.string().describe("Version of Node."),
  first: z.iso.datetime().describe("When it first began to work on the run."),
  last: z.iso.datetime().describe("When it last began, or was done."),
});

/** `machines.json`: the machines that worked on the run. It differs between runs. */
export const machinesSchema = z.object({ schemaVersion: version, machines: z.array(machineSchema) });

const range = { first: z.int(), end: z.int().describe("The item after the last one.") };

/** `_SUCCESS`: written last, when each item has its line. */
export const successSchema = z.object({
  schemaVersion: version,
  ...range,
  failures: z.int(),
  detections: z.int(),
  files: z.record(z.enum(["results.jsonl", "maps.jsonl"]), z.object({ bytes: z.int(), sha256: digest })),
});

/** `shards.json`: the shards of a run. */
export const shardPlanSchema = z.object({
  schemaVersion: version,
  manifest: digest.describe("SHA-256 of manifest.json."),
  shards: z.array(
    z.object({ ...range, offset: z.int().describe("Byte offset of the first item's line in items.jsonl.") }),
  ),
});

export type RunItem = z.infer<typeof itemSchema>;
export type RunOptionsRecord = z.infer<typeof runOptionsSchema>;
export type SourceSettings = Pick<RunOptionsRecord, "vidStride" | "mapStride" | "maxFrames" | "allowPrivate">;
export type Manifest = z.infer<typeof manifestSchema>;
export type RunDetection = z.infer<typeof runDetectionSchema>;
export type RunImageLine = z.infer<typeof imageLine>;
export type RunVideoLine = z.infer<typeof videoLine>;
export type RunFailureLine = z.infer<typeof failureLine>;
export type ResultLine = z.infer<typeof resultLineSchema>;
export type FrameLine = z.infer<typeof frameLineSchema>;
export type MapLine = z.infer<typeof mapLineSchema>;
export type TimingLine = z.infer<typeof timingLineSchema>;
export type RunMachine = z.infer<typeof machineSchema>;
export type SuccessMark = z.infer<typeof successSchema>;
export type ShardPlan = z.infer<typeof shardPlanSchema>;
