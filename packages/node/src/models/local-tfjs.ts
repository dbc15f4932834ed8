import { createHash } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import { basename, dirname, extname, join } from "node:path";
import { encodeModel, readTfjsDetector, tfjsWeightFiles, WhyboxError } from "@whybox/core";
import { inFile } from "../in-file.js";
import { cacheOnce } from "./cache-once.js";
import { cacheName } from "./cached-model.js";
import { readExportMetadata } from "./export-metadata.js";

const MAX_JSON_BYTES = 64 * 2 ** 20;
const MAX_WEIGHT_BYTES = 2 ** 31;

/** The path of the model.json at `path` (the file, or the folder that contains it); undefined when there is none. */
export async function findTfjs(path: string): Promise<string | undefined> {
  const entry = await stat(path).catch(() => undefined);
  if (entry?.isFile() === true) return extname(path).toLowerCase() === ".json" ? path : undefined;
  if (entry?.isDirectory() !== true) return undefined;
  const inside = join(path, "model.json");
  const found = await stat(inside).catch(() => undefined);
  return found?.isFile() === true ? inside : undefined;
}

/**
 * Returns the path of the cached ONNX file of a TF.js graph model. The model is converted on first use. The weight files are in
 * the folder of model.json. Class names and task come from the metadata.yaml in that folder, if present. The cache identifies
 * a model by its content.
 * @throws bad-input for a missing, invalid or too large file; unsupported-model for ops that cannot be translated; output.
 */
export async function localTfjs(modelJson: string, cacheDir: string): Promise<string> {
  const folder = dirname(modelJson);
  try {
    const json = (await readBounded(modelJson, MAX_JSON_BYTES)).toString("utf8");
    const weights = await readWeights(folder, tfjsWeightFiles(json));
    const described = (await readExportMetadata(folder)) ?? {};
    const hash = createHash("sha256").update(json).update("\0").update(weights).update(JSON.stringify(described));
    const identity = `tfjs ${hash.digest("hex")}`;
    const name = cacheName(basename(folder).replace(/_web_model$/, ""), "tfjs");
    return await cacheOnce(cacheDir, { name, identity, source: modelJson }, async () =>
      encodeModel(readTfjsDetector(json, weights, described)),
    );
  } catch (error) {
    throw error instanceof WhyboxError && error.code === "output" ? error : inFile(error, modelJson);
  }
}

async function readWeights(folder: string, names: readonly string[]): Promise<Buffer> {
  const parts: Buffer[] = [];
  let left = MAX_WEIGHT_BYTES;
  for (const name of names) {
    const part = await readBounded(join(folder, name), left);
    left -= part.length;
    parts.push(part);
  }
  return Buffer.concat(parts);
}

async function readBounded(path: string, maxBytes: number): Promise<Buffer> {
  const entry = await stat(path).catch(() => undefined);
  if (entry?.isFile() !== true) {
    throw new WhyboxError(
      "bad-input",
      `the file ${path} is missing. Put model.json and its weight files into one folder.`,
    );
  }
  if (entry.size > maxBytes) {
    throw new WhyboxError("limit", `${path} has ${entry.size} bytes; the limit is ${maxBytes} bytes.`);
  }
  return readFile(path);
}
