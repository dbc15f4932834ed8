import {
  type CoreDetector,
  type DetectAloneOptions,
  type ExplainOptions,
  type ModelFacts,
  resultFrom,
} from "@whybox/core";
import type { Detector, LoadOptions } from "../api.js";
import { decodeImage, MAX_PIXELS } from "../io/decode-image.js";
import type { ImageSource } from "../io/image-source.js";
import { openImage } from "../io/open-image.js";
import { rememberImage } from "../to-png.js";
import { plainCopy } from "./plain-copy.js";
import type { ModelSetup, SentImage } from "./protocol.js";
import type { CallControl } from "./serve-detector.js";
import { owned, WorkerCaller } from "./worker-caller.js";
import { remotePort } from "./worker-port.js";

export interface WorkerDetector extends Pick<Detector, "detect" | "explain" | "check" | "dispose"> {
  readonly facts: ModelFacts;
  inspect(): Promise<ModelFacts>;
}

/**
 * Opens a model in the worker of `caller`. A call whose options are plain data runs there. Options with a function (a method or score of the
 * caller) cannot be sent, so these calls run an engine in this thread, against the sessions of the worker.
 * If the worker ends (something killed it, or it had no memory left), its calls fail, and the next call opens the model in a new one.
 * The explanation of `prepare` is prepared as soon as the model is open.
 * @throws as `createDetector`; usage for a device that the runtime does not support.
 */
export async function openInWorker(
  caller: WorkerCaller,
  setup: ModelSetup,
  { prepare, onNote }: Pick<LoadOptions, "prepare" | "onNote"> = {},
): Promise<WorkerDetector> {
  const noting = onNote === undefined ? {} : { onNote };
  const opening = caller.call({ kind: "open", setup });
  const options = prepare === undefined ? undefined : split<ExplainOptions>(prepare).options;
  // The explanation reports the same errors.
  if (options !== undefined) caller.call({ kind: "prepare", options }).catch(() => undefined);
  const facts = await opening;
  let worker = caller;
  let isDisposed = false;
  let own: Promise<CoreDetector> | undefined;
  const alive = (): WorkerCaller => {
    if (!worker.isLost || isDisposed) return worker;
    worker = new WorkerCaller();
    // Its sessions were in the lost worker.
    own = undefined;
    // The worker answers the next calls when the model is open, or with the reason why it is not.
    worker.call({ kind: "open", setup }).catch(() => undefined);
    return worker;
  };
  const here = () => {
    const port = remotePort(alive());
    // The engine is loaded on first use: most callers have none in this thread.
    own ??= import("./serve-detector.js").then(({ openDetector }) => openDetector(setup, port));
    return own;
  };
  return {
    facts,
    inspect: async () => alive().call({ kind: "inspect" }),
    detect: async (source, given = {}) => {
      const { options, control } = split<DetectAloneOptions>(given);
      if (options === undefined)
        return (await here()).detect(await decodeImage(source, { ...control, ...noting }), given);
      const { image, transfer } = await sendable(source, control);
      return alive().call({ kind: "detect", image, options }, { ...control, ...noting, transfer });
    },
    explain: async (source, given = {}) => {
      const { options, control } = split<ExplainOptions>(given);
      if (options === undefined)
        return rememberImage(
          await (await here()).explain(await decodeImage(source, { ...control, ...noting }), given),
          source,
        );
      const { image, transfer } = await sendable(source, control);
      const data = await alive().call({ kind: "explain", image, options }, { ...control, ...noting, transfer });
      return rememberImage(resultFrom(data), source);
    },
    // Images are opened one after another, which only this thread can do.
    check: async (images, given = {}) => (await here()).check(images, given),
    dispose: async () => {
      isDisposed = true;
      // Sessions of a lost worker have ended with it, and an engine that could not open has none.
      await own?.then((engine) => engine.dispose()).catch(() => undefined);
      await worker.close();
    },
  };
}

/** The plain options, or undefined if a method or a score is the caller's own; and the options that cross as messages of their own. */
function split<T extends ExplainOptions>({ signal, onProgress, ...rest }: T) {
  const isCallback = typeof onProgress === "function";
  // The engine refuses another value.
  const given = isCallback || onProgress === undefined ? rest : { ...rest, onProgress };
  const control: CallControl = { ...(signal && { signal }), ...(isCallback && { onProgress }) };
  return { options: plainCopy(given) as T | undefined, control };
}

/** The image as a message. This thread reads the file and the worker decodes it. Pixels and bytes of the caller are copied, not detached. */
async function sendable(
  source: ImageSource,
  { signal }: CallControl,
): Promise<{ readonly image: SentImage; readonly transfer: readonly ArrayBuffer[] }> {
  const opened = await openImage(source, { signal, maxPixels: MAX_PIXELS });
  const own = <D extends Uint8Array | Uint8ClampedArray>(data: D) => (opened.isOwn ? data : Uint8Array.from(data));
  if ("encoded" in opened) {
    const { name, bytes } = opened.encoded;
    const sent = own(bytes);
    return { image: { encoded: { bytes: sent as Uint8Array, name } }, transfer: owned(sent) };
  }
  const { height, width, data } = opened.pixels;
  const sent = own(data);
  return { image: { pixels: { height, width, data: sent } }, transfer: owned(sent) };
}
