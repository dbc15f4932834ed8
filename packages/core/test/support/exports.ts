import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import { sizeOf, type Tensor } from "../../src/tensor/tensor.js";

/** fixtures/exports: see fixtures/make/ultralytics-exports.py and query-exports.py for how they are made and what the numbers are. */
const folder = fileURLToPath(new URL("../../../../fixtures/exports/", import.meta.url));

/** float32 in base64, zeros at the end left out. */
export interface PackedTensor {
  readonly dims: readonly number[];
  readonly data: string;
}

export interface ExportGradient {
  /** Index of the layer, and the value of the graph that it gives. */
  readonly layer: number;
  readonly value: string;
  readonly dims: readonly number[];
  /** Flat places that `data` tells; all of them when missing. */
  readonly at?: readonly number[];
  readonly data: string;
  /** Largest magnitude, sum, Euclidean norm. */
  readonly max: number;
  readonly sum: number;
  readonly norm: number;
}

/** What PyTorch says about an export. */
export interface ExportRecord {
  readonly opset: number;
  readonly task: "detect" | "segment" | "pose" | "obb";
  /** The head's class. */
  readonly head: string;
  readonly names: readonly string[];
  readonly strides: readonly number[];
  /** TopK inside. */
  readonly end2end: boolean;
  readonly nms: boolean;
  /** Columns between the boxes and the classes: 1 with objectness. */
  readonly objectness?: number;
  /** "logits" when `decoded` has logits of the classes; probabilities when missing. */
  readonly scores?: "logits";
  /** What `decoded` holds. Shares are boxes of queries. */
  readonly boxes: "xywh" | "xyxy" | "xywh, 0..1" | "grid";
  /** The axis of `decoded` that counts predictions: last in [1, C, A], first in [1, A, C]. */
  readonly rows: "first" | "last";
  /** `fp16`, or how it was quantised; float32 when missing. */
  readonly precision?: string;
  /** What the graph does to its input, or takes: 0..1 NCHW when missing. */
  readonly pixels?: string;
  /** `dims` of the input that the numbers are for; `shape` as the graph declares it. */
  readonly input: {
    readonly name: string;
    readonly dims: readonly number[];
    readonly type: string;
    readonly shape: readonly (number | string)[];
  };
  /** Predictions before any TopK or NMS, and the value of the graph that holds them: null when boxes and scores are two, `parts`. */
  readonly decoded: PackedTensor & { readonly value: string | null; readonly parts?: readonly [string, string] };
  readonly outputs: readonly (
    | { readonly name: string; readonly same: "decoded" }
    | ({ readonly name: string } & PackedTensor)
  )[];
  readonly gradients: readonly ExportGradient[];
}

/** Names of all fixtures. */
/** One export of each family, task and precision: `npm test` compares the gradients of these, `npm run test:long` those of all. */
export const typicalExports: readonly string[] = [
  "v5",
  "v5-seg",
  "v5-int8",
  "v6",
  "v8-pose",
  "v8-255",
  "v8-qlinear",
  "v8-int8-dynamic",
  "v9",
  "v10",
  "11-fp16",
  "11-seg",
  "12",
  "26",
  "26-obb",
  "rtdetr",
  "dfine",
  "rfdetr",
  "yolox",
];

export const exportNames: readonly string[] = readdirSync(folder)
  .filter((file) => file.endsWith(".onnx.gz"))
  .map((file) => file.slice(0, -".onnx.gz".length))
  .sort();

/** The ONNX file as it was exported. */
export function exportBytes(name: string): Uint8Array {
  return new Uint8Array(gunzipSync(readFileSync(`${folder}${name}.onnx.gz`)));
}

export function exportRecord(name: string): ExportRecord {
  return JSON.parse(readFileSync(`${folder}${name}.json`, "utf8")) as ExportRecord;
}

/** Numbers of a record, with the zeros at the end. */
export function unpack({ dims, data }: PackedTensor): Tensor {
  const bytes = Buffer.from(data, "base64");
  const values = new Float32Array(sizeOf(dims));
  for (let i = 0; i * 4 < bytes.length; i++) values[i] = bytes.readFloatLE(i * 4);
  return { dims, data: values };
}

/** The input that the numbers are for: frac(i·i·0.6180339887), times 255 and rounded down where the graph takes 0..255. */
export function exportInput({ input: { dims }, pixels }: ExportRecord): Tensor {
  const data = Float32Array.from({ length: sizeOf(dims) }, (_, i) => (i * i * 0.6180339887) % 1);
  return { dims, data: pixels?.includes("255") ? data.map((value) => Math.floor(value * 255)) : data };
}

/** The first image of `exportInput` as RGB planes `[1, 3, H, W]` in 0..1, which is what a loaded model takes. */
export function ownInput(record: ExportRecord): Tensor {
  const { dims, data } = exportInput(record);
  const isLast = record.input.dims[1] !== 3;
  const [H, W] = (isLast ? dims.slice(1, 3) : dims.slice(2)) as [number, number];
  const most = record.pixels?.includes("255") ? 255 : 1;
  const planes = Float32Array.from({ length: 3 * H * W }, (_, i) => {
    const [c, place] = [Math.floor(i / (H * W)), i % (H * W)];
    return data[isLast ? 3 * place + c : i]! / most;
  });
  return { dims: [1, 3, H, W], data: planes };
}

/** Weights of the score that the gradients are of: frac(i·0.7548776662) − 0.5, laid out as `decoded`. */
export function exportCotangent({ decoded: { dims } }: ExportRecord): Tensor {
  return { dims, data: Float32Array.from({ length: sizeOf(dims) }, (_, i) => ((i * 0.7548776662) % 1) - 0.5) };
}
