import { stat } from "node:fs/promises";
import { extname, resolve } from "node:path";
import { type DownloadProgress, didYouMean, WhyboxError } from "@whybox/core";
import { stopIfAborted } from "../stop-if-aborted.js";
import { cacheFolder, type Environment } from "./cache-folder.js";
import { findTfjs, localTfjs } from "./local-tfjs.js";
import { modelInFolder } from "./model-in-folder.js";
import { packagedWeights } from "./npm-weights.js";
import { type KnownWeights, knownWeights } from "./registry.js";
import { type FetchContext, isUrl, releasedWeights, weightsFromUrl } from "./remote-weights.js";

export interface ResolveWeightsOptions {
  /** Folder for downloaded weights. Default: WHYBOX_CACHE, else the user's cache folder. */
  readonly cacheDir?: string;
  readonly onProgress?: (progress: DownloadProgress) => void;
  readonly signal?: AbortSignal;
  /** Environment variables. Default: those of the process. */
  readonly env?: Environment;
  /** The project's folder, for its .npmrc. Default: the current folder. */
  readonly cwd?: string;
  /** Weights with a name. Default: `knownWeights`. */
  readonly known?: readonly KnownWeights[];
  /** Maximum size of a file at a URL, in bytes. Default: 1 GB. */
  readonly maxBytes?: number;
  /** Timeout of the whole download of a file at a URL. Default: 30 minutes. */
  readonly timeoutMs?: number;
  /** Whether a URL may lead to a private network. Set it to false for a URL from somebody else. Default: true. */
  readonly allowPrivate?: boolean;
}

/** A model file and its origin. */
export interface ResolvedWeights {
  /** The weights as passed by the user. */
  readonly source: string;
  /** The model file: ONNX or a PyTorch checkpoint. */
  readonly path: string;
  /** Set when the file was converted from a TF.js model. */
  readonly convertedFrom?: "tfjs";
  /** Licence of weights with a name; undefined for the user's own file. */
  readonly licence?: string;
  /** Notice about origin and licence; undefined for the user's own file. */
  readonly notice?: string;
}

/**
 * Resolves `weights` to a model file. It can be:
 *
 * - the path of an ONNX file, of a checkpoint (.pt), or of a TF.js model (model.json, or its folder);
 * - an http(s) URL of an ONNX file or a checkpoint, optionally followed by the digest `#sha256=<hex>`;
 * - the name of known weights.
 *
 * ONNX files and checkpoints at a path are used in place. All others are fetched, checked, converted and cached on first use.
 * Several processes may do so at the same time.
 * @throws bad-input for a missing or invalid file or an unknown name; unsupported-model; download; limit; output when the cache
 * cannot be written; aborted; usage for an invalid URL or invalid npm settings.
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
  const inside = entry?.isDirectory() ? await modelInFolder(path) : undefined;
  if (inside !== undefined) return { source: weights, path: inside };
  const known = (options.known ?? knownWeights).find(({ name }) => name === weights);
  if (known === undefined) throw notFound(weights, entry !== undefined, options.known ?? knownWeights);
  const { licence, notice } = known;
  if ("url" in known) return { source: weights, path: await releasedWeights(known, context), licence, notice };
  return { source: weights, path: await packagedWeights(known, context), convertedFrom: "tfjs", licence, notice };
}

function contextOf(options: ResolveWeightsOptions): FetchContext {
  const { env = process.env, cwd = process.cwd(), onProgress, signal, maxBytes, timeoutMs, allowPrivate } = options;
  const cacheDir = resolve(options.cacheDir ?? cacheFolder(env));
  return { cacheDir, env, cwd, onProgress, signal, maxBytes, timeoutMs, allowPrivate };
}

/** Maximum number of names in a message. The nearest name is added. */
const SHOWN = 12;

/** The possible values, for messages. */
const WAYS = "Pass the path of an ONNX or .pt file or of a TF.js folder, a URL, or a name.";

function notFound(weights: string, exists: boolean, known: readonly KnownWeights[]): WhyboxError {
  const names = known.map(({ name }) => name);
  const more = names.length > SHOWN ? ` … (all ${names.length}: docs/weights.md)` : "";
  const choices = `Known names: ${names.slice(0, SHOWN).join(", ")}${more}.`;
  const looksLikePath = exists || /[\\/]/.test(weights) || extname(weights) !== "";
  const what = exists
    ? `"${weights}" is neither a file nor a folder with a model.json. ${WAYS} ${choices}`
    : looksLikePath
      ? `The file "${weights}" does not exist. ${WAYS} ${choices}`
      : `"${weights}" is neither a file nor the name of known weights. ${choices}`;
  return new WhyboxError("bad-input", `${what}${didYouMean(weights, names)}`, { details: { weights, known: names } });
}
