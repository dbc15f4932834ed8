import { readFile } from "node:fs/promises";
import { type NamedModel, WhyboxError } from "@whybox/core";
import { type ResolveWeightsOptions, resolveWeights } from "../models/resolve-weights.js";
import type { PageFile } from "./page-files.js";

/** The page's default weights: a model file and its description. */
export interface PageWeights {
  readonly file: PageFile;
  readonly facts: NamedModel;
}

const DEFAULT = "yolov5s";

/**
 * Returns the default weights from the cache. On first use they are fetched.
 * @throws download, output, aborted as `resolveWeights`; bad-input when their JSON file in the cache is damaged.
 */
export async function findPageWeights(options: ResolveWeightsOptions = {}): Promise<PageWeights> {
  const { path, source, convertedFrom, licence, notice } = await resolveWeights(DEFAULT, options);
  const { bytes, sha256 } = await readSidecar(`${path}.json`);
  const facts = { name: "YOLOv5s", source, format: convertedFrom ?? "onnx", licence, notice, bytes, sha256 };
  return { file: { path, type: "application/octet-stream" }, facts };
}

async function readSidecar(path: string): Promise<{ bytes: number; sha256: string }> {
  try {
    const found = JSON.parse(await readFile(path, "utf8")) as Record<string, unknown>;
    const { bytes, sha256 } = found;
    if (typeof bytes === "number" && typeof sha256 === "string") return { bytes, sha256 };
  } catch (cause) {
    throw damaged(path, cause);
  }
  throw damaged(path);
}

function damaged(path: string, cause?: unknown): WhyboxError {
  return new WhyboxError("bad-input", `Cannot read ${path}. Remove it to fetch the weights again.`, {
    cause,
  });
}
