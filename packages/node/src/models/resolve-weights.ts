import { stat } from "node:fs/promises";
import { extname, resolve } from "node:path";
import { didYouMean, WhyboxError } from "@whybox/core";
import type { DownloadProgress } from "../api.js";
import { stopIfAborted } from "../stop-if-aborted.js";
import { cacheFolder, type Environment } from "./cache-folder.js";
import { findTfjs, localTfjs } from "./local-tfjs.js";
import { packagedWeights } from "./npm-weights.js";
import { type KnownWeights, knownWeights } from "./registry.js";
import { type FetchContext, isUrl, releasedWeights, weightsFromUrl } from "./remote-weights.js";

export interface ResolveWeightsOptions {
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
  /** Most bytes of a file behind a URL. Default 1 GB. */
  readonly maxBytes?: number;
  /** For the whole download of a file behind a URL. Default 30 minutes. */
  readonly timeoutMs?: number;
}

/** Weights as a file. */
export interface ResolvedWeights {
  /** As given. */
  readonly source: string;
  /** The model file: ONNX or a PyTorch checkpoint. */
  readonly path: string;
  /** Where the file was converted from a TF.js model. */
  readonly convertedFrom?: "tfjs";
  /** Licence of weights that Whybox fetched by name; undefined for the user's own file. */
  readonly licence?: string;
  /** A sentence for the user about origin and licence; undefined for the user's own file. */
  readonly notice?: string;
}

/**
 * Finds a model file from what the user gave:
 *
 * - the path of an ONNX file or a checkpoint (.pt), which stays where it is, or of a TF.js model (model.json, or its folder);
 * - an http(s) URL of an ONNX file or a checkpoint, with `#sha256=<hex>` behind it where the digest is known;
 * - the name of known weights.
 *
 * What is not a file of the user's own is fetched, checked, converted and cached once. Several processes may do so at the
 * same time.
 * @throws bad-input for a missing or broken file or an unknown name; unsupported-model; download; limit; output when the cache
 * cannot be written; aborted; usage for a URL that is none, or when npm's settings cannot be used.
 */
export async function resolveWeights(weights: string, options: ResolveWeightsOptions = {}): Promise<ResolvedWeights> {
  stopIfAborted(options.signal);
  const context = contextOf(options);
  if (isUrl(weights)) return { source: weights, path: await weightsFromUrl(weights, context) };
  const path = resolve(context.cwd, weights);
  const entry = weights === "" ? undefined : await stat(path).catch(() => undefined);
  const modelJson = entry === undefined ? undefined : await findTfjs(path);
  if (modelJson !== undefined) {
    return { source: weights, path: await localTfjs(modelJson, context.cacheDir), convertedFrom: "tfjs" };
  }
  if (entry?.isFile()) return { source: weights, path };
  const known = (options.known ?? knownWeights).find(({ name }) => name === weights);
  if (known === undefined) throw notFound(weights, entry !== undefined, options.known ?? knownWeights);
  const { licence, notice } = known;
  if ("url" in known) return { source: weights, path: await releasedWeights(known, context), licence, notice };
  return { source: weights, path: await packagedWeights(known, context), convertedFrom: "tfjs", licence, notice };
}

function contextOf(options: ResolveWeightsOptions): FetchContext {
  const { env = process.env, cwd = process.cwd(), onProgress, signal, maxBytes, timeoutMs } = options;
  const cacheDir = resolve(options.cacheDir ?? cacheFolder(env));
  return { cacheDir, env, cwd, onProgress, signal, maxBytes, timeoutMs };
}

/** Names in a message; the nearest one comes besides. */
const SHOWN = 12;

/** What to pass, for messages. */
const WAYS = "Pass the path of an ONNX or .pt file or of a TF.js folder, a URL, or a name.";

function notFound(weights: string, isThere: boolean, known: readonly KnownWeights[]): WhyboxError {
  const names = known.map(({ name }) => name);
  const more = names.length > SHOWN ? ` … (${names.length} in all: docs/weights.md)` : "";
  const choices = `Known names: ${names.slice(0, SHOWN).join(", ")}${more}.`;
  const looksLikePath = isThere || /[\\/]/.test(weights) || extname(weights) !== "";
  const what = isThere
    ? `"${weights}" is no file, and no folder with a model.json. ${WAYS} ${choices}`
    : looksLikePath
      ? `There is no file "${weights}". ${WAYS} ${choices}`
      : `There is no file and there are no known weights "${weights}". ${choices}`;
  return new WhyboxError("bad-input", `${what}${didYouMean(weights, names)}`, { details: { weights, known: names } });
}
