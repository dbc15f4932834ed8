import { type CoreDetector, createDetector, type RuntimePort, sendResult } from "@whybox/core";
import { decodeEncoded } from "../io/decode-image.js";
import { checkDevice, providersOf } from "./devices.js";
import { releaseMemory } from "./ort-port.js";
import type { DetectorRequest, ModelSetup, Reply } from "./protocol.js";

/** Answers requests to the detector of this thread. The first request opens it. */
export function serveDetector(
  runtime: RuntimePort,
  backends: () => readonly string[],
): (request: DetectorRequest, signal: AbortSignal) => Promise<Reply> {
  let opened: CoreDetector | undefined;
  return async (request, signal) => {
    if (request.kind === "open") {
      checkDevice(request.setup.device, backends());
      opened = await openDetector(request.setup, runtime);
      return { value: opened.facts };
    }
    const detector = opened!;
    if (request.kind === "inspect") return { value: await detector.inspect() };
    const image =
      "pixels" in request.image ? request.image.pixels : await decodeEncoded(request.image.encoded, { signal });
    const options = { ...request.options, signal };
    try {
      if (request.kind === "detect") return { value: await detector.detect(image, options) };
      const { data, transfer } = sendResult(await detector.explain(image, options));
      return { value: data, transfer };
    } finally {
      // The memory of decoded pixels belongs to sharp.
      if ("pixels" in request.image) releaseMemory(image.data.buffer as ArrayBuffer);
    }
  };
}

/** Creates the detector of a model. @throws as `createDetector`. */
export function openDetector(
  { model, device, threads, names, input }: ModelSetup,
  runtime: RuntimePort,
): Promise<CoreDetector> {
  return createDetector(model, runtime, {
    executionProviders: providersOf(device),
    threads,
    ...(names === undefined ? {} : { names }),
    ...(input === undefined ? {} : { input }),
  });
}
