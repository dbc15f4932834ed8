import {
  type CoreDetector,
  createDetector,
  defaultRules,
  type ExplainProgress,
  type ExplainResult,
  type ModelFacts,
  type ModelFormat,
  mapHeats,
  type RgbImage,
  sendResult,
  WhyboxError,
  webgpuRules,
} from "@whybox/core";
import type {
  ExplainRequest,
  ImageFacts,
  LayerMap,
  ModelReport,
  OnProgress,
  OpenedModel,
  OpenRequest,
  Provider,
  Question,
  QuestionImage,
  QuestionKind,
  Replies,
} from "../protocol.js";
import { activationsMethod, toUnit } from "./activations.js";
import { decodeSent } from "./decode.js";
import type { Explained, Origin } from "./document.js";
import { heatResult } from "./heat-result.js";
import { chooseProvider, wasmProvider } from "./provider.js";
import { loadRuntime, reportingPort } from "./runtime.js";
import { loadWeights, type ModelFile, sizeOf } from "./weights.js";

/** Maximum number of explanations that are kept. They hold no maps. */
const MAX_LAST = 16;

/** A model that is open. */
interface Model extends Pick<Origin, "file" | "facts" | "provider"> {
  readonly detector: CoreDetector;
  /** The last explanations of the image by their options, for result documents. */
  readonly last: Map<string, Explained>;
}

/** The reply to a question, with the memory to transfer. */
export interface Reply<T> {
  readonly value: T;
  readonly transfer: readonly ArrayBuffer[];
}

/** What a call gets besides its question. */
export interface Call {
  readonly tell: OnProgress;
  readonly signal: AbortSignal;
}

/** The models and the image of this worker. It takes one call at a time, because a session does one run at a time. */
export class WebEngine {
  readonly #models = new Map<number, Model>();
  #image:
    | { readonly id: number; readonly pixels: RgbImage; readonly facts: ImageFacts; readonly ms: number }
    | undefined;
  #tell: OnProgress = () => {};
  readonly #version: string;

  /** @param version of Whybox, for result documents. */
  constructor(version: string) {
    this.#version = version;
  }

