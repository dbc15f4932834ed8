import { createHash } from "node:crypto";
import { availableParallelism } from "node:os";
import { checkValue, type ModelFacts, modelFormat, refuseUnknown, WhyboxError } from "@whybox/core";
import type { Detector, LoadOptions, ModelReport } from "./api.js";
import { fileOptions } from "./file-options.js";
import { inFile } from "./in-file.js";
import { loadSharp } from "./io/load-sharp.js";
import { readShared, type SharedBytes, shared } from "./io/read-shared.js";
import { metadataBeside } from "./models/export-metadata.js";
import { addData, modelBytes, openWithData } from "./models/external-data.js";
import { preprocessorBeside } from "./models/preprocessor-file.js";
import { readNames } from "./models/read-names.js";
import { type ResolvedWeights, resolveWeights } from "./models/resolve-weights.js";
import { takeWorker } from "./runtime/early-worker.js";
import { openInWorker } from "./runtime/worker-detector.js";

export const loadOptionNames = Object.keys({
  device: true,
  threads: true,
  names: true,
  anchors: true,
  input: true,
  externalData: true,
  cacheDir: true,
  allowPrivate: true,
  prepare: true,
  onProgress: true,
  onNote: true,
  signal: true,
} satisfies Record<keyof LoadOptions, true>);

/**
 * Loads a detector from a model file (ONNX, a YOLO checkpoint, a TF.js model), its bytes, its URL, or a known name ("yolov5s"). Files beside an
 * ONNX file that hold its weights are read from its folder.
 * Downloads are cached. The engine runs in a worker thread, so the event loop stays free. A call with a method or score of your own runs
 * in your thread, against the same sessions in the worker. Dispose the detector when done.
 * @throws bad-input for a missing or invalid file; unsupported-model; download; usage for an invalid option.
 */
export async function loadDetector(weights: string | Uint8Array, options: LoadOptions = {}): Promise<Detector> {
  refuseUnknown(options, loadOptionNames);
  const device = options.device ?? fileOptions.device.default;
  checkValue("device", fileOptions.device, device);
  const threads = options.threads ?? availableParallelism();
  checkValue("threads", fileOptions.threads, threads);
  const names = typeof options.names === "string" ? await readNames(options.names) : options.names;
  // Before the weights are found and read: the thread loads its modules in the meantime.
  const caller = takeWorker();
  let found: ResolvedWeights | undefined;
  try {
    if (typeof weights === "string") found = await resolveWeights(weights, options);
    const model = found ? await readModelFile(found) : shared(weights as Uint8Array);
    const preprocessor = found && (await preprocessorBeside(found.path));
    const metadata = found && (await metadataBeside(found.path, model));
    const { anchors, input } = options;
    const setup = { model, device, threads, names, anchors, input, preprocessor, metadata };
    const given = new Map([...(options.externalData ?? [])].map(([name, bytes]) => [name, shared(bytes)]));
    const opening = openWithData(
      found?.path,
      (externalData) => openInWorker(caller, { ...setup, externalData }, options),
      given,
    );
    // While the thread reads the model. An image is decoded next; if sharp cannot be loaded, that fails.
    loadSharp().catch(() => undefined);
    const { opened, externalData } = await opening;
    const { inspect, facts, ...calls } = opened;
    let digest: string | undefined;
    const sha256 = (): string => {
      digest ??= addData(createHash("sha256").update(model), externalData).digest("hex");
      return digest;
    };
    const report = (facts: ModelFacts): ModelReport => ({
      source: found?.source ?? "(bytes)",
      format: found?.convertedFrom ?? modelFormat(model),
      bytes: modelBytes(model, externalData),
      get sha256() {
        return sha256();
      },
      licence: found?.licence,
      notice: found?.notice,
      ...facts,
    });
    return { report: report(facts), ...calls, inspect: async () => report(await inspect()) };
  } catch (error) {
    await caller.close();
    const isForeign = error instanceof WhyboxError && error.details.foreign === true;
    throw found ? inFile(error, found.source, isForeign ? ` ${OTHER_WAYS}` : "") : error;
  }
}

async function readModelFile({ path }: ResolvedWeights): Promise<SharedBytes> {
  try {
    return await readShared(path);
  } catch (cause) {
    const words = cause instanceof Error ? cause.message : String(cause);
    throw new WhyboxError("bad-input", `Cannot read the model file ${path}: ${words}`, { cause, details: { path } });
  }
}

/** Other model sources, for messages. */
const OTHER_WAYS =
  "You can also pass a TF.js model (model.json, or its folder), a URL, or the name of known weights (docs/weights.md).";
