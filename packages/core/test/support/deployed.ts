import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import type { InputOptions } from "../../src/detector/input/pixel-form.js";
import { sizeOf, type Tensor } from "../../src/tensor/tensor.js";
import type { ExportGradient, PackedTensor } from "./exports.js";

/** fixtures/heads: see fixtures/make/deployed-heads.py for how they are made and what the numbers are. */
const folder = fileURLToPath(new URL("../../../../fixtures/heads/", import.meta.url));

/** What PyTorch says about a file with the head of a detector as it is deployed. */
export interface DeployedRecord {
  readonly size: readonly [number, number];
  /** What the file does not tell. */
  readonly options: { readonly anchors?: string; readonly input?: InputOptions };
  readonly strides: readonly number[];
  /** Boxes per cell, of all levels or of each. */
  readonly perCell: number | readonly number[];
  /** Whether the labels of the file start at 1, after the background. */
  readonly labelsFromOne?: boolean;
  /** True where the number of rows follows from a run only: the network resizes images of any size. */
  readonly isOpen?: boolean;
  readonly objectness: boolean;
  readonly classes: number;
  readonly kind: string;
  /** `[1, R, 5 + K + E]` in the common layout, ordered by level, anchor and cell. */
  readonly rows: PackedTensor;
  readonly gradients: readonly ExportGradient[];
}

export const deployedNames: readonly string[] = readdirSync(folder)
  .filter((file) => file.endsWith(".onnx.gz"))
  .map((file) => file.slice(0, -".onnx.gz".length))
  .sort();

/** Whether `npm test` runs all tests of it: one of each kind of head, all with constants in float16, and all with a selection. */
export function isTypicalHead(name: string): boolean {
  return typical.test(name);
}

const typical =
  /^(efficientdet|yolo-nas|ppyoloe|picodet-nms|rtmdet-nms|damo-yolo|v7-raw|ssd-plain|tf-ssd|torchvision-(ssd|retinanet|fcos))$/;

export function deployedBytes(name: string): Uint8Array {
  return new Uint8Array(gunzipSync(readFileSync(`${folder}${name}.onnx.gz`)));
}

/** Families whose images Whybox prepares as their authors do, where the numbers are those of the network's own input. */
const PREPARED: ReadonlySet<string> = new Set(["scrfd", "retinaface", "yunet", "nanodet-plus", "retinanet-raw"]);
const AS_IT_IS: InputOptions = { range: 1, channels: "rgb", mean: [0, 0, 0], std: [1, 1, 1] };

export function deployedRecord(name: string): DeployedRecord {
  const record = JSON.parse(readFileSync(`${folder}${name}.json`, "utf8")) as DeployedRecord;
  return PREPARED.has(name) ? { ...record, options: { ...record.options, input: AS_IT_IS } } : record;
}

/** The input that the numbers are for: frac(i·i·0.6180339887). */
export function deployedInput({ size }: DeployedRecord): Tensor {
  const dims = [1, 3, ...size];
  return { dims, data: Float32Array.from({ length: sizeOf(dims) }, (_, i) => (i * i * 0.6180339887) % 1) };
}

/** Weights of the score that the gradients are of: frac(i·0.7548776662) − 0.5. */
export function deployedCotangent({ rows: { dims } }: DeployedRecord): Tensor {
  return { dims, data: Float32Array.from({ length: sizeOf(dims) }, (_, i) => ((i * 0.7548776662) % 1) - 0.5) };
}
