import {
  type CoreDetector,
  checkRgbImage,
  type DetectAloneOptions,
  type ExplainOptions,
  type ModelFacts,
  type RgbImage,
  resultFrom,
} from "@whybox/core";
import type { Detector, ImageSource } from "../api.js";
import { decodeImage, readEncoded } from "../io/decode-image.js";
import { plainCopy } from "./plain-copy.js";
import type { ModelSetup, SentImage } from "./protocol.js";
import { openDetector } from "./serve-detector.js";
import { type CallOptions, owned, type WorkerCaller } from "./worker-caller.js";
import { remotePort } from "./worker-port.js";

/** A detector whose engine runs in a worker. */
export interface WorkerDetector extends Pick<Detector, "detect" | "explain" | "dispose"> {
  readonly facts: ModelFacts;
  inspect(): Promise<ModelFacts>;
}

/**
 * Opens a model in the worker of `caller`. A call whose options are plain data runs there. Options with a function (a method or score of the
 * caller) cannot be sent, so these calls run an engine in this thread, against the sessions of the worker.
 * @throws as `createDetector`; usage for a device that the runtime does not support.
 */
export async function openInWorker(caller: WorkerCaller, setup: ModelSetup): Promise<WorkerDetector> {
  const facts = await caller.call({ kind: "open", setup });
  let own: Promise<CoreDetector> | undefined;
  const here = () => {
    own ??= openDetector(setup, remotePort(caller));
    return own;
  };
  return {
    facts,
    inspect: () => caller.call({ kind: "inspect" }),
    detect: async (source, given = {}) => {
      const { signal, ...rest } = given;
      const options = plainCopy<DetectAloneOptions>(rest);
      if (options === undefined) return (await here()).detect(await pixelsOf(source, signal), given);
      const { image, ...call } = await sendable(source, signal);
      return caller.call({ kind: "detect", image, options }, call);
    },
    explain: async (source, given = {}) => {
      const { signal, ...rest } = given;
      const options = plainCopy<ExplainOptions>(rest);
      if (options === undefined) return (await here()).explain(await pixelsOf(source, signal), given);
      const { image, ...call } = await sendable(source, signal);
      return resultFrom(await caller.call({ kind: "explain", image, options }, call));
    },
    dispose: async () => {
      if (own !== undefined) await (await own).dispose();
      await caller.close();
    },
  };
}

/** The image as a message. This thread reads the file and the worker decodes it. Pixels and bytes of the caller are copied, not detached. */
async function sendable(
  source: ImageSource,
  signal: AbortSignal | undefined,
): Promise<CallOptions & { readonly image: SentImage }> {
  if (isDecoded(source)) {
    checkRgbImage(source);
    const { height, width } = source;
    const data = Uint8Array.from(source.data);
    return { image: { pixels: { height, width, data } }, transfer: [data.buffer], signal };
  }
  const { bytes, name } = await readEncoded(source, signal);
  const sent = bytes === source ? Uint8Array.from(bytes) : bytes;
  return { image: { encoded: { bytes: sent, name } }, transfer: owned(sent), signal };
}

async function pixelsOf(source: ImageSource, signal: AbortSignal | undefined): Promise<RgbImage> {
  if (isDecoded(source)) return source;
  return decodeImage(source, signal === undefined ? {} : { signal });
}

function isDecoded(source: ImageSource): source is RgbImage {
  return typeof source === "object" && "width" in source && "data" in source;
}
