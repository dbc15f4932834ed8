import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import {
  type CoreDetector,
  checkValue,
  createDetector,
  type ModelFacts,
  modelFormat,
  type RgbImage,
  refuseUnknown,
  WhyboxError,
} from "@whybox/core";
import type { Detector, Device, ImageSource, LoadOptions, ModelReport } from "./api.js";
import { fileOptions } from "./file-options.js";
import { decodeImage } from "./io/decode-image.js";
import { readNames } from "./models/read-names.js";
import { type ResolvedWeights, resolveWeights } from "./models/resolve-weights.js";
import { createWorkerPort, type WorkerPort } from "./runtime/worker-port.js";

/** ONNX Runtime's execution providers of each device, in order of preference. */
const providers: Readonly<Record<Device, readonly string[]>> = {
  cpu: ["cpu"],
  cuda: ["cuda", "cpu"],
  coreml: ["coreml", "cpu"],
  dml: ["dml", "cpu"],
  webgpu: ["webgpu", "cpu"],
};

/** Names of the options of `loadDetector`. */
export const loadOptionNames = Object.keys({
  device: true,
  threads: true,
  names: true,
  input: true,
  cacheDir: true,
  onProgress: true,
  signal: true,
} satisfies Record<keyof LoadOptions, true>);

/**
 * Loads a detector from a model file (ONNX, a YOLO checkpoint, a TF.js model), its bytes, its URL, or a known name ("yolov5s").
 * Downloads are cached. The sessions run in a worker thread, so the event loop stays free. Dispose the detector when done.
 * @throws bad-input for a missing or invalid file; unsupported-model; download; usage for an invalid option.
 */
export async function loadDetector(weights: string | Uint8Array, options: LoadOptions = {}): Promise<Detector> {
  refuseUnknown(options, loadOptionNames);
  const device = options.device ?? fileOptions.device.default;
  checkValue("device", fileOptions.device, device);
  const threads = options.threads ?? availableParallelism();
  checkValue("threads", fileOptions.threads, threads);
  const names = typeof options.names === "string" ? await readNames(options.names) : options.names;
  const found = typeof weights === "string" ? await resolveWeights(weights, options) : undefined;
  const bytes = found ? await readModelFile(found) : (weights as Uint8Array);
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  const format = found?.convertedFrom ?? modelFormat(bytes);
  const port = createWorkerPort();
  try {
    if (device !== "cpu") await checkDevice(device, port);
    const core = await createDetector(bytes, port, {
      executionProviders: providers[device],
      threads,
      ...(names === undefined ? {} : { names }),
      ...(options.input === undefined ? {} : { input: options.input }),
    });
    const report = (facts: ModelFacts): ModelReport => ({
      source: found?.source ?? "(bytes)",
      format,
      bytes: bytes.length,
      sha256,
      licence: found?.licence,
      notice: found?.notice,
      ...facts,
    });
    return wrap(core, report, () => port.close());
  } catch (error) {
    await port.close();
    throw found ? inFile(error, found) : error;
  }
}

/** The runtime silently skips an unknown provider and uses the CPU. This check throws instead. */
async function checkDevice(device: Device, port: WorkerPort): Promise<void> {
  const known = await port.backends();
  if (known.includes(device)) return;
  throw new WhyboxError(
    "usage",
    `This build of ONNX Runtime for ${process.platform} does not support the device "${device}". It supports: ${known.join(", ")}.`,
    { details: { device, known } },
  );
}

function wrap(core: CoreDetector, report: (facts: ModelFacts) => ModelReport, close: () => Promise<void>): Detector {
  return {
    report: report(core.facts),
    inspect: async () => report(await core.inspect()),
    detect: async (image, options) => core.detect(await pixelsOf(image, options?.signal), options),
    explain: async (image, options) => core.explain(await pixelsOf(image, options?.signal), options),
    dispose: async () => {
      await core.dispose();
      await close();
    },
  };
}

async function pixelsOf(image: ImageSource, signal: AbortSignal | undefined): Promise<RgbImage> {
  const decoded = typeof image === "object" && "width" in image && "data" in image;
  if (decoded) return image;
  return decodeImage(image, signal === undefined ? {} : { signal });
}

async function readModelFile({ path }: ResolvedWeights): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (cause) {
    const words = cause instanceof Error ? cause.message : String(cause);
    throw new WhyboxError("bad-input", `Cannot read the model file ${path}: ${words}`, { cause, details: { path } });
  }
}

/** Other model sources, for messages. */
const OTHER_WAYS =
  "You can also pass a TF.js model (model.json, or its folder), a URL, or the name of known weights (docs/weights.md).";

/** Adds the name of the file to the error. */
function inFile(error: unknown, { source }: ResolvedWeights): unknown {
  if (!(error instanceof WhyboxError)) return error;
  const ways = error.details.foreign === true ? ` ${OTHER_WAYS}` : "";
  return new WhyboxError(error.code, `${source}: ${error.message}${ways}`, {
    cause: error,
    details: { ...error.details, file: source },
  });
}
