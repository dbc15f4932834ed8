import { jsonText, mapHeats, plainDetections, type RgbImage, WhyboxError } from "@whybox/core";
import * as ort from "onnxruntime-node";
import sharp from "sharp";
import { explainPixels } from "../images/explain-image.js";
import { loadServices } from "../images/load-services.js";
import { createFileNamer, stemOf } from "../images/output-names.js";
import { drawWhole, type OutputFile, planOutputs } from "../images/plan-outputs.js";
import type { Services } from "../images/services.js";
import { createStageClock } from "../images/stage-clock.js";
import { inFile } from "../in-file.js";
import { decodeEncoded } from "../io/decode-image.js";
import { checkedDocument } from "../io/result-schema.js";
import { errorData } from "../runtime/error-data.js";
import { type OpenedModelFile, openModelFile } from "../runtime/open-model-file.js";
import { createOrtPort } from "../runtime/ort-port.js";
import { stopIfAborted } from "../stop-if-aborted.js";
import type { Done, FromWorker, Job, ServeSetup, Stage, ToWorker } from "./protocol.js";

/** Maximum size of all files of one answer. */
const MAX_FILES = 64 * 2 ** 20;

interface Opened {
  readonly setup: ServeSetup;
  readonly models: ReadonlyMap<string, OpenedModelFile>;
  readonly services: Services;
}

async function open(setup: ServeSetup): Promise<Opened> {
  // Each worker decodes one image at a time, so sharp needs no threads of its own.
  sharp.concurrency(1);
  sharp.cache(false);
  ort.env.logLevel = "fatal";
  const runtime = createOrtPort(ort as never);
  const backends = ort.listSupportedBackends().map(({ name }) => name);
  const models = new Map<string, OpenedModelFile>();
  for (const { name, source, ...file } of setup.models) {
    // Documents have the name: a path of the server is none of its clients' business.
    const opened = await openModelFile({ ...file, source: name }, runtime, backends).catch((error: unknown) => {
      throw inFile(error, source);
    });
    // The session of the first request. A model without gradients fails here and answers detections and other methods.
    await opened.detector.prepare({ per: "detection" }).catch(() => undefined);
    models.set(name, opened);
  }
  return { setup, models, services: await loadServices() };
}

async function work(job: Job, opened: Opened, signal: AbortSignal): Promise<Done> {
  const clock = createStageClock<Stage>({ decode: 0, detect: 0, explain: 0, render: 0 });
  const { maxPixels } = opened.setup;
  const image = await clock.of("decode", () =>
    decodeEncoded({ bytes: job.image, name: "The image" }, { maxPixels, signal }),
  );
  if (job.kind === "explain") return explain(job, image, { ...opened, signal, clock });
  const { detector } = opened.models.get(job.model)!;
  const found = await clock.of("detect", () => detector.detect(image, { ...job.options, signal }));
  const body = Buffer.from(jsonText({ model: job.model, ...plainDetections(found) }));
  return { body, detections: found.detections.length, ms: clock.ms };
}

interface ExplainContext extends Opened {
  readonly signal: AbortSignal;
  readonly clock: ReturnType<typeof createStageClock<Stage>>;
}

async function explain(
  { model: name, settings, sheet, form, name: source }: Extract<Job, { kind: "explain" }>,
  image: RgbImage,
  { setup, models, services, signal, clock }: ExplainContext,
): Promise<Done> {
  const { detector, report: model } = models.get(name)!;
  const result = await explainPixels(image, { detector, services, settings, signal }, clock);
  const detections = result.detections.length;
  if (form === "png") {
    const body = await clock.of("render", () => services.encodePng(drawWhole({ image, result, services, settings })));
    return { body, detections, ms: clock.ms };
  }
  const planned = planOutputs({
    ...{ image, result, services, settings, stem: stemOf(source) },
    ...{ namer: createFileNamer(), sheet },
  });
  const attachments = await clock.of("render", () => encodeAll(planned.outputs, signal));
  const { files, mapFiles } = planned;
  const maps = { mapFiles, heats: mapHeats(result) };
  const document = checkedDocument({
    ...{ version: setup.version, model, source, device: settings, look: settings },
    ...{ options: settings.explain, result, files, ...maps },
    timings: { decode: clock.ms.decode, render: clock.ms.render },
  });
  return { body: Buffer.from(jsonText({ ...document, attachments })), detections, ms: clock.ms };
}

/** The files in base64, by their names. @throws limit when they are too large together. */
async function encodeAll(outputs: readonly OutputFile[], signal: AbortSignal): Promise<Record<string, string>> {
  const attachments: [string, string][] = [];
  let left = MAX_FILES;
  for (const { name, bytes } of outputs) {
    stopIfAborted(signal);
    const made = await bytes();
    left -= made.length;
    if (left < 0) {
      throw new WhyboxError(
        "limit",
        `The files of this answer have more than ${MAX_FILES / 2 ** 20} MB together. Save fewer: "save": ["png"], a larger confidence, or fewer detections.`,
      );
    }
    attachments.push([name, Buffer.from(made.buffer, made.byteOffset, made.length).toString("base64")]);
  }
  return Object.fromEntries(attachments);
}

/** Answers the server's messages until it goes away. */
function serve(send: (message: FromWorker) => void): void {
  let opened: Opened | undefined;
  let running: AbortController | undefined;
  process.on("message", async (message: ToWorker) => {
    if (message.kind === "abort") return running?.abort();
    if (message.kind === "open") {
      try {
        opened = await open(message.setup);
        send({ kind: "ready", models: cardsOf(opened) });
      } catch (error) {
        send({ kind: "failed", error: errorData(error) });
      }
      return;
    }
    running = new AbortController();
    try {
      send({ kind: "done", done: await work(message.job, opened!, running.signal) });
    } catch (error) {
      send({ kind: "error", error: errorData(error) });
    }
  });
  // The server drains and ends its workers. A Ctrl-C in a terminal reaches the workers too.
  process.on("SIGINT", () => undefined).on("SIGTERM", () => undefined);
  process.on("disconnect", () => process.exit());
}

function cardsOf({ models }: Opened) {
  return [...models].map(([name, { report }]) => ({
    name,
    task: report.head.task,
    classNames: report.classNames,
    licence: report.licence ?? null,
  }));
}

if (process.send) serve((message) => void process.send!(message, undefined, undefined, () => undefined));
