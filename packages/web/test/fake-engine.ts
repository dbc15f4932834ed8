import type {
  Detector,
  Engine,
  HeatMap,
  HeatResult,
  ImageFacts,
  ModelReport,
  OpenOptions,
  WeightsSource,
} from "@whybox/browser";
import {
  type Detection,
  type ExplainOptions,
  type Measurement,
  type ResultDocument,
  WhyboxError,
  type WhyboxErrorCode,
} from "@whybox/core";

interface Call {
  readonly name: string;
  readonly request: unknown;
}

type OnProgress = NonNullable<ExplainOptions["onProgress"]>;

/** An engine that answers immediately or on request. It records its calls. */
export class FakeEngine {
  readonly calls: Call[] = [];
  /** The calls that were aborted while they ran. */
  readonly cancelled: Call[] = [];
  /** The progress callbacks of the explanations and result documents. */
  readonly tells: (OnProgress | undefined)[] = [];
  /** The detectors that were disposed. */
  readonly disposed: string[] = [];
  closed = 0;
  started = 0;
  /** Names of calls that wait for `release`. */
  readonly held = new Set<string>();
  readonly #waiting: { readonly name: string; readonly go: () => void }[] = [];
  /** Errors to throw, by the name of the call. */
  readonly failures = new Map<string, WhyboxError>();
  /** True if "auto" means WebGPU. */
  hasGpu = false;
  detections: readonly Detection[] = [detection(0, "dog", 0.9), detection(1, "cat", 0.6), detection(2, "dog", 0.4)];

  readonly start = (): Engine => {
    this.started++;
    let end: (error: unknown) => void = () => {};
    const ended = new Promise<never>((_, reject) => {
      end = reject;
    });
    ended.catch(() => undefined);
    const call = <T>(name: string, request: unknown, signal: AbortSignal | undefined, value: () => T): Promise<T> =>
      Promise.race([this.#answer(name, request, signal, value), ended]);
    const size: ImageFacts = { width: 8, height: 4, shrunkFrom: undefined };
    const engine: Engine = {
      loadDetector: ((weights: WeightsSource, { signal, onStage, ...options }: OpenOptions = {}) =>
        call("open", { weights, ...options }, signal, () => {
          onStage?.("session");
          const name = weights instanceof File ? weights.name : "YOLOv5s";
          const onGpu = options.device === "webgpu" || (options.device === "auto" && this.hasGpu);
          const provider = { device: onGpu ? ("webgpu" as const) : ("wasm" as const), threads: 2, note: undefined };
          return { ...this.#detector(call), report: modelReport(name), provider, engine };
        })) as Engine["loadDetector"],
      open: (image, { signal } = {}) => call("decode", image, signal, () => size),
      toPng: (_, drawing) => call("draw", drawing, undefined, () => new Blob(["png"])),
      close: (why) => {
        this.closed++;
        end(why);
      },
    };
    return engine;
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

  async #answer<T>(name: string, request: unknown, signal: AbortSignal | undefined, value: () => T): Promise<T> {
    const call = { name, request };
    this.calls.push(call);
    const cancel = () => this.cancelled.push(call);
    signal?.addEventListener("abort", cancel);
    if (this.held.has(name)) await new Promise<void>((go) => this.#waiting.push({ name, go }));
    signal?.removeEventListener("abort", cancel);
    const failure = this.failures.get(name);
    if (failure !== undefined) throw failure;
    return value();
  }

  #detector(
    call: <T>(name: string, request: unknown, signal: AbortSignal | undefined, value: () => T) => Promise<T>,
  ): Pick<Detector, "detect" | "heat" | "layerMaps" | "document" | "dispose"> {
    return {
      detect: (async (_, { signal, ...request } = {}) =>
        call("detect", request, signal, () => ({ detections: this.detections }))) as Detector["detect"],
      heat: (_, { signal, onProgress, ...request } = {}) => {
        this.tells.push(onProgress);
        return call("explain", request, signal, () => this.#explain(request));
      },
      layerMaps: (_, { signal, ...request } = {}) =>
        call("activations", request, signal, () => [
          { layer: "0", width: 2, height: 1, data: new Float32Array([0, 1]) },
        ]),
      document: (_, { onProgress, ...request } = {}) => {
        this.tells.push(onProgress);
        return call("document", request, undefined, () => ({ schemaVersion: 1 }) as ResultDocument);
      },
      dispose: async () => void this.disposed.push("detector"),
    };
  }

  #explain(request: ExplainOptions): HeatResult {
    const among = this.detections
      .filter(({ index }) => request.detections?.includes(index) ?? true)
      .filter(({ className }) => request.classNames?.includes(className) ?? true);
    const explained = request.box === undefined ? among.map(({ index }) => index) : [];
    const maps = request.per === "detection" ? explained.map((index) => heat([index], index)) : [];
    const timings = { letterbox: 0, forward: 0, detect: 0, backward: 0, finish: 0, measure: 0, total: 0 };
    return {
      ...{ method: String(request.method), backprop: ["class"], detections: this.detections, layers: [], notes: [] },
      searched: [],
      measured: request.measure ? [{ className: "dog", map: { sufficient: 0.25 } } as Measurement] : [],
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

/** An error as the engine throws it. */
export function failure(
  code: WhyboxErrorCode,
  message: string,
  details: Readonly<Record<string, unknown>> = {},
): WhyboxError {
  return new WhyboxError(code, message, { details });
}

/** What the controller reads of a report. */
function modelReport(name: string): ModelReport {
  const head = { kind: "anchor-based", levels: [] };
  return { name, head, classNames: ["dog", "cat"], layers: [] } as unknown as ModelReport;
}

/** Waits until all resolved promises are handled. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 100; i++) await Promise.resolve();
}
