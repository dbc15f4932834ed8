import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { encodeModel, readTfjs, restoreYolov5, tfjsWeightFiles, WhyboxError } from "@whybox/core";
import type { KnownWeights } from "./registry.js";

/** Part of the cache's file names: raise it when the conversion gives something else. */
export const CONVERSION = 1;

/**
 * The ONNX file of fetched weights: names and dynamic size restored, origin and licence in its metadata. The same input
 * gives the same bytes.
 * @param folder where the package lies unpacked.
 * @throws download when the package lacks a file.
 */
export async function convertWeights(weights: KnownWeights, folder: string): Promise<Uint8Array> {
  const path = join(folder, weights.modelJson);
  const json = (await readPart(path, weights)).toString("utf8");
  const parts: Buffer[] = [];
  for (const name of tfjsWeightFiles(json)) parts.push(await readPart(join(dirname(path), name), weights));
  const model = restoreYolov5(readTfjs(json, new Uint8Array(Buffer.concat(parts))), {
    names: weights.classNames,
    metadata: {
      description: weights.notice,
      license: weights.licence,
      "whybox.source": `npm:${weights.spec}`,
      "whybox.integrity": weights.integrity,
    },
  });
  return encodeModel(model);
}

async function readPart(path: string, weights: KnownWeights): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (cause) {
    throw new WhyboxError("download", `The package ${weights.spec} lacks a file of its model: ${path}.`, {
      details: { weights: weights.name, path },
      cause,
    });
  }
}
