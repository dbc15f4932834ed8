import { mkdtemp, readdir, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { PassThrough } from "node:stream";
import { type ExplainOptions, type ExplainResult, type RgbImage, resolveMethod, WhyboxError } from "@whybox/core";
import type { Detector, LoadOptions, ModelReport } from "../../src/api.js";
import type { CliContext } from "../../src/cli/context.js";
import { main } from "../../src/cli/main.js";
import type { Services } from "../../src/images/services.js";
import { runSchema } from "../../src/io/result-schema.js";

/** The calls and outputs of a fake run. */
export interface World {
  readonly context: CliContext;
  readonly calls: string[];
  readonly loads: { readonly weights: string; readonly options: LoadOptions }[];
  readonly explains: unknown[];
  stdout(): string;
  stderr(): string;
  run(...argv: string[]): Promise<number>;
}

export interface WorldOptions {
  readonly cwd?: string;
  readonly services?: Partial<Services>;
  readonly signal?: AbortSignal;
  readonly env?: Record<string, string>;
  readonly tty?: boolean;
  readonly report?: Partial<ModelReport>;
  /** The result of each explanation, by the image. */
  readonly result?: (image: RgbImage, options: ExplainOptions) => ExplainResult;
}

export async function temporaryFolder(): Promise<string> {
  return mkdtemp(join(tmpdir(), "whybox-cli-"));
}

/** Writes files that the fake decoder accepts as images. */
export async function putImages(folder: string, ...names: string[]): Promise<void> {
  for (const name of names) await writeFile(join(folder, name), "image");
}

/** A stream that cli-progress accepts as a terminal. */
export function fakeTerminal(): { stream: NodeJS.WritableStream; text(): string } {
  const stream = Object.assign(new PassThrough(), { isTTY: true, columns: 100, rows: 20 });
  let text = "";
  stream.on("data", (chunk: Buffer) => {
    text += chunk.toString();
  });
  return { stream, text: () => text };
}

/** Readers for the files in a folder, and for the output of a run. */
export function readersOf(folder: () => string) {
  return {
    resultFiles: async (under = "runs/explain/exp") => (await readdir(join(folder(), under))).sort(),
    json: async (path: string) => JSON.parse(await readFile(join(folder(), path), "utf8")),
    printed: (run: World) => runSchema.parse(JSON.parse(run.stdout())),
  };
}

export function createWorld(options: WorldOptions = {}): World {
  const out: string[] = [];
  const err: string[] = [];
  const calls: string[] = [];
  const loads: World["loads"] = [];
  const explains: unknown[] = [];
  const isTTY = options.tty ?? false;
  const detector = fakeDetector(options, calls, explains);
  const services: Services = {
    async loadDetector(weights, loadOptions) {
      calls.push("load");
      loads.push({ weights, options: loadOptions });
      return detector;
    },
    async decodeImage(source) {
      if (String(source).includes("bad")) throw new WhyboxError("bad-input", `${source} is text by its content.`);
      return fakeImage;
    },
    renderOverlay(image, _heatmap, overlay) {
      const { opacity, boxes, detections = [], crop } = overlay;
      const asked = detections.filter((one) => one.asked).map((one) => ` asked=${one.className}`);
      const cut = crop === undefined ? "" : ` crop=${crop}`;
      calls.push(`render opacity=${opacity} boxes=${boxes} detections=${detections.length}${asked}${cut}`);
      return image;
    },
    renderContactSheet(image, tiles) {
      calls.push(`sheet ${tiles.map((tile) => tile.caption).join(" | ")}`);
      return image;
    },
    encodePng: async () => new TextEncoder().encode("png"),
    encodeNpy: (map) => new TextEncoder().encode(`npy ${map.height}x${map.width}`),
    writeFile: (path, bytes) => writeFile(path, bytes),
    ...options.services,
  };
  const context: CliContext = {
    stdout: { write: (text) => out.push(text), isTTY },
    stderr: { write: (text) => err.push(text), isTTY },
    barStream: undefined,
    cwd: options.cwd ?? tmpdir(),
    env: options.env ?? {},
    signal: options.signal ?? new AbortController().signal,
    version: "9.9.9",
    platform: "darwin",
    open: async (target) => void calls.push(`open ${relative(options.cwd ?? tmpdir(), target)}`),
    methods: fakeMethods,
    loadServices: async () => services,
  };
  return {
    context,
    calls,
    loads,
    explains,
    stdout: () => out.join(""),
    stderr: () => err.join(""),
    run: (...argv) => main(argv, context),
  };
}

const methods = ["GradCAM", "tap-fusion", "D-RISE"].map((id) => resolveMethod(id));

/** Three real methods, and one that uses every option. */
const fakeMethods: CliContext["methods"] = [
  ...methods,
  { ...methods[0]!, id: "takes-all", aliases: [], samples: "steps", usesSeed: true, hasCompat: true, ablates: true },
];

function fakeDetector(options: WorldOptions, calls: string[], explains: unknown[]): Detector {
  const report: ModelReport = { ...fakeReport, ...options.report };
  return {
    report,
    inspect: async () => report,
    detect: () => Promise.reject(new Error("not used by the command")),
    explain: async (image, explainOptions) => {
      calls.push("explain");
      const { signal, onProgress, ...rest } = explainOptions ?? {};
      if (signal?.aborted) throw new WhyboxError("aborted", "The operation was aborted.");
      explains.push(rest);
      return (options.result ?? (() => fakeResult))(image as RgbImage, { ...rest, ...(onProgress && { onProgress }) });
    },
    check: () => Promise.reject(new Error("only whybox check uses it")),
    dispose: async () => {
      calls.push("dispose");
    },
  };
}

export const fakeImage: RgbImage = { height: 4, width: 6, data: new Uint8Array(72) };

const heatmap = { height: 4, width: 6, data: new Float32Array(24).fill(0.5) };

export const fakeResult: ExplainResult = {
  method: "GradCAM",
  detections: [
    {
      index: 0,
      classIndex: 1,
      className: "dog",
      confidence: 0.875,
      objectness: 0.9,
      classProbability: 0.97,
      boxImage: { frame: "image", x1: 1, y1: 1, x2: 5, y2: 3 },
      boxInput: { frame: "input", x1: 10, y1: 10, x2: 50, y2: 30 },
      row: 17,
      level: 0,
      levelName: "P3",
      stride: 8,
      anchor: 2,
      cell: [3, 1],
    },
    {
      index: 1,
      classIndex: 0,
      className: "cat\u001b[31m",
      confidence: 0.5,
      objectness: 0.6,
      classProbability: 0.8,
      boxImage: { frame: "image", x1: 0, y1: 0, x2: 2, y2: 2 },
      boxInput: { frame: "input", x1: 0, y1: 0, x2: 20, y2: 20 },
      row: 3,
      level: 1,
      levelName: "P4",
      stride: 16,
      anchor: 0,
      cell: [0, 0],
    },
  ],
  backprop: ["class"],
  explained: [0, 1],
  heatmap,
  maps: [],
  asked: undefined,
  notes: [],
  searched: [],
  measured: [],
  heatmapInput: { height: 32, width: 64, data: new Float32Array(32 * 64) },
  letterbox: { imageSize: [4, 6], inputSize: [32, 64], contentSize: [32, 48], scale: 8, padTop: 0, padLeft: 8 },
  layers: [
    {
      index: 17,
      name: "model.17",
      value: "/model.17/out",
      channels: 128,
      size: [4, 8],
      detections: [0, 1],
      blind: [1],
      gradientMax: 0.25,
      message: "This layer cannot see detection 1; use the layer auto.",
    },
  ],
  scores: [{ backprop: "class", className: null, detections: [0, 1], value: -0.5, withoutScore: [] }],
  empty: undefined,
  timings: { letterbox: 1, forward: 2, detect: 3, backward: 4, finish: 5, measure: 0, total: 15 },
};

/** Each detection with a map of its own: half of the first one's heat is in its box, and the second one has none. */
export const resultPerDetection: ExplainResult = {
  ...fakeResult,
  maps: [
    { detections: [0], className: "dog", heatmap: { ...heatmap, data: heatOf([8, 23]) }, maximum: 2 },
    { detections: [1], className: "cat\u001b[31m", heatmap: { ...heatmap, data: heatOf([]) }, maximum: 0 },
  ],
};

function heatOf(hot: readonly number[]): Float32Array {
  return new Float32Array(24).map((_, i) => (hot.includes(i) ? 1 : 0));
}

export const emptyResult: ExplainResult = {
  ...fakeResult,
  detections: [],
  explained: [],
  layers: [],
  scores: [],
  empty: { reason: "no-detection", message: "Nothing was detected with a confidence of at least 0.25." },
};

export const fakeReport: ModelReport = {
  source: "yolov5s",
  format: "onnx",
  bytes: 1_500_000,
  sha256: "ab".repeat(32),
  licence: undefined,
  notice: undefined,
  producer: "pytorch",
  description: "Tiny, version 1",
  licenceInFile: undefined,
  precision: "float32",
  storedPrecision: "float32",
  opset: 12,
  classNames: ["cat", "dog"],
  classNamesFrom: "metadata",
  stride: 32,
  inputs: [{ name: "images", type: "float32", shape: [1, 3, "height", null] }],
  outputs: [{ name: "output", type: "float32", shape: [1, "rows", 7] }],
  head: {
    kind: "anchor-based",
    task: "detect",
    output: "output",
    source: 'output "output" [1, rows, 5 + classes]',
    hasObjectness: true,
    selection: { nms: true, labels: "best" },
    levels: [
      {
        name: "P3",
        stride: 8,
        anchors: 3,
        inputs: ["/model.17/out"],
        convOutputs: ["/model.24/m.0/out"],
        rows: undefined,
      },
    ],
  },
  input: {
    name: "images",
    layout: "NCHW",
    batch: 1,
    sides: [undefined, 64],
    range: 1,
    channels: "rgb",
    padding: "centre",
    rangeFrom: "default",
    fit: "letterbox",
    fitFrom: "default",
    crop: undefined,
    mean: undefined,
    std: undefined,
    normalisationFrom: "default",
    size: undefined,
  },
  inputSize: [32, 64],
  layers: [
    {
      index: 17,
      name: "model.17",
      value: "/model.17/out",
      dims: [1, 128, 4, 8],
      levels: ["P3"],
      differentiable: true,
      reason: undefined,
    },
    {
      index: undefined,
      name: "x",
      value: "x",
      dims: undefined,
      levels: [],
      differentiable: false,
      reason: "Foo has no gradient rule",
    },
  ],
  opsWithoutRule: [
    { op: "Foo", count: 2, onPath: true },
    { op: "Mod", count: 1, onPath: false },
  ],
};
