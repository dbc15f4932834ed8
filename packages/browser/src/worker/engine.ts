import {
  type CoreDetector,
  createDetector,
  type Detection,
  type DetectionMap,
  defaultRules,
  type ExplainProgress,
  type ExplainResult,
  jointMap,
  type Map2D,
  type ModelFacts,
  mapHeats,
  type PortFacts,
  type ResultDocument,
  type RgbImage,
  sendResult,
  WhyboxError,
  webgpuRules,
} from "@whybox/core";
import {
  type DecodedPhoto,
  type DetectRequest,
  type DocumentRequest,
  type DrawRequest,
  type ExplainRequest,
  type Explanation,
  type HeatMap,
  type OnProgress,
  type OpenedModel,
  type OpenRequest,
  type Provider,
  QUICK,
  type Question,
  type QuestionImage,
  type Replies,
  type Thumbnail,
} from "../protocol.js";
import { activationsMethod, toUnit } from "./activations.js";
import { type Decoded, decodePhoto, decodeSent, pixelsOf } from "./decode.js";
import type { Explained, Origin } from "./document.js";
import { chooseProvider, wasmProvider } from "./provider.js";
import { filesBeside, loadRuntime, reportingPort } from "./runtime.js";
import { loadWeights, type ModelFile, sizeOf } from "./weights.js";

/** Maximum number of explanations that are kept. They hold no maps. */
const MAX_LAST = 16;

/** The detector and the image of this worker. It takes one call at a time, because a session does one run at a time. */
export class WebEngine {
  #detector: CoreDetector | undefined;
  #origin: Pick<Origin, "file" | "facts" | "provider"> | undefined;
  #decodeMs = 0;
  #pixels: RgbImage | undefined;
  /** The last explanations of the current model and image by their requests, for result documents. */
  readonly #last = new Map<string, Explained>();
  /** Number of the image, if a question brought it. */
  #imageId: number | undefined;
  #tell: OnProgress = () => {};
  #taken: Map2D[] = [];
  readonly #activations = activationsMethod((map) => this.#taken.push(map));
  readonly #version: string;

  /** @param version of Whybox, for result documents. */
  constructor(version: string) {
    this.#version = version;
  }

  async open(request: OpenRequest, tell: OnProgress, signal: AbortSignal): Promise<OpenedModel> {
    const { weights, device, threads } = request;
    const base = new URL(request.base);
    this.#tell = tell;
    const file = await loadWeights(weights, base, tell, signal);
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
    await this.#detector?.dispose();
    this.#detector = made.detector;
    this.#last.clear();
    this.#origin = { file, facts: made.detector.facts, provider: made.provider };
    return modelFacts(file, made.detector.facts, made.provider);
  }

