import { didYouMean, WhyboxError } from "@whybox/core";
import type { FastifyRequest } from "fastify";
import { z } from "zod";
import { type ImageFile, imageFile } from "./image-bytes.js";
import { Refusal } from "./problem.js";
import type { Done, Job, ServedModel } from "./protocol.js";
import { readForm } from "./read-form.js";
import { detectionOf, settingsOf } from "./request-options.js";
import {
  explainBody,
  explainInstances,
  explanationSchema,
  type GivenImage,
  optionsSchema,
  parseBody,
  predictInstances,
  predictionSchema,
  problemSchema,
} from "./request-schema.js";
import type { App, ServerOptions } from "./server-options.js";

/** Maximum size of an answer about several images. */
const MAX_ANSWER = 128 * 2 ** 20;

const problem = {
  description: "An error (RFC 9457).",
  content: { "application/problem+json": { schema: problemSchema } },
};
const answers = (schema: z.ZodType) => ({ 200: schema, default: problem });
const modelParams = z.object({ name: z.string() });
const work = { needsWorker: true, needsToken: true };

/** Adds the routes of the API. */
export function addRoutes(app: App, options: ServerOptions): void {
  const { models, cards } = options;
  const cardOf = (model: ServedModel) => cards.find(({ name }) => name === model.name)!;
  const limitsFor = (model: ServedModel) => ({ ...options.limits, task: cardOf(model).task });
  const kserve = { tags: ["KServe V1"] };

  app.post(
    "/v1/explain",
    {
      config: work,
      // A form has another shape, so the handler checks the body.
      validatorCompiler: () => (value: unknown) => ({ value }),
      schema: {
        tags: ["Whybox"],
        summary: "Explain the detections in an image",
        description:
          "Answers with the result document, and with the files of `save` as attachments. With `Accept: image/png` the answer is the image with its heatmap.",
        consumes: ["application/json"],
        body: explainBody,
        response: {
          200: {
            description: "The explanation.",
            content: {
              "application/json": { schema: explanationSchema as z.ZodType },
              "image/png": { schema: z.string().describe("The image with its heatmap.") },
            },
          },
          default: problem,
        },
      },
    },
    async (request, reply) => {
      const form = wantsPng(request) ? "png" : "json";
      const given = await readBody(request, options);
      const model = modelOf(models, given.model);
      const asked = settingsOf(given.options, model, limitsFor(model));
      const job: Job = { kind: "explain", model: model.name, ...imageOf(given.file), ...asked, form };
      const { body } = await runJob(request, job, options);
      return reply.type(form === "png" ? "image/png" : "application/json; charset=utf-8").send(body);
    },
  );

  app.get(
    "/v1/models",
    {
      config: { needsToken: true },
      schema: { ...kserve, summary: "List the models", response: answers(z.object({ models: z.array(z.string()) })) },
    },
    async () => ({ models: models.map(({ name }) => name) }),
  );

  app.get(
    "/v1/models/:name",
    {
      config: { needsToken: true },
      schema: { ...kserve, summary: "Describe a model", params: modelParams, response: answers(cardSchema) },
    },
    async ({ params }) => {
      return { ...cardOf(modelOf(models, params.name)), ready: options.pool.state.ready > 0 };
    },
  );

  app.post(
    "/v1/models/:name(^[^:]+)::explain",
    {
      config: work,
      schema: {
        ...{ ...kserve, summary: "Explain the detections in each image", params: modelParams, body: explainInstances },
        response: answers(z.object({ explanations: z.array(explanationSchema) })),
      },
    },
    async (request, reply) => {
      const model = modelOf(models, request.params.name);
      const jobs = request.body.instances.map((instance) => {
        const { image, given } = partsOf(instance);
        return { image, asked: settingsOf(given, model, limitsFor(model)) };
      });
      const bodies = await inTurn(jobs, async ({ image, asked }) => {
        const file = imageOf(await imageFile(image, fetchLimits(options), request.stop));
        return runJob(request, { kind: "explain", model: model.name, ...file, ...asked, form: "json" }, options);
      });
      return reply.type("application/json; charset=utf-8").send(listed("explanations", bodies));
    },
  );

  app.post(
    "/v1/models/:name(^[^:]+)::predict",
    {
      config: work,
      schema: {
        ...{ ...kserve, summary: "Detect objects in each image", params: modelParams, body: predictInstances },
        response: answers(z.object({ predictions: z.array(predictionSchema) })),
      },
    },
    async (request, reply) => {
      const model = modelOf(models, request.params.name);
      const jobs = request.body.instances.map((instance) => {
        const { image, given } = partsOf(instance);
        return { image, detection: detectionOf(given, limitsFor(model)) };
      });
      const bodies = await inTurn(jobs, async ({ image, detection }) => {
        const file = imageOf(await imageFile(image, fetchLimits(options), request.stop));
        return runJob(request, { kind: "detect", model: model.name, ...file, options: detection }, options);
      });
      return reply.type("application/json; charset=utf-8").send(listed("predictions", bodies));
    },
  );
}

