import {
  type DetectAloneOptions,
  type ExplainOptions,
  foundOf,
  type ModelFacts,
  type ModelFormat,
  refuseUnknown,
  resultFrom,
  WhyboxError,
} from "@whybox/core";
import type { Detector, LoadOptions, ModelReport, WeightsSource } from "./api.js";
import { Calls } from "./calls.js";
import { aborted, type ImageSource, isFixed, sendable } from "./image-source.js";
import { engineFiles, startWorker } from "./places.js";
import type {
  Answer,
  OpenedModel,
  OpenRequest,
  Progress,
  Question,
  QuestionImage,
  Replies,
  Weights,
} from "./protocol.js";
import { rememberImage } from "./to-png.js";

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
  folder: true,
  onProgress: true,
  onNote: true,
  signal: true,
} satisfies Record<keyof LoadOptions, true>);

/**
 * Loads a detector from a model (ONNX, or a YOLO checkpoint): its URL, a file, or its bytes. The engine runs in a worker, on WebGPU if the browser has it, else
 * on WebAssembly. Files beside a URL that hold its weights are fetched too. Dispose the detector when done.
 * @throws usage for an invalid option; bad-input for an invalid file; unsupported-model; download; aborted.
 */
export async function loadDetector(weights: WeightsSource, options: LoadOptions = {}): Promise<Detector> {
  refuseUnknown(options, optionNames);
  const { signal, onNote } = options;
  if (signal?.aborted) throw aborted(signal);
  const files = engineFiles(options.folder);
  const request = openRequest(weights, options, files);
  const calls = new Calls(startWorker(files.worker));
  try {
    const opened = await calls.run((engine, job, tell) => engine.open(job, request, tell), {
      signal,
      tell: downloads(options),
    });
    if (opened.provider.note !== undefined) onNote?.(opened.provider.note);
    const facts = await calls.run((engine, job, tell) => engine.ask(job, { kind: "facts" }, tell), { signal });
    const detector = detectorOf(calls, opened, facts);
    if (options.prepare !== undefined) void detector.prepare(options.prepare).catch(() => undefined);
    return detector.api;
  } catch (error) {
    calls.close();
    throw error;
  }
}

function openRequest(weights: WeightsSource, options: LoadOptions, files: OpenRequest["runtime"]): OpenRequest {
  const { device = "auto", threads = 0, names, anchors, input, keepForward = false } = options;
  if (!["auto", "webgpu", "wasm"].includes(device)) {
    throw new WhyboxError("usage", `device is ${foundOf(device)}; expected "auto", "webgpu" or "wasm".`);
  }
  if (!Number.isInteger(threads) || threads < 0) {
    throw new WhyboxError("usage", `threads is ${foundOf(threads)}; expected a whole number of 0 or more.`);
  }
  return {
    ...{ base: document.baseURI, weights: weightsOf(weights, besideOf(options)), device, threads },
    ...(files && { runtime: { mjs: files.mjs, wasm: files.wasm } }),
    ...(input && { input }),
    options: { keepForward, ...(names && { names }), ...(anchors && { anchors }) },
  };
}

function weightsOf(weights: WeightsSource, beside: readonly File[]): Weights {
  if (typeof weights === "string" || weights instanceof URL) {
    if (weights === "" || !URL.canParse(weights, document.baseURI)) {
      throw new WhyboxError("usage", `The weights are ${foundOf(weights)}; expected the URL of a model.`);
    }
    return { kind: "url", url: new URL(weights, document.baseURI).href, beside };
  }
  if (weights instanceof Blob) {
    return { kind: "file", name: weights instanceof File ? weights.name : "model", file: weights, beside };
  }
  if (weights instanceof Uint8Array || weights instanceof ArrayBuffer) {
    return { kind: "file", name: "model", file: new Blob([weights as BlobPart]), beside };
  }
  throw new WhyboxError("usage", `Got ${foundOf(weights)}; expected a model: its URL, a File or Blob, or its bytes.`);
}

function besideOf({ beside = [], externalData = new Map() }: LoadOptions): readonly File[] {
  return [...beside, ...[...externalData].map(([path, data]) => new File([data as BlobPart], path.split("/").at(-1)!))];
}

function downloads({ onProgress }: LoadOptions): (progress: Progress) => void {
  return ({ stage, done, total }) => {
    if (stage === "download" && done !== undefined) onProgress?.({ what: "model", received: done, total });
  };
}

function detectorOf(calls: Calls, opened: OpenedModel, facts: ModelFacts) {
  const images = new Images();
  const report = (facts: ModelFacts): ModelReport => ({
    source: opened.name,
    format: opened.format as ModelFormat,
    bytes: opened.bytes,
    ...facts,
  });
  const ask = async <K extends "detect" | "explain">(kind: K, source: ImageSource, given: ExplainOptions) => {
    const { signal, onProgress, ...options } = given;
    if (onProgress !== undefined && typeof onProgress !== "function") {
      throw new WhyboxError("usage", `onProgress is ${foundOf(onProgress)}; expected a function.`);
    }
    if (signal?.aborted) throw aborted(signal);
    const plain = plainOptions(options);
    const image = await images.of(source, signal);
    const question = { kind, image, options: plain } as Question;
    return calls
      .run((engine, job, tell) => engine.ask(job, question, tell) as Promise<Answer<Replies[K]>>, {
        signal,
        tell: ({ stage, done, total }) => {
          if (stage === "run" && done !== undefined && total !== undefined) onProgress?.({ done, total });
        },
      })
      .catch((error) => {
        images.forget();
        throw error;
      });
  };
  const api: Detector = {
    report: report(facts),
    provider: opened.provider,
    inspect: async () => report(await calls.run((engine, job, tell) => engine.ask(job, { kind: "inspect" }, tell))),
    detect: (source, options: DetectAloneOptions = {}) => ask("detect", source, options),
    explain: async (source, options = {}) => rememberImage(resultFrom(await ask("explain", source, options)), source),
    dispose: async () => calls.close(),
  };
  const prepare = (options: ExplainOptions) =>
    calls.run((engine, job, tell) => engine.ask(job, { kind: "prepare", options: plainOptions(options) }, tell));
  return { api, prepare };
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

/** The image that the worker has. The same file, URL or bitmap is not sent twice. */
class Images {
  #id = 0;
  #last: ImageSource | undefined;

  async of(source: ImageSource, signal: AbortSignal | undefined): Promise<QuestionImage> {
    if (this.#last !== undefined && this.#last === source) return { id: this.#id };
    const sent = await sendable(source, signal);
    this.#last = isFixed(source) ? source : undefined;
    return { id: ++this.#id, sent };
  }

  /** The worker may not have the last image. */
  forget(): void {
    this.#last = undefined;
  }
}
