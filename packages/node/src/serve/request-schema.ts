import { type DetectOptions, detectOptions, didYouMean, namesIn, WhyboxError } from "@whybox/core";
import { z } from "zod";
import { inputShape } from "../io/input-shape.js";
import { resultSchema } from "../io/result-schema.js";
import { type RequestOptions, requestOptions } from "./request-options.js";

/** Maximum number of instances in a request of KServe's protocol. */
export const MAX_INSTANCES = 32;
/** Longest name of a model, and longest address of an image. */
const MAX_NAME = 64;
const MAX_URL = 2048;

export const optionsSchema = z
  .strictObject(inputShape(requestOptions, { withAliases: true }))
  .describe("Options of the explanation, of the detection and of the drawing.") as z.ZodType<RequestOptions>;

const detectionSchema = z
  .strictObject(inputShape(detectOptions, { withAliases: true }))
  .describe("Options of the detection.") as z.ZodType<DetectOptions>;

const imageSchema = z
  .union(
    [
      z.strictObject({ b64: z.string().describe("The image file in base64, or as a data URL.") }),
      z.strictObject({ url: z.string().max(MAX_URL).describe("Its http(s) address, if the server allows addresses.") }),
    ],
    { error: 'expected { "b64": "…" } or { "url": "…" }' },
  )
  .describe("The image: a JPEG, PNG, WebP, AVIF, GIF, BMP or TIFF file.");
export type GivenImage = z.infer<typeof imageSchema>;

const modelName = z.string().max(MAX_NAME).describe("Name of the model. Default: the first model.");

export const explainBody = z.strictObject({
  image: imageSchema,
  model: modelName.optional(),
  options: optionsSchema.optional(),
});

function instancesOf<Options extends z.ZodType>(options: Options) {
  return z.strictObject({
    instances: z
      .array(z.union([imageSchema, z.strictObject({ image: imageSchema, options: options.optional() })]))
      .min(1)
      .max(MAX_INSTANCES)
      .describe("Images, or images with options."),
  });
}

export const explainInstances = instancesOf(optionsSchema);
export const predictInstances = instancesOf(detectionSchema);

export const explanationSchema = resultSchema.extend({
  attachments: z
    .record(z.string(), z.string())
    .describe("The files of `save` in base64, by the names in `files` and in `maps[].files`."),
});

export const predictionSchema = resultSchema.pick({ letterbox: true, detections: true }).extend({ model: z.string() });

export const problemSchema = z
  .looseObject({
    type: z.string().describe("A URN that ends in the code."),
    title: z.string(),
    status: z.int(),
    detail: z.string().describe("What was found, what was expected, and what to do."),
    code: z.string().describe("The code of the error in Whybox."),
    instance: z.string().describe("The id of the request, as in the server's log."),
  })
  .describe("An error (RFC 9457).");

/** The problems of a body as sentences: where, and what was expected. */
function problemsOf({ issues }: z.core.$ZodError, schema: z.ZodType): string {
  return issues
    .slice(0, 10)
    .map((issue) => {
      const place = issue.path.map(String).join(".");
      if (issue.code !== "unrecognized_keys") return `${place === "" ? "The body" : place}: ${issue.message}.`;
      const name = issue.keys[0]!;
      const isOption = schema === optionsSchema || issue.path.at(-1) === "options";
      const known = isOption ? namesIn(requestOptions) : ["image", "model", "options"];
      const hint = didYouMean(name, known) || ` Known: ${known.join(", ")}.`;
      const full = [place, name.slice(0, MAX_NAME)].filter(Boolean).join(".");
      return `There is no ${isOption ? "option" : "field"} "${full}".${hint}`;
    })
    .join("\n");
}

/** Checks a body. @throws usage: where, and what was expected. */
export function parseBody<T>(schema: z.ZodType<T>, body: unknown): T {
  const { success, data, error } = schema.safeParse(body ?? {});
  if (success) return data;
  throw new WhyboxError("usage", problemsOf(error, schema));
}
