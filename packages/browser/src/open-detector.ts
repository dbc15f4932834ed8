import { type DetectAloneOptions, type ExplainOptions, foundOf, refuseUnknown, WhyboxError } from "@whybox/core";
import type { Detector, Engine, OpenOptions, WeightsSource } from "./api.js";
import type { CallOptions, Calls } from "./calls.js";
import { aborted, type ImageSource } from "./image-source.js";
import type { Images } from "./images.js";
import type { EngineFiles } from "./places.js";
import type { OpenedModel, OpenRequest, Progress, Weights } from "./protocol.js";

const optionNames = Object.keys({
  device: true,
  threads: true,
  names: true,
  anchors: true,
  input: true,
  externalData: true,
  beside: true,
  keepForward: true,
  prepare: true,
  onProgress: true,
  onStage: true,
  onNote: true,
  signal: true,
} satisfies Record<keyof OpenOptions, true>);

/** An engine, from the inside. */
export interface EngineParts {
  readonly engine: Engine;
  readonly calls: Calls;
  readonly images: Images;
  readonly files: EngineFiles;
}

let models = 0;

/** Loads a detector in an engine. @throws as `loadDetector`. */
export async function openDetector(
  parts: EngineParts,
  weights: WeightsSource,
  options: OpenOptions,
): Promise<Detector> {
  refuseUnknown(options, optionNames);
  const { signal, onNote, prepare } = options;
  const { calls, files } = parts;
  const model = ++models;
  const request = openRequest(model, weights, options, files);
  const opened = await calls.open(request, { signal, tell: stages(options) });
  if (signal?.aborted) {
    void calls.ask({ kind: "dispose", model }).catch(() => undefined);
    throw aborted(signal);
  }
  if (opened.provider.note !== undefined) onNote?.(opened.provider.note);
  if (prepare !== undefined) {
    void calls.ask({ kind: "prepare", model, options: plainOptions(prepare) }).catch(() => undefined);
  }
  return detectorOf(parts, model, opened);
}

function openRequest(
  model: number,
  weights: WeightsSource,
  options: OpenOptions,
  { mjs, wasm }: EngineFiles,
): OpenRequest {
  const { device = "auto", threads = 0, names, anchors, input, keepForward = false } = options;
  if (!["auto", "webgpu", "wasm"].includes(device)) {
    throw new WhyboxError("usage", `device is ${foundOf(device)}; expected "auto", "webgpu" or "wasm".`);
  }
  if (!Number.isInteger(threads) || threads < 0) {
    throw new WhyboxError("usage", `threads is ${foundOf(threads)}; expected a whole number of 0 or more.`);
  }
  return {
    ...{ model, weights: weightsOf(weights, besideOf(options)), device, threads, runtime: { mjs, wasm } },
    ...(input && { input }),
    options: { keepForward, ...(names && { names }), ...(anchors && { anchors }) },
  };
}

function weightsOf(weights: WeightsSource, beside: readonly File[]): Weights {
  if (typeof weights === "string" || weights instanceof URL) return { kind: "url", url: urlOf(weights), beside };
  if (weights instanceof Blob) {
    return { kind: "file", name: weights instanceof File ? weights.name : "model", file: weights, beside };
  }
  if (weights instanceof Uint8Array || weights instanceof ArrayBuffer) {
    return { kind: "file", name: "model", file: new Blob([weights as BlobPart]), beside };
  }
  if (weights?.description !== undefined) return { kind: "described", url: urlOf(weights.description) };
  throw new WhyboxError("usage", `Got ${foundOf(weights)}; expected a model: its URL, a File or Blob, or its bytes.`);
}

function urlOf(given: string | URL): string {
  if (given !== "" && URL.canParse(given, document.baseURI)) return new URL(given, document.baseURI).href;
  throw new WhyboxError("usage", `The weights are ${foundOf(given)}; expected the URL of a model.`);
}

function besideOf({ beside = [], externalData = new Map() }: OpenOptions): readonly File[] {
  return [...beside, ...[...externalData].map(([path, data]) => new File([data as BlobPart], path.split("/").at(-1)!))];
}

function stages({ onProgress, onStage }: OpenOptions): (progress: Progress) => void {
  let last = "";
  return ({ stage, done, total }) => {
    if (stage === "run") return;
    if (stage !== last) onStage?.(stage);
    last = stage;
    if (stage === "download" && done !== undefined) onProgress?.({ what: "model", received: done, total });
  };
}

function detectorOf(
  { engine, calls, images }: EngineParts,
  model: number,
  { report, provider }: OpenedModel,
): Detector {
  const asking = (source: ImageSource, { signal, onProgress, ...given }: ExplainOptions) => {
    if (onProgress !== undefined && typeof onProgress !== "function") {
      throw new WhyboxError("usage", `onProgress is ${foundOf(onProgress)}; expected a function.`);
    }
    const options = plainOptions(given);
    const call: CallOptions = {
      signal,
      tell: ({ stage, done, total }) => {
        if (stage === "run" && done !== undefined && total !== undefined) onProgress?.({ done, total });
      },
    };
    return { source, signal, options, call };
  };
  const ask = async <K extends "detect" | "explain" | "heat" | "layerMaps">(
    kind: K,
    image: ImageSource,
    given: ExplainOptions,
  ) => {
    const { source, signal, options, call } = asking(image, given);
    return images.with(source, signal, (image) => calls.ask<K>({ kind, model, image, options } as never, call));
  };
  return {
    ...{ report, provider, engine },
    inspect: async () => ({ ...report, ...(await calls.ask({ kind: "inspect", model })) }),
    detect: (source, options = {}) => ask("detect", source, options),
    explain: async (source, options = {}) => {
      // A page that only asks for heat does not need this part.
      const receiver = import("./receive-result.js");
      receiver.catch(() => undefined);
      const data = await ask("explain", source, options);
      return (await receiver).receiveResult(data, source);
    },
    heat: (source, options = {}) => ask("heat", source, options),
    layerMaps: (source, options = {}) => ask("layerMaps", source, options),
    document: async (image, { source = image instanceof File ? image.name : "", look, ...given } = {}) => {
      const { signal, options, call } = asking(image, given);
      const about = { source, ...(look && { look }) };
      return images.with(image, signal, (image) => calls.ask({ kind: "document", model, image, options, about }, call));
    },
    dispose: async () => void (await calls.ask({ kind: "dispose", model })),
  };
}

/** The options without what cannot be sent. @throws usage for a method or score of the caller. */
function plainOptions({ signal: _, onProgress: __, ...options }: ExplainOptions & DetectAloneOptions): never {
  try {
    return structuredClone(options) as never;
  } catch (cause) {
    throw new WhyboxError(
      "usage",
      "The options contain a function, such as a method or score of your own, which cannot be sent to the worker. Use createDetector of @whybox/core in a worker of your own.",
      { cause },
    );
  }
}
