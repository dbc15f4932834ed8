import { z } from "zod";
import { fileOptions } from "../file-options.js";
import { inputShape } from "../io/input-shape.js";
import { count } from "../words.js";
import { answer, type ToolContext } from "./tool.js";

/** Maximum numbers of names and layers in an answer. */
const MAX_NAMES = 200;
const MAX_LAYERS = 300;

export const inspectInput = z.strictObject(
  inputShape({ weights: fileOptions.weights }) as { weights: z.ZodOptional<z.ZodString> },
);

export const inspectOutput = z.object({
  source: z.string(),
  format: z.string(),
  task: z.string(),
  bytes: z.int(),
  sha256: z.string(),
  licence: z.string().nullable(),
  inputSize: z.array(z.int()).nullable().describe("[height, width] in pixels. null if each image may have another."),
  classes: z.int(),
  classNames: z.array(z.string()).describe("The first of them."),
  levels: z.array(z.object({ name: z.string(), stride: z.number() })),
  layers: z
    .array(z.object({ index: z.int().nullable(), name: z.string(), levels: z.array(z.string()) }))
    .describe(
      "The first layers with a gradient, and the levels whose boxes depend on each: values of the option layer.",
    ),
  opsWithoutRule: z.array(z.string()).describe("Operations that no gradient passes."),
});

/** Describes a model. */
export async function inspectModel(given: z.infer<typeof inspectInput>, { allowed, detectors }: ToolContext) {
  const weights = await allowed.weights(given.weights ?? fileOptions.weights.default);
  const report = await detectors.use(weights, (detector) => detector.inspect());
  const { source, format, bytes, sha256, licence, inputSize, classNames, head, layers, opsWithoutRule } = report;
  const structured = {
    ...{
      source,
      format,
      task: head.task,
      bytes,
      sha256,
      licence: licence ?? null,
      inputSize: inputSize === undefined ? null : [...inputSize],
    },
    ...{ classes: classNames.length, classNames: classNames.slice(0, MAX_NAMES) },
    levels: head.levels.map(({ name, stride }) => ({ name, stride })),
    layers: layers
      .filter(({ differentiable }) => differentiable)
      .slice(0, MAX_LAYERS)
      .map(({ index, name, levels }) => ({ index: index ?? null, name, levels: [...levels] })),
    opsWithoutRule: [...new Set(opsWithoutRule.filter(({ onPath }) => onPath).map(({ op }) => op))],
  };
  const sentence = `${source} is a model for ${tasks[head.task]} with ${count(classNames.length, "class", "classes")}${head.task === "classify" ? "" : ` and ${count(head.levels.length, "level")}`}${inputSize === undefined ? "" : `; its input is ${inputSize[1]} × ${inputSize[0]}`}.`;
  return answer(sentence, structured);
}

const tasks = {
  detect: "detection",
  segment: "segmentation",
  pose: "poses",
  obb: "rotated boxes",
  classify: "classification of the whole image",
} as const;