  /** Makes a detector and runs it once, because a provider's errors occur only in a run. */
  async #make(
    file: ModelFile,
    provider: Provider,
    { base, runtime = filesBeside(base), input, options }: OpenRequest,
  ): Promise<{ detector: CoreDetector; provider: Provider }> {
    const ort = await loadRuntime(provider, runtime);
    const detector = await createDetector(
      file.bytes,
      reportingPort(ort, (progress) => this.#tell(progress)),
      {
        executionProviders: [provider.device],
        keepForward: true,
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
    if (provider.device === "webgpu") await detector.detect(blank, { ahead: { method: QUICK, per: "detection" } });
    return { detector, provider };
  }

  async decode(file: Blob): Promise<DecodedPhoto> {
    return this.#take(() => decodePhoto(file));
  }

  async frame(bitmap: ImageBitmap): Promise<DecodedPhoto> {
    return this.#take(() => pixelsOf(bitmap));
  }

  async #take(decode: () => Decoded | Promise<Decoded>): Promise<DecodedPhoto> {
    const started = performance.now();
    const { pixels, facts } = await decode();
    this.#decodeMs = performance.now() - started;
    this.#pixels = pixels;
    this.#imageId = undefined;
    this.#last.clear();
    return facts;
  }

  /** Answers a question of `loadDetector`, with the memory to transfer. */
  async ask(
    question: Question,
    tell: OnProgress,
    signal: AbortSignal,
  ): Promise<{ readonly value: Replies[Question["kind"]]; readonly transfer: readonly ArrayBuffer[] }> {
    const detector = this.#opened(tell);
    if (question.kind === "facts") return { value: detector.facts, transfer: [] };
    if (question.kind === "inspect") return { value: await detector.inspect(), transfer: [] };
    if (question.kind === "prepare") {
      await detector.prepare({ ...question.options, signal });
      return { value: null, transfer: [] };
    }
    await this.#open(question.image);
    const pixels = this.#pixels!;
    if (question.kind === "detect") {
      return { value: await detector.detect(pixels, { ...question.options, signal }), transfer: [] };
    }
    const onProgress = (runs: ExplainProgress) => tell({ stage: "run", ...runs });
    const { data, transfer } = sendResult(await detector.explain(pixels, { ...question.options, signal, onProgress }));
    return { value: data, transfer };
  }

  /** Makes the image of a question the current one, in its own size. */
  async #open({ id, sent }: QuestionImage): Promise<void> {
    if (sent !== undefined) {
      await this.#take(() => decodeSent(sent));
      this.#imageId = id;
    } else if (this.#imageId !== id) throw new WhyboxError("bad-input", "The image could not be opened.");
  }

  async detect(request: DetectRequest, tell: OnProgress, signal: AbortSignal): Promise<readonly Detection[]> {
    const { detector, pixels } = this.#ready(tell);
    return (await detector.detect(pixels, { ...request, signal })).detections;
  }

  async explain(request: ExplainRequest, tell: OnProgress, signal: AbortSignal): Promise<Explanation> {
    const { result } = await this.#explain(request, tell, signal);
    const { method, backprop, detections, asked, layers, notes, timings } = result;
    const isJoint = request.per === "detection" && request.detections === undefined && result.maps.length > 0;
    // Maps are made when they are read, so only one of them is in memory at a time.
    const map = isJoint ? jointMap(heatmapsOf(result)) : result.heatmap;
    const whole = { detections: result.explained, className: asked?.className ?? "", ...plain(map) };
    return {
      ...{ method, backprop, detections, asked, layers, notes, timings, whole },
      maps: (isJoint ? [] : result.maps).map((map: DetectionMap): HeatMap => {
        return { detections: map.detections, className: map.className, ...plain(map.heatmap) };
      }),
      empty: result.empty?.message,
    };
  }

  async #explain(request: ExplainRequest, tell: OnProgress, signal: AbortSignal): Promise<Explained> {
    const { detector, pixels } = this.#ready(tell);
    const onProgress = (runs: ExplainProgress) => tell({ stage: "run", ...runs });
    const result = await detector.explain(pixels, { ...request, signal, onProgress });
    const explained = { result, heats: mapHeats(result) };
    this.#last.set(JSON.stringify(request), { ...explained, result: withoutValues(result) });
    if (this.#last.size > MAX_LAST) this.#last.delete(this.#last.keys().next().value!);
    return explained;
  }

  /** The activations of all layers in one run. Empty if nothing is detected, because the engine then has nothing to explain. */
  async activations(request: ExplainRequest, tell: OnProgress, signal: AbortSignal): Promise<readonly Thumbnail[]> {
    const { detector, pixels } = this.#ready(tell);
    const layers = detector.facts.layers.filter(({ differentiable }) => differentiable);
    this.#taken = [];
    const layer = layers.map(({ index, name }) => index ?? name);
    await detector.explain(pixels, { ...request, method: this.#activations, layer, per: "image", signal });
    return this.#taken.map((map, i) => ({ layer: String(layer[i]), ...toUnit(map) }));
  }

  async draw(request: DrawRequest): Promise<Blob> {
    const { pixels } = this.#ready(() => {});
    // The drawing code and its font are large, and only the export needs them.
    const { drawPng } = await import("./draw.js");
    return drawPng(pixels, request);
  }

  async document(asked: DocumentRequest, tell: OnProgress, signal: AbortSignal): Promise<ResultDocument> {
    const { request } = asked;
    const explained = this.#last.get(JSON.stringify(request)) ?? (await this.#explain(request, tell, signal));
    const { pageDocument } = await import("./document.js");
    return pageDocument(asked, explained, { ...this.#origin!, version: this.#version, decode: this.#decodeMs });
  }

  #ready(tell: OnProgress): { detector: CoreDetector; pixels: RgbImage } {
    const detector = this.#opened(tell);
    if (this.#pixels === undefined) throw new WhyboxError("usage", "No image is open yet.");
    return { detector, pixels: this.#pixels };
  }

  #opened(tell: OnProgress): CoreDetector {
    this.#tell = tell;
    if (this.#detector === undefined) throw new WhyboxError("usage", "No model is open yet.");
    return this.#detector;
  }
}

function* heatmapsOf({ maps }: ExplainResult): Generator<Map2D> {
  for (const { heatmap } of maps) yield heatmap;
}

function isRuntime(error: unknown): boolean {
  return !(error instanceof WhyboxError) || error.code === "runtime";
}

/** A result with empty maps, because the memory of its maps is transferred to the page. */
function withoutValues(result: ExplainResult): ExplainResult {
  const heatmap: Map2D = { width: 0, height: 0, data: new Float32Array() };
  const maps = result.maps.map(({ detections, className, maximum }) => ({ detections, className, maximum, heatmap }));
  return { ...result, heatmap, maps };
}

/** A copy in memory that can be transferred. */
function plain({ width, height, data }: Map2D): Pick<HeatMap, "width" | "height" | "data"> {
  return {
    width,
    height,
    data: data.buffer instanceof ArrayBuffer ? (data as HeatMap["data"]) : new Float32Array(data),
  };
}

function modelFacts(file: ModelFile, facts: ModelFacts, provider: Provider): OpenedModel {
  const port = ({ name, type, shape }: PortFacts) => `${name}: ${type} [${shape.map((dim) => dim ?? "?").join(", ")}]`;
  return {
    name: file.name,
    bytes: sizeOf(file),
    format: file.format,
    producer: facts.producer,
    opset: facts.opset,
    classNames: facts.classNames,
    classNamesFrom: facts.classNamesFrom,
    input: facts.input,
    assumed: facts.head.assumed ?? [],
    stride: facts.stride,
    inputs: facts.inputs.map(port),
    outputs: facts.outputs.map(port),
    levels: facts.head.levels.map(({ name, stride }) => ({ name, stride })),
    head: facts.head.kind,
    layers: facts.layers.map(({ index, name, differentiable, reason }) => ({ index, name, differentiable, reason })),
    notice: file.notice,
    provider,
  };
}
