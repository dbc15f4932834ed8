import { posix } from "node:path";
import { encodeModel, readTfjsDetector, tfjsWeightFiles, WhyboxError } from "@whybox/core";
import type { PackagedWeights } from "./registry.js";

/** Part of the cache's file names: raise it when the conversion gives something else. */
export const CONVERSION = 1;

/**
 * The ONNX file of weights fetched in a package: names and dynamic size restored, origin and licence in its metadata. The
 * same input gives the same bytes.
 * @param files of the package, by their paths in it.
 * @throws download when the package lacks a file.
 */
export function convertPackage(weights: PackagedWeights, files: ReadonlyMap<string, Uint8Array>): Uint8Array {
  const fileAt = (path: string): Uint8Array => {
    const bytes = files.get(path);
    if (bytes !== undefined) return bytes;
    throw new WhyboxError("download", `The package ${weights.spec} lacks a file of its model: ${path}.`, {
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
