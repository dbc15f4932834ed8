import { z } from "zod";

const share = z.number();

const runFacts = z.object({
  folder: z.string(),
  weights: z.string().describe("As the run names them."),
  sha256: z.string().describe("SHA-256 of the model."),
  finished: z.boolean(),
  failures: z.int().describe("Number of items that could not be explained."),
  detections: z.int().describe("Number of detections in the images that are in both runs."),
});

const side = z.object({
  index: z.int().describe("Index among the detections of the image."),
  score: z.number(),
  // No tuple: clients that read JSON Schema of 2019 take its form for an array without entries.
  box: z.array(z.number()).length(4).describe("Left, top, right, bottom in image pixels."),
  inBox: share
    .nullable()
    .describe("Share of the heat inside the box; null without a map of its own, and for a classifier."),
});

const place = {
  source: z.string().describe("The image in RUN_A."),
  frame: z.int().nullable().describe("Number of the frame of a video; null for an image."),
  name: z.string().describe("Name of the class."),
};

const onlyThere = z.object({ ...place, ...side.shape });

const pairSchema = z.object({
  ...place,
  a: side,
  b: side,
  iou: share.describe("IoU of the two boxes."),
  figures: z
    .object({
      correlation: z.number().describe("Rank correlation of the two maps, −1..1."),
      overlap: share.describe("Share of the hottest tenth of the cells that the maps have in common."),
      shift: share.describe("Distance of the centres of heat, as a share of the image's diagonal."),
      inBoxChange: z.number().nullable().describe("inBox in RUN_B minus inBox in RUN_A; null for a classifier."),
    })
    .nullable()
    .describe("null when one of the two has no map of its own."),
  moved: z
    .array(z.enum(["correlation", "overlap", "shift", "inBoxChange"]))
    .describe("The figures beyond their limits. The attention moved when there is one."),
});

/** The JSON of `whybox compare`, without its version and tool. */
export const comparisonSchema = z.object({
  passed: z.boolean(),
  problems: z.array(z.string()).describe("Why the check failed, in sentences."),
  notes: z.array(z.string()).describe("What the reader should know."),
  limits: z.record(z.string(), z.number()).describe("The options that were used."),
  runs: z.object({ a: runFacts, b: runFacts }),
  images: z.object({
    compared: z.int(),
    onlyInA: z.array(z.string()),
    onlyInB: z.array(z.string()),
    changed: z.array(z.string()).describe("Images with the same name and another content."),
  }),
  counts: z.object({
    paired: z.int().describe("Detections in both runs."),
    compared: z.int().describe("Those with a map of their own in both."),
    moved: z.int(),
    lost: z.int(),
    gained: z.int(),
  }),
  medians: z
    .object({ correlation: z.number(), overlap: share, shift: share, inBoxChange: z.number().nullable() })
    .nullable()
    .describe("Medians over the compared detections. null when none was compared."),
  pairs: z.array(pairSchema).describe("Worst first."),
  lost: z.array(onlyThere).describe("Detections of RUN_A that are not in RUN_B, highest score first."),
  gained: z.array(onlyThere).describe("Detections of RUN_B that are not in RUN_A, highest score first."),
});

export type Comparison = z.infer<typeof comparisonSchema>;
export type ComparedPair = Comparison["pairs"][number];
export type OneSided = Comparison["lost"][number];
export type Figures = NonNullable<ComparedPair["figures"]>;
