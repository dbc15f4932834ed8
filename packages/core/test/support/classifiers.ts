import { readdirSync, readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import type { RgbImage } from "../../src/image/frame.js";
import type { ExportGradient } from "./exports.js";

/** What PyTorch and pytorch-grad-cam compute for a small classifier: see fixtures/make/classifiers.py. */
export interface ClassifierRecord {
  readonly size: readonly [height: number, width: number];
  readonly activation: "Softmax" | "Sigmoid";
  readonly names?: readonly string[];
  /** The value of the map before the pooling. */
  readonly layer: string;
  readonly logits: readonly number[];
  readonly probabilities: readonly number[];
  readonly gradients: readonly ExportGradient[];
  /** The class that the maps explain. */
  readonly target?: number;
  /** Method of pytorch-grad-cam → its map, of the size of the image. */
  readonly maps?: Readonly<Record<string, string>>;
}

const folder = new URL("../../../../fixtures/classifiers/", import.meta.url);

export const classifierNames: readonly string[] = readdirSync(folder)
  .filter((file) => file.endsWith(".json"))
  .map((file) => file.slice(0, -".json".length));

export function classifierRecord(name: string): ClassifierRecord {
  return JSON.parse(readFileSync(new URL(`${name}.json`, folder), "utf8")) as ClassifierRecord;
}

export function classifierBytes(name: string): Uint8Array {
  return new Uint8Array(gunzipSync(readFileSync(new URL(`${name}.onnx.gz`, folder))));
}

/** The image of the fixtures. */
export function classifierImage([height, width]: ClassifierRecord["size"]): RgbImage {
  const data = Uint8Array.from({ length: height * width * 3 }, (_, i) => Number((BigInt(i) * BigInt(i) * 89n) % 251n));
  return { height, width, data };
}

/** The preparation of the fixtures: 0..1, without mean and standard deviation. */
export const plainPixels = { fit: "stretch", mean: [0, 0, 0], std: [1, 1, 1] } as const;
