import { z } from "zod";
import { boxGrid, imageGrid, machinesSchema, runFiles } from "../runs/schema.js";

/**
 * Version of evidence.json and review.json. It is incremented when a field changes its meaning or is removed, not when a field is
 * added.
 */
export const evidenceSchemaVersion = 1;

const { results, maps, measurements, measurementSummary } = runFiles;

/** Names of the files in a bundle (docs/evidence.md). */
export const evidenceFiles = {
  document: "evidence.json",
  page: "index.html",
  sums: "SHA256SUMS",
  ...{ results, maps, measurements, measurementSummary },
  check: "check.json",
  /** Folder of the image files. */
  images: "images",
  /** Written by a reviewer, and not in SHA256SUMS. */
  review: "review.json",
} as const;

/** Most items of a run in a bundle. The document lists each of them. */
export const maxItems = 100_000;

const digest = z.string().regex(/^[0-9a-f]{64}$/);
const stated = z.string().nullable();
const fileSchema = z.object({ bytes: z.int(), sha256: digest });

/** What a reader must know about the evidence, by name. The texts have the numbers. */
export const limitIds = [
  "supporting-evidence",
  "these-images",
  "unsigned",
  "question-not-stated",
  "stakeholder-not-stated",
  "sampling-not-stated",
  "few-images",
  "unfinished",
  "failures",
  "not-measured",
  "measurement-failures",
  "few-measured-images",
  "not-better-than-blob",
  "not-better-than-random",
  "not-checked",
  "check-failed",
  "check-undecided",
  "check-of-other-method",
  "check-without-control",
  "without-detections",
  "empty-maps",
  "shared-maps",
  "blind-layers",
  "carried-maps",
  "no-raw-maps",
  "digests-taken-later",
  "digests-missing",
  "images-changed",
  "licence-not-stated",
  "precision-not-stated",
  "machine-not-stated",
  "several-machines",
] as const;

export type LimitId = (typeof limitIds)[number];

const imageSchema = z.object({
  item: z.int().describe("Number of the item in the run, and of its line in results.jsonl."),
  kind: z.enum(["image", "url", "video", "stream"]),
  source: z.string().describe("Name of the image. Without folders of the machine, passwords and queries."),
  sha256: digest.nullable().describe("SHA-256 of the file; null if it is not known."),
  digestFrom: z
    .enum(["run", "bundle"])
    .nullable()
    .describe("When the digest was taken: when the image was explained, or when the bundle was made."),
  size: z.tuple([z.int(), z.int()]).nullable().describe("[height, width]; null for a failure."),
  detections: z.int(),
  frames: z.int().nullable().describe("Number of processed frames of a video; null for an image."),
  file: z.string().nullable().describe("The image in the bundle; null if it was not copied."),
});

