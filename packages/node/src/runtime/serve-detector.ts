import {
  type CoreDetector,
  createDetector,
  type ExplainOptions,
  type RgbImage,
  type RuntimePort,
  sendResult,
} from "@whybox/core";
import type { DecodeImageOptions } from "../io/decode-image.js";
import { checkDevice, providersOf } from "./devices.js";
import { releaseMemory } from "./memory.js";
import type { DetectorRequest, ModelSetup, Reply, SentImage } from "./protocol.js";

/** The options of a call that are no plain data. */
export type CallControl = Pick<ExplainOptions, "signal" | "onProgress">;

/** Answers requests to the detector of this thread. The first request opens it. The others may come before it is open. */
export function serveDetector(
  runtime: RuntimePort,
  backends: () => readonly string[],
): (request: DetectorRequest, control: CallControl) => Promise<Reply> {
  let opened: Promise<CoreDetector> | undefined;
  return async (request, control) => {
    if (request.kind === "open") {
      checkDevice(request.setup.device, backends());
      opened = openDetector(request.setup, runtime);
      return { value: (await opened).facts };
    }
    const detector = await opened!;
    if (request.kind === "inspect") return { value: await detector.inspect() };
    if (request.kind === "prepare") {
      await detector.prepare({ ...request.options, ...control });
      return { value: null };
    }
    const notes: string[] = [];
    const image = await pixelsOf(request.image, { ...control, onNote: (text) => notes.push(text) });
    const options = { ...request.options, ...control };
    try {
      if (request.kind === "detect") return { value: await detector.detect(image, options), notes };
      const { data, transfer } = sendResult(await detector.explain(image, options));
      return { value: data, transfer, notes };
    } finally {
      // The memory of decoded pixels belongs to sharp.
      if ("pixels" in request.image) releaseMemory(image.data.buffer as ArrayBuffer);
    }
  };
}

/** Creates the detector of a model. @throws as `createDetector`. */
export function openDetector(
  { model, externalData, device, threads, names, anchors, input, preprocessor, metadata }: ModelSetup,
  runtime: RuntimePort,
): Promise<CoreDetector> {
  return createDetector(model, runtime, {
    executionProviders: providersOf(device),
    threads,
    externalData,
    ...(names === undefined ? {} : { names }),
    ...(anchors === undefined ? {} : { anchors }),
    ...(input === undefined ? {} : { input }),
    ...(preprocessor === undefined ? {} : { preprocessor }),
    ...(metadata === undefined ? {} : { metadata }),
  });
}

/** Loads sharp on first use: the command sends pixels. */
async function pixelsOf(image: SentImage, options: DecodeImageOptions): Promise<RgbImage> {
  if ("pixels" in image) return image.pixels;
  const { decodeEncoded } = await import("../io/decode-image.js");
  return decodeEncoded(image.encoded, options);
}
