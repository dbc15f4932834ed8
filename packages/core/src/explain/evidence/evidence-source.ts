import type { Detection } from "../../detector/detection.js";
import type { Layer } from "../../detector/layer.js";
import { WhyboxError } from "../../errors.js";
import type { Size } from "../../image/frame.js";
import { allFinite } from "../../kernels/range.js";
import type { Depth, Evidence } from "../../methods/method.js";
import { productNeeds } from "../../methods/products.js";
import type { RuntimeTensor } from "../../runtime/port.js";
import { type Map2D, sizeOf, type Tensor } from "../../tensor/tensor.js";
import type { ExplainJob } from "../job.js";
import type { ForwardResult } from "../passes/forward-pass.js";
import { gradientsOf } from "../passes/gradients.js";
import { readFloats } from "../passes/runtime-tensors.js";
import { inputLayer } from "../plan/network-layers.js";
import { requestOf } from "../targets/detection-score.js";
import type { MapTask, ScoredTargets } from "../targets/score-targets.js";
import type { ChangedInputs } from "./blends.js";
import type { MaskedRuns } from "./masked.js";
import { meansOf, sumsOf } from "./reduced-gradients.js";
import { classMaps, placesOf, scoreMap } from "./score-map.js";
import type { TailRequest, ZeroLayers } from "./tail-request.js";
import { disposeZeroLayers } from "./zero-layer.js";

/** One map of a task, and its known gradients. */
export interface EvidenceRequest {
  readonly task: MapTask;
  /** Undefined if the method reads no layer. */
  readonly layer: Layer | undefined;
  /** Layer value → gradient. A layer without an entry has the gradient zero. */
  readonly gradients: ReadonlyMap<string, Tensor>;
}

type Gathered = { -readonly [K in keyof Evidence]?: Evidence[K] };

/**
 * Computes only the evidence that a method declares. Evidence that several maps of an image share is computed once. What further runs of the network are
 * needed for loads on demand: a first visit of a page has no use for it.
 */
export class EvidenceSource {
  readonly #job: ExplainJob;
  readonly #forward: ForwardResult;
  readonly #nonFinite = new Set<string>();
  readonly #activations = new Map<string, Promise<Tensor>>();
  readonly #explained: readonly Detection[];
  readonly #zeroLayers: ZeroLayers = new Map();
  #masked: MaskedRuns | undefined;
  #changed: ChangedInputs | undefined;

  constructor(job: ExplainJob, forward: ForwardResult, { groups }: ScoredTargets) {
    this.#job = job;
    this.#forward = forward;
    this.#explained = [...new Set(groups.flat())];
  }

  /** Values of layers read so far whose activations have NaN or infinity. */
  get nonFinite(): ReadonlySet<string> {
    return this.#nonFinite;
  }