/** `evidence.json`. */
export const evidenceSchema = z.object({
  schemaVersion: z.literal(evidenceSchemaVersion),
  kind: z.literal("evidence"),
  tool: z.object({ name: z.literal("whybox"), version: z.string() }).describe("What made the bundle."),
  question: stated.describe("The question that the evidence is about, as given; null: not stated."),
  stakeholder: stated.describe("Who asks it, as given; null: not stated."),
  run: z.object({
    name: z.string(),
    began: z.iso.datetime().nullable().describe("Null for runs of older versions."),
    ended: z.iso.datetime().nullable(),
    finished: z.boolean(),
    items: z.int().describe("Number of items of the run."),
    done: z.int().describe("Number of items with a line in results.jsonl."),
    failures: z.int(),
    detections: z.int(),
    files: z
      .record(z.string(), fileSchema)
      .describe("The files of the run's folder that the bundle was made from, as they are there."),
  }),
  model: z.object({
    name: z.string().describe("Name of the file or of the weights, without folders."),
    sha256: digest,
    bytes: z.int(),
    format: z.string(),
    opset: z.int(),
    precision: stated.describe("Precision of the computation; null: not stated."),
    storedPrecision: stated.describe("Precision of most weights in the file."),
    licence: stated,
    licenceInFile: stated.describe("Licence as the metadata of the model file states it. Nobody has checked it."),
    licenceFrom: z.enum(["option", "weights"]).nullable().describe("weights: known for weights that Whybox downloads."),
    task: z.string(),
    classNames: z.array(z.string()),
    levels: z.array(z.object({ name: z.string(), stride: z.number() })),
  }),
  software: z.object({ whybox: z.string(), onnxruntime: z.string(), sharp: z.string() }).describe("Of the run."),
  machines: machinesSchema.shape.machines.describe("The machines that worked on the run; empty: not stated."),
  settings: z.object({
    device: z.string(),
    threads: z.int().describe("Threads within one op."),
    method: z.string(),
    methodTitle: stated,
    methodSource: stated.describe("The paper or program that the method is from."),
    layers: z.string().describe("In words."),
    scores: z.array(z.object({ id: z.string(), title: z.string() })).describe("The scores that are explained."),
    seed: z.int().describe("Seed of the method's random numbers."),
    normalisation: z.string().describe("How the values of a map are scaled, in words."),
    explain: z.record(z.string(), z.json()).describe("All options of the explanation, with defaults."),
    input: z.record(z.string(), z.json()).nullable().describe("Options of the model's input, if they were set."),
    frame: z.string(),
    videoStride: z.int(),
    mapStride: z.int(),
  }),
  sampling: z.object({
    stated: stated.describe("How the images were chosen, as given; null: not stated."),
    inputs: z.array(z.object({ kind: z.string(), name: z.string() })).describe("What the run was asked for."),
    recursive: z.boolean(),
    split: stated.describe("Split of a YOLO dataset."),
  }),
  images: z.array(imageSchema).max(maxItems).describe("Every item of the run that is done, in order."),
  failures: z
    .array(z.object({ item: z.int(), source: z.string(), code: z.string(), message: z.string() }))
    .max(maxItems),
  refusals: z
    .object({
      withoutDetections: z.int().describe("Images and frames without a detection."),
      emptyMaps: z.int().describe("Detections whose map is zero everywhere."),
      withoutOwnMap: z.int().describe("Detections without a map of their own."),
      blind: z.int().describe("Detections with a gradient of exactly zero at a layer."),
      carried: z.int().describe("Frames of a video with the maps of another frame."),
    })
    .describe("Where there is no explanation, or a part of one."),
  maps: z.object({
    small: z
      .object({ file: z.literal(evidenceFiles.maps), side: z.literal(imageGrid), boxSide: z.literal(boxGrid) })
      .describe("A map of each detection in 8 bits: the whole image, and twice the box about its centre."),
    raw: z.object({ files: z.int() }).nullable().describe("Maps in full resolution (.npy, float32); null: not stored."),
  }),
  measurements: z
    .object({ sampled: z.int(), measured: z.int(), images: z.int(), seed: z.int() })
    .nullable()
    .describe("measurements.json and measurements.jsonl; null: not measured."),
  check: z
    .object({ verdict: z.string(), methods: z.array(z.string()), images: z.int(), seed: z.int() })
    .nullable()
    .describe("check.json; null: not checked."),
  shown: z
    .object({
      seed: z.int(),
      detections: z.array(z.object({ item: z.int(), detection: z.int() })),
    })
    .describe("The detections whose maps the page shows: a random sample of those with a map of their own."),
  limits: z.array(z.object({ id: z.enum(limitIds), text: z.string() })),
  contents: z
    .object({ files: z.int(), bytes: z.int() })
    .describe("Number and size of the files of the bundle, without evidence.json and SHA256SUMS."),
});

export const verdicts = ["accepted", "accepted-with-limits", "rejected"] as const;

/** `review.json`: what a reviewer says about a bundle. */
export const reviewSchema = z.object({
  schemaVersion: z.literal(evidenceSchemaVersion),
  kind: z.literal("review"),
  bundle: digest.describe("SHA-256 of the bundle's SHA256SUMS."),
  reviewer: z.string().min(1),
  verdict: z.enum(verdicts),
  comment: z.string().nullable(),
  date: z.iso.datetime(),
});

export type Evidence = z.infer<typeof evidenceSchema>;
export type EvidenceImage = Evidence["images"][number];
export type Limit = Evidence["limits"][number];
export type Review = z.infer<typeof reviewSchema>;
