import { type CheckDocument, checkIds, checkSchemaVersion } from "@whybox/report";
import { z } from "zod";

const verdict = z
  .enum(["pass", "fail", "undecided", "not-possible"])
  .describe(
    '"undecided": too few images, or an interval that contains the limit. "not-possible": the check does not apply to the model, the method or the images.',
  );

const interval = z
  .object({ mean: z.number(), low: z.number(), high: z.number() })
  .describe("A mean over maps, and its 95 % bootstrap interval over images.");

const checkId = z.enum(checkIds);

const figures = z.object({
  verdict,
  maps: z.int().describe("Number of maps that were compared."),
  images: z.int().describe("Number of images that they belong to."),
  correlation: interval
    .nullable()
    .describe("Rank correlation with the original map over the image, −1..1. null for repeat, and without maps."),
  changed: interval
    .nullable()
    .describe("Of a swap: share of the maps that it changes more than noise does. null for other checks."),
  beyondBox: interval
    .nullable()
    .describe(
      "Of weights: rank correlation of the cells of the box, beyond what a Gaussian at the box explains of both maps, with all weights random. null for other checks.",
    ),
  same: z.int().nullable().describe("Of repeat: number of maps with the same bits. null for other checks."),
  stages: z
    .array(interval)
    .nullable()
    .describe("Of weights: the correlation over the image at each stage. null for other checks."),
  withoutHeat: z
    .int()
    .nullable()
    .describe("Of weights: number of maps without heat when all weights are random. null for other checks."),
  why: z.string().nullable().describe('Why the verdict is "undecided" or "not-possible".'),
});

const stage = z.object({
  name: z.string().describe('"head", "1/3" and "2/3" of the ops below it, "all".'),
  ops: z.int().describe("Number of ops with random weights."),
  values: z.int().describe("Number of random values."),
});

/** The document of `whybox check`. */
export const checkSchema = z.object({
  schemaVersion: z.literal(checkSchemaVersion),
  kind: z.literal("check"),
  tool: z.object({ name: z.literal("whybox"), version: z.string() }),
  model: z.object({
    source: z.string().describe("Path or name as given."),
    sha256: z.string().describe("SHA-256 hex digest of the model file."),
    bytes: z.int(),
    format: z.string(),
    licence: z.string().nullable().describe("Licence of weights that Whybox downloaded; null for the user's own file."),
  }),
  options: z.object({
    seed: z.int(),
    limit: z.int().describe("Maximum number of detections."),
    methods: z.array(z.string()),
    noise: z.number().describe("Standard deviation of the noise, as a share of the largest pixel value."),
    confidence: z.number(),
    imageSize: z.tuple([z.int(), z.int()]).nullable().describe("[height, width]; null: the model's own, or 640."),
  }),
  images: z.object({
    found: z.int().describe("Number of images that were given."),
    checked: z.array(z.object({ source: z.string(), sha256: z.string() })),
    empty: z.array(z.string()).describe("Images that were looked at and have no detection."),
    failures: z.array(z.object({ source: z.string(), message: z.string() })),
    chosenBy: z.string().describe("How images and detections were chosen."),
  }),
  detections: z.array(
    z.object({
      source: z.string(),
      index: z.int().describe("Index among the detections of the image."),
      className: z.string(),
      confidence: z.number(),
      box: z.array(z.number()).length(4).describe("Left, top, right, bottom in image pixels."),
      otherClass: z.string().nullable().describe("The class of the class swap; null if the model has one class."),
      otherDetection: z.int().nullable().describe("The detection of the box swap; null if the image has no other."),
    }),
  ),
  randomisation: z.object({
    refused: z.string().nullable().describe("Why weights were not randomised."),
    stages: z.array(stage),
  }),
  rules: z
    .array(z.object({ check: checkId, title: z.string(), question: z.string(), rule: z.string() }))
    .describe("What each check asks, and when it passes."),
  methods: z.array(
    z.object({
      method: z.string(),
      title: z.string(),
      isControl: z.boolean().describe("True for the Gaussian at the box, which must fail."),
      verdict,
      sentence: z.string().describe("What the verdict means."),
      checks: z.object({
        weights: figures,
        "class-swap": figures,
        "box-swap": figures,
        noise: figures,
        seed: figures,
        repeat: figures,
      } satisfies Record<(typeof checkIds)[number], typeof figures>),
    }),
  ),
  refused: z
    .array(z.object({ method: z.string(), why: z.string() }))
    .describe("Methods that the model does not support."),
  verdict: verdict.describe("Over all methods but the control."),
  control: verdict.describe('Of the control. Unless it is "fail", the checks have shown nothing.'),
  limits: z.array(z.string()).describe("What the checks cannot show."),
  maps: z
    .array(
      z.object({
        detection: z.int().describe("Index into detections."),
        method: z.string(),
        repeated: z.boolean(),
        noise: z.number(),
        seed: z.number().nullable(),
        classSwap: z.number().nullable(),
        boxSwap: z.number().nullable(),
        weights: z
          .array(z.object({ image: z.number(), beyondBox: z.number(), hasHeat: z.boolean() }))
          .describe("For each stage."),
      }),
    )
    .describe("The figures of each map."),
}) satisfies z.ZodType<CheckDocument>;