  async open(request: OpenRequest, { tell, signal }: Call): Promise<OpenedModel> {
    const { weights, device, threads } = request;
    this.#tell = tell;
    const file = await loadWeights(weights, tell, signal);
    const provider = await chooseProvider(device, threads);
    const made = await this.#make(file, provider, request).catch(async (error) => {
      // A driver may fail although its adapter reports support.
      if (provider.device !== "webgpu" || device === "webgpu" || !isRuntime(error)) throw error;
      const note = `WebGPU cannot run the model (${(error as Error).message.slice(0, 120)}).`;
      return this.#make(file, { ...wasmProvider(threads), note }, request);
    });
    if (signal.aborted) {
      await made.detector.dispose();
      throw new WhyboxError("aborted", "Cancelled.");
    }
    const { facts } = made.detector;
    this.#models.set(request.model, { ...made, file, facts, last: new Map() });
    return { report: reportOf(file, facts), provider: made.provider };
  }

  /** Makes a detector and runs it once, because a provider's errors occur only in a run. */
  async #make(
    file: ModelFile,
    provider: Provider,
    { runtime, input, options }: OpenRequest,
  ): Promise<{ detector: CoreDetector; provider: Provider }> {
    const ort = await loadRuntime(provider, runtime);
    const detector = await createDetector(
      file.bytes,
      reportingPort(ort, (progress) => this.#tell(progress)),
      {
        executionProviders: [provider.device],
        externalData: file.externalData,
        ...(file.preprocessor === undefined ? {} : { preprocessor: file.preprocessor }),
        ...(file.metadata === undefined ? {} : { metadata: file.metadata }),
        ...(file.names === undefined ? {} : { names: file.names }),
        ...(input === undefined ? {} : { input }),
        ...options,
        rules: provider.device === "webgpu" ? webgpuRules : defaultRules,
      },
    );
    const blank = { height: 64, width: 64, data: new Uint8Array(64 * 64 * 3) };
    if (provider.device === "webgpu") await detector.detect(blank, { ahead: { method: "GradCAM", per: "detection" } });
    return { detector, provider };
  }

  /** Answers a question. */
  async ask(question: Question, call: Call): Promise<Reply<Replies[QuestionKind]>> {
    this.#tell = call.tell;
    switch (question.kind) {
      case "image":
        return whole((await this.#open(question.image)).facts);
      case "png": {
        const { pixels } = await this.#open(question.image);
        // The drawing code and its font are large, and only files need them.
        const { drawPng } = await import("./draw.js");
        return whole(await drawPng(pixels, question.drawing));
      }
      case "inspect":
        return whole(await this.#model(question).detector.inspect());
      case "dispose": {
        const model = this.#model(question);
        this.#models.delete(question.model);
        await model.detector.dispose();
        return whole(null);
      }
      case "prepare":
        await this.#model(question).detector.prepare({ ...question.options, signal: call.signal });
        return whole(null);
      default:
        return this.#askOfImage(question, call);
    }
  }

  async #askOfImage(
    question: Extract<Question, { readonly model: number; readonly image: QuestionImage }>,
    call: Call,
  ): Promise<Reply<Replies[QuestionKind]>> {
    const model = this.#model(question);
    const { pixels, ms } = await this.#open(question.image);
    switch (question.kind) {
      case "detect":
        return whole(await model.detector.detect(pixels, { ...question.options, signal: call.signal }));
      case "explain": {
        const { data, transfer } = sendResult(await explainWith(model, pixels, question.options, call));
        return { value: data, transfer };
      }
      case "heat": {
        const { result } = await remembered(model, pixels, question.options, call);
        const value = heatResult(result, question.options);
        return { value, transfer: buffersOf([value.whole, ...value.maps]) };
      }
      case "layerMaps": {
        const value = await layerMaps(model, pixels, question.options, call);
        return { value, transfer: buffersOf(value) };
      }
      case "document": {
        const { options, about } = question;
        const explained = model.last.get(JSON.stringify(options)) ?? (await remembered(model, pixels, options, call));
        const { documentOf } = await import("./document.js");
        return whole(await documentOf(options, about, explained, { ...model, version: this.#version, decode: ms }));
      }
    }
  }

  /** The image of a question. It is the current one until another comes. */
  async #open({ id, sent, maxPixels }: QuestionImage) {
    if (sent !== undefined) {
      const started = performance.now();
      const { pixels, facts } = await decodeSent(sent, maxPixels);
      this.#image = { id, pixels, facts, ms: performance.now() - started };
      for (const { last } of this.#models.values()) last.clear();
    }
    if (this.#image?.id === id) return this.#image;
    throw new WhyboxError("bad-input", "The image could not be opened.", { details: { absentImage: true } });
  }

  #model({ model }: { readonly model: number }): Model {
    const found = this.#models.get(model);
    if (found === undefined) throw new WhyboxError("runtime", "The detector was disposed. Load it again.");
    return found;
  }
}

function whole<T>(value: T): Reply<T> {
  return { value, transfer: [] };
}

function explainWith(
  { detector }: Model,
  pixels: RgbImage,
  options: ExplainRequest,
  { tell, signal }: Call,
): Promise<ExplainResult> {
  const onProgress = (runs: ExplainProgress) => tell({ stage: "run", ...runs });
  return detector.explain(pixels, { ...options, signal, onProgress });
}

/** Explains, and keeps for a result document what is not transferred. */
async function remembered(model: Model, pixels: RgbImage, options: ExplainRequest, call: Call): Promise<Explained> {
  const result = await explainWith(model, pixels, options, call);
  const explained = { result, heats: mapHeats(result) };
  const { last } = model;
  last.set(JSON.stringify(options), { ...explained, result: withoutValues(result) });
  if (last.size > MAX_LAST) last.delete(last.keys().next().value!);
  return explained;
}

/** The activations of all layers in one run. Empty if nothing is detected, because there is then nothing to explain. */
async function layerMaps(
  { detector }: Model,
  pixels: RgbImage,
  options: ExplainRequest,
  { signal }: Call,
): Promise<readonly LayerMap[]> {
  const layers = detector.facts.layers.filter(({ differentiable }) => differentiable);
  const layer = layers.map(({ index, name }) => index ?? name);
  const found: LayerMap[] = [];
  const method = activationsMethod((map) => found.push({ layer: String(layer[found.length]), ...toUnit(map) }));
  await detector.explain(pixels, { ...options, method, layer, per: "image", signal });
  return found;
}

function buffersOf(maps: readonly { readonly data: Float32Array<ArrayBuffer> }[]): readonly ArrayBuffer[] {
  return [...new Set(maps.map(({ data }) => data.buffer))];
}

function isRuntime(error: unknown): boolean {
  return !(error instanceof WhyboxError) || error.code === "runtime";
}

/** A result with empty maps, because the memory of its maps is transferred to the page. */
function withoutValues(result: ExplainResult): ExplainResult {
  const heatmap = { width: 0, height: 0, data: new Float32Array() };
  const maps = result.maps.map(({ detections, className, maximum }) => ({ detections, className, maximum, heatmap }));
  return { ...result, heatmap, maps };
}

function reportOf(file: ModelFile, facts: ModelFacts): ModelReport {
  const { name, source, format, licence, notice } = file;
  return { ...{ name, source, licence, notice }, format: format as ModelFormat, bytes: sizeOf(file), ...facts };
}
