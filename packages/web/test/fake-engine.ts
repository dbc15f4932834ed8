import type {
  Answer,
  Engine,
  EngineHandle,
  ExplainRequest,
  Explanation,
  Failure,
  HeatMap,
  OnProgress,
  OpenedModel,
  OpenRequest,
} from "@whybox/browser/engine";
import type { Detection, ResultDocument } from "@whybox/core";

/** An engine that answers immediately or on request. It records its calls. */
export class FakeEngine {
  readonly calls: { readonly name: string; readonly job: number; readonly request: unknown }[] = [];
  readonly cancelled: number[] = [];
  /** The progress callbacks of the explanations and result documents. */
  readonly tells: OnProgress[] = [];
  closed = 0;
  started = 0;
  /** Names of calls that wait for `release`. */
  readonly held = new Set<string>();
  readonly #waiting: { readonly name: string; readonly go: () => void }[] = [];
  /** Failures to return, by the name of the call. */
  readonly failures = new Map<string, Failure>();
  /** True if "auto" means WebGPU. */
  hasGpu = false;
  detections: readonly Detection[] = [detection(0, "dog", 0.9), detection(1, "cat", 0.6), detection(2, "dog", 0.4)];

  readonly start = (): EngineHandle => {
    this.started++;
    return { engine: this.#engine, close: () => this.closed++ };
  };

  names(): string[] {
    return this.calls.map(({ name }) => name);
  }

  last(name: string): Record<string, unknown> {
    return this.calls.findLast((call) => call.name === name)!.request as Record<string, unknown>;
  }

  /** Lets all calls go on, or only the one that waits at a place. */
  release(name: string, at?: number): void {
    const waiting = this.#waiting.filter((one) => one.name === name);
    if (at === undefined) this.held.delete(name);
    for (const one of at === undefined ? waiting : [waiting[at]!]) one.go();
  }

  readonly #answer = async <T>(name: string, job: number, request: unknown, value: () => T): Promise<Answer<T>> => {
    this.calls.push({ name, job, request });
    if (this.held.has(name)) await new Promise<void>((go) => this.#waiting.push({ name, go }));
    const failure = this.failures.get(name);
    return failure === undefined ? { ok: true, value: value() } : { ok: false, failure };
  };

  readonly #engine: Engine = {
    open: (job, request, tell) =>
      this.#answer("open", job, request, () => {
        tell({ stage: "session", done: undefined, total: undefined });
        return openedModel(request, this.hasGpu);
      }),
    decode: (job, file) => this.#answer("decode", job, file, () => ({ width: 8, height: 4, shrunkFrom: undefined })),
    frame: (job, frame) => this.#answer("frame", job, frame, () => ({ width: 8, height: 4, shrunkFrom: undefined })),
    detect: (job, request) => this.#answer("detect", job, request, () => this.detections),
    explain: (job, request, tell) => {
      this.tells.push(tell);
      return this.#answer("explain", job, request, () => this.#explain(request));
    },
    activations: (job, request) =>
      this.#answer("activations", job, request, () => [
        { layer: "0", width: 2, height: 1, data: new Float32Array([0, 1]) },
      ]),
    draw: (job, request) => this.#answer("draw", job, request, () => new Blob(["png"])),
    document: (job, request, tell) => {
      this.tells.push(tell);
      return this.#answer("document", job, request, () => ({ schemaVersion: 1 }) as ResultDocument);
    },
    cancel: async (job) => void this.cancelled.push(job),
  };

  #explain(request: ExplainRequest): Explanation {
    const among = this.detections
      .filter(({ index }) => request.detections?.includes(index) ?? true)
      .filter(({ className }) => request.classNames?.includes(className) ?? true);
    const explained = request.box === undefined ? among.map(({ index }) => index) : [];
    const maps = request.per === "detection" ? explained.map((index) => heat([index], index)) : [];
    const timings = { letterbox: 0, forward: 0, detect: 0, backward: 0, finish: 0, total: 0 };
    return {
      ...{ method: request.method ?? "", backprop: ["class"], detections: this.detections, layers: [], notes: [] },
      ...{ whole: heat(explained, 5), maps, asked: undefined, empty: undefined, timings },
    };
  }
}

/** A map of 8 × 4 that is hot in one pixel of its first line. */
export function heat(detections: readonly number[], hot: number): HeatMap {
  const data = new Float32Array(32);
  data[hot] = 1;
  return { detections, className: "", width: 8, height: 4, data };
}

export function detection(index: number, className: string, confidence: number): Detection {
  const corners = { x1: index, y1: 0, x2: index + 2, y2: 2 };
  return {
    ...{ index, classIndex: 0, className, confidence, objectness: 1, classProbability: confidence, row: index },
    ...{ level: 0, levelName: "P3", stride: 8, anchor: 0, cell: [0, 0] },
    boxImage: { frame: "image", ...corners },
    boxInput: { frame: "input", ...corners },
  };
}

const preparation: OpenedModel["input"] = {
  ...{ name: "images", layout: "NCHW", batch: 1, sides: [640, 640], range: 1, rangeFrom: "default", channels: "rgb" },
  ...{ padding: "centre", fit: "letterbox", fitFrom: "default", normalisationFrom: "default" },
  ...{ crop: undefined, mean: undefined, std: undefined, size: undefined },
};

function openedModel({ weights, device }: OpenRequest, hasGpu: boolean): OpenedModel {
  const onGpu = device === "webgpu" || (device === "auto" && hasGpu);
  return {
    ...{ name: weights.kind === "file" ? weights.name : "YOLOv5s", bytes: 1, format: "onnx", producer: "", opset: 17 },
    ...{
      classNames: ["dog", "cat"],
      classNamesFrom: "metadata",
      assumed: [],
      input: preparation,
      stride: 32,
      inputs: [],
      outputs: [],
      levels: [],
      head: "anchor-based",
      layers: [],
    },
    ...{
      notice: undefined,
      provider: { device: onGpu ? "webgpu" : "wasm", threads: 2, note: undefined },
    },
  };
}

/** Waits until all resolved promises are handled. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 50; i++) await Promise.resolve();
}
