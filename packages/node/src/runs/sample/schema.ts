import {
  confidenceGroups,
  type MeasurementLine,
  type MeasurementSummary,
  measurementsVersion,
  sizeGroups,
} from "@whybox/report";
import { z } from "zod";
import { measurementSchema } from "../../io/result-schema.js";

const version = z.literal(measurementsVersion);
const size = z.enum(sizeGroups.map(({ id }) => id)).describe("Group of the area: under 4 %, to 16 %, above.");
const confidence = z
  .enum(confidenceGroups.map(({ id }) => id))
  .describe("Group of the score: under 50 %, to 80 %, above.");
const digest = z.string().regex(/^[0-9a-f]{64}$/);

/** A detection of the sample. */
const chosenShape = {
  item: z.int().describe("Number of the image in the run."),
  source: z.string(),
  detection: z.int().describe("Index in the detections of the image."),
  class: z.int(),
  name: z.string().describe("Name of the class."),
  score: z.number().describe("Confidence, 0..1."),
  confidence,
  area: z.number().describe("The box's share of the image."),
  size,
};

const sampleShape = {
  asked: z.int().describe("The number that was asked for."),
  seed: z.int(),
  candidates: z
    .int()
    .describe("Number of detections that the sample was drawn from: those of images, with their own maps."),
  results: digest.describe("SHA-256 of results.jsonl."),
};

/** `sample.json`: which detections are measured. Written before the first of them is. */
export const sampleSchema = z.object({
  schemaVersion: version,
  ...sampleShape,
  detections: z
    .array(z.object({ ...chosenShape, box: z.tuple([z.number(), z.number(), z.number(), z.number()]) }))
    .describe("In the order of the run."),
});

/** One line of `measurements.jsonl`: line n is detection n of the sample. */
export const measurementLineSchema: z.ZodType<MeasurementLine> = z.object({
  v: version,
  number: z.int().describe("Number of the line, from 0."),
  ...chosenShape,
  measured: measurementSchema.nullable().describe("Null if the detection could not be measured."),
  error: z.object({ code: z.string(), message: z.string() }).nullable().describe("Why it could not be measured."),
});

const estimateSchema = z
  .object({ mean: z.number(), low: z.number().nullable(), high: z.number().nullable() })
  .describe("A mean and its 95 % bootstrap interval over images; null with one image.");

const comparisonSchema = z.object({
  map: estimateSchema,
  gaussian: estimateSchema.describe("A Gaussian at the box."),
  random: estimateSchema.describe("A map of random numbers."),
  overGaussian: estimateSchema.describe("The map minus the Gaussian, paired."),
  overRandom: estimateSchema.describe("The map minus the random map, paired."),
});

const groupSchema = z.object({
  id: z.string(),
  title: z.string(),
  detections: z.int(),
  images: z.int(),
  figures: z
    .object({
      image: comparisonSchema.describe("Over-all scores: area under insertion minus area under deletion, −1..1."),
      withinBox: comparisonSchema.describe("The same with the pixels of the box only."),
      sufficientOverBox: z
        .object({ map: z.number(), gaussian: z.number() })
        .describe(
          "Medians of the smallest share that restores half of the score, as a multiple of the area of the box.",
        ),
    })
    .nullable()
    .describe("Null without detections."),
});

/** `measurements.json`: the figures of the sample. */
export const measurementSummarySchema: z.ZodType<MeasurementSummary> = z.object({
  schemaVersion: version,
  ...sampleShape,
  sampled: z.int(),
  measured: z.int(),
  failed: z.int(),
  images: z.int().describe("Number of images with measured detections."),
  isSmall: z.boolean().describe("Whether the images are too few for exact intervals."),
  sentences: z.array(z.string()).describe("What the figures say, in plain words."),
  overall: groupSchema,
  bySize: z.array(groupSchema),
  byConfidence: z.array(groupSchema),
});

export type Sample = z.infer<typeof sampleSchema>;
export type Chosen = Sample["detections"][number];
