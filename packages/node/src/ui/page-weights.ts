import { readFile } from "node:fs/promises";
import { WhyboxError } from "@whybox/core";
import { type ResolveWeightsOptions, resolveWeights } from "../models/resolve-weights.js";
import type { PageFile } from "./page-files.js";

/** The default weights as the page asks for them: a model file, and what is to be said of it. */
export interface PageWeights {
  readonly file: PageFile;
  readonly facts: {
    readonly name: string;
    /** As `--weights` takes it. */
    readonly source: string;
    readonly format: string;
    readonly licence: string;
    readonly notice: string;
    readonly bytes: number;
    readonly sha256: string;
  };
}

const DEFAULT = "yolov5s";

/**
 * The default weights from the cache, fetched first where they are not there.
 * @throws download, output, aborted as `resolveWeights`; bad-input when what lies beside them is damaged.
 */
export async function findPageWeights(options: ResolveWeightsOptions = {}): Promise<PageWeights> {
  const { path, source, convertedFrom, licence = "", notice = "" } = await resolveWeights(DEFAULT, options);
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
  return new WhyboxError("bad-input", `${path} cannot be read. Remove it; the weights are then fetched again.`, {
    cause,
  });
}