const cardSchema = z.object({
  name: z.string(),
  ready: z.boolean(),
  task: z.string().describe("detect, segment, pose, obb or classify."),
  classNames: z.array(z.string()),
  licence: z.string().nullable().describe("Licence of weights that Whybox downloaded."),
});

/** The image and the options of an instance, which may be the image alone. */
function partsOf<Options extends object>(
  instance: GivenImage | { readonly image: GivenImage; readonly options?: Options | undefined },
): { readonly image: GivenImage; readonly given: Options | Record<never, never> } {
  return "image" in instance
    ? { image: instance.image, given: instance.options ?? {} }
    : { image: instance, given: {} };
}

/** PNG if the client names it and no JSON. */
function wantsPng({ headers: { accept = "" } }: FastifyRequest): boolean {
  return /\bimage\/(png|\*)/.test(accept) && !accept.includes("application/json");
}

/** The image, the name of the model and the checked options of a form or of a JSON body. */
async function readBody(request: FastifyRequest, options: ServerOptions) {
  if (request.isMultipart()) {
    const { file, model, options: given } = await readForm(request);
    return { file, model, options: parseBody(optionsSchema, given) };
  }
  const { image, model, options: given = {} } = parseBody(explainBody, request.body);
  return { file: await imageFile(image, fetchLimits(options), request.stop), model, options: given };
}

function fetchLimits({ urls, limits: { maxBytes } }: ServerOptions) {
  return { urls, maxBytes };
}

function imageOf({ bytes, name }: ImageFile) {
  return { image: bytes, name };
}

function modelOf(models: readonly ServedModel[], name: string = models[0]!.name): ServedModel {
  const found = models.find((model) => model.name === name);
  if (found !== undefined) return found;
  const names = models.map((model) => model.name);
  const hint = didYouMean(name, names) || ` Models: ${names.join(", ")}.`;
  throw new Refusal(404, "not-found", `There is no model "${name.slice(0, 64)}".${hint}`);
}

async function runJob(request: FastifyRequest, job: Job, { pool, metrics }: ServerOptions): Promise<Done> {
  const start = performance.now();
  request.work ??= { model: job.model, images: 0, detections: 0 };
  const done = await pool.run(job, request.stop);
  const spent = Object.values(done.ms).reduce((sum, ms) => sum + ms, 0);
  metrics.done(job.model, done, Math.max(0, performance.now() - start - spent));
  request.work.images++;
  request.work.detections += done.detections;
  return done;
}

/**
 * One after the other, so that a request has one worker at a time.
 * @throws limit when the answers are too large together.
 */
export async function inTurn<T>(jobs: readonly T[], run: (job: T) => Promise<Done>): Promise<Done[]> {
  const done: Done[] = [];
  let left = MAX_ANSWER;
  for (const job of jobs) {
    const one = await run(job);
    left -= one.body.length;
    if (left < 0) {
      throw new WhyboxError(
        "limit",
        `The answer has more than ${MAX_ANSWER / 2 ** 20} MB. Send fewer instances, or save fewer files.`,
      );
    }
    done.push(one);
  }
  return done;
}

/** `{"name":[…]}` of bodies that are JSON. */
function listed(name: string, bodies: readonly Done[]): Buffer {
  const parts = bodies.flatMap(({ body }, i) => (i === 0 ? [body] : [Buffer.from(","), body]));
  return Buffer.concat([Buffer.from(`{"${name}":[`), ...parts, Buffer.from("]}")]);
}