  /** Frees the values that maps share. */
  dispose(): Promise<void> {
    return disposeZeroLayers(this.#zeroLayers);
  }

  async gather(request: EvidenceRequest): Promise<Partial<Evidence>> {
    const { task, layer } = request;
    const size = layer === undefined ? this.#forward.letterbox.inputSize : this.#dimsOf(layer).slice(1);
    return {
      ...(layer && (await this.#ofLayer(request, layer))),
      ...this.#ofPredictions(task, size as [number, number]),
      ...(await this.#ofNetwork(task)),
      ...(await this.#ofDepths(request)),
    };
  }

  async #ofDepths({ task, gradients }: EvidenceRequest): Promise<Gathered> {
    if (!this.#job.plan.needs.has("depths")) return {};
    const depths: Depth[] = [];
    for (const layer of task.layers) {
      const activations = await this.#activationsOf(layer);
      depths.push({ activations, gradients: gradients.get(layer.value) ?? zeros(activations.dims) });
    }
    return { depths };
  }

  /** The detector's scores for the detections of a task, on a grid of `size` cells. */
  scoreMap({ entries }: MapTask, size: Size): Map2D {
    const { predictions, letterbox } = this.#forward;
    const detections = entries.map((entry) => entry.detection);
    return scoreMap(this.#job.loaded.head, predictions, letterbox.inputSize, detections, size);
  }

  /** Evidence that is read at a layer. */
  async #ofLayer({ task, gradients }: EvidenceRequest, layer: Layer): Promise<Gathered> {
    const { needs, main } = this.#job.plan;
    const evidence: Gathered = {};
    const found = gradients.get(layer.value);
    const dims = this.#dimsOf(layer);
    // A sum of products is finite only if the activations are. Otherwise they are read for this check alone.
    const areFinite = main.reduction?.readsActivations === true && found !== undefined && allFinite(found.data);
    const areRead = (["activations", "channelScatter", "tail", "curvature"] as const).some((need) => needs.has(need));
    const activations = areRead || !areFinite ? await this.#activationsOf(layer) : undefined;
    const source = { found, dims, isReduced: main.reduction !== undefined, activations };
    if (needs.has("gradients")) evidence.gradients = found ?? zeros(dims);
    if (needs.has("gradientMeans")) evidence.gradientMeans = meansOf(source);
    for (const need of productNeeds) if (needs.has(need)) evidence[need] = sumsOf(need, source);
    if (activations === undefined) return evidence;
    if (needs.has("activations")) evidence.activations = activations;
    if (needs.has("channelScatter")) evidence.channelScatter = await this.#scatterOf(layer);
    if (!needs.has("tail") && !needs.has("curvature")) return evidence;
    const { curvatureOf, openTail } = await import("./tail.js");
    if (needs.has("tail")) evidence.tail = await openTail(this.#tail(task, layer, activations));
    if (needs.has("curvature")) evidence.curvature = await curvatureOf(this.#tail(task, layer, activations));
    return evidence;
  }

  /** Evidence from the predictions, on a grid of `size` cells. */
  #ofPredictions(task: MapTask, size: Size): Gathered {
    const { plan, loaded } = this.#job;
    const { predictions, letterbox } = this.#forward;
    const { inputSize } = letterbox;
    const detections = task.entries.map((entry) => entry.detection);
    const { needs } = plan;
    const evidence: Gathered = {};
    if (needs.has("scoreMap")) evidence.scoreMap = this.scoreMap(task, size);
    if (needs.has("places")) evidence.places = placesOf(detections, size, inputSize);
    if (needs.has("classMaps")) evidence.classMaps = classMaps(loaded.head, predictions, inputSize);
    return evidence;
  }

  /** Evidence that needs further runs of the whole network. */
  async #ofNetwork({ score, entries }: MapTask): Promise<Gathered> {
    const [job, forward] = [this.#job, this.#forward];
    const { needs } = job.plan;
    const evidence: Gathered = {};
    if (needs.has("blends")) {
      const { ChangedInputs, openBlends } = await import("./blends.js");
      this.#changed ??= new ChangedInputs(forward);
      evidence.blends = openBlends(job, { forward, changed: this.#changed }, entries[0]!);
    }
    if (needs.has("masked")) {
      const { MaskedRuns } = await import("./masked.js");
      this.#masked ??= new MaskedRuns(job, forward, this.#explained);
      evidence.masked = await this.#masked.open(score, entries);
    }
    if (needs.has("pixels")) evidence.pixels = (await import("./pixels.js")).openPixels(job, forward, entries);
    if (needs.has("biases")) evidence.biases = await (await import("./pixels.js")).openBiases(job, forward, entries);
    if (needs.has("guidedGradients")) evidence.guidedGradients = await this.#guided(entries);
    return evidence;
  }

  /** Reads the activations of a layer, once for all its maps. */
  #activationsOf(layer: Layer): Promise<Tensor> {
    const known = this.#activations.get(layer.value);
    if (known) return known;
    const { name, tensor } = this.#tapOf(layer);
    const read = readFloats(name, tensor).then(({ dims, data }) => {
      if (!allFinite(data)) this.#nonFinite.add(layer.value);
      return { dims: dims.slice(1), data };
    });
    this.#activations.set(layer.value, read);
    return read;
  }

  #scatterOf({ value }: Layer): Promise<Tensor> {
    const name = this.#job.plan.main.scatters.get(value)!;
    return readFloats(name, this.#forward.tensors[name]!);
  }

  /** `[C, H, W]` of a layer. */
  #dimsOf(layer: Layer): readonly number[] {
    return this.#tapOf(layer).tensor.dims.slice(1);
  }

  #tapOf(layer: Layer): { readonly name: string; readonly tensor: RuntimeTensor } {
    const name = this.#job.plan.main.activations.get(layer.value);
    if (name === undefined) throw new WhyboxError("internal", `Layer "${layer.value}" was not tapped.`);
    return { name, tensor: this.#forward.tensors[name]! };
  }

  #tail({ score, entries }: MapTask, layer: Layer, activations: Tensor): TailRequest {
    const { loaded, plan, options, signal, progress } = this.#job;
    const detections = entries.map((entry) => entry.detection);
    const [forward, tail] = [this.#forward, plan.main.tail(layer)];
    const zeroLayers = this.#zeroLayers;
    return {
      ...{ loaded, forward, plan: plan.main, tail, activations, zeroLayers },
      ...{ score, detections, options, signal, progress },
    };
  }

  async #guided(entries: MapTask["entries"]): Promise<Tensor> {
    const { loaded, plan, signal } = this.#job;
    const layer = inputLayer(loaded);
    const requests = [requestOf([layer], entries)];
    const [found] = await gradientsOf(loaded, { forward: this.#forward, plan: plan.guided!, requests, signal });
    return found!.get(layer.value) ?? zeros([3, ...this.#forward.letterbox.inputSize]);
  }
}

function zeros(dims: readonly number[]): Tensor {
  return { dims, data: new Float32Array(sizeOf(dims)) };
}
