import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { basename, extname, join } from "node:path";
import { type DownloadProgress, encodeModel, modelFormat, readModel, readTorch, WhyboxError } from "@whybox/core";
import { inFile } from "../in-file.js";
import type { FetchBytesOptions, FetchKind } from "../io/fetch-bytes.js";
import type { Environment } from "./cache-folder.js";
import { cacheOnce } from "./cache-once.js";
import type { Origin } from "./cached-model.js";
import { cacheName } from "./cached-model.js";
import type { ReleasedWeights } from "./registry.js";

export interface FetchContext {
  readonly cacheDir: string;
  readonly env: Environment;
  readonly cwd: string;
  readonly onProgress?: ((progress: DownloadProgress) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Maximum size of a file at a URL, in bytes. Default: 1 GB. */
  readonly maxBytes?: number | undefined;
  /** Timeout of the whole download of a file at a URL. Default: 30 minutes. */
  readonly timeoutMs?: number | undefined;
  /** Whether a URL may lead to a private network. Default: true. */
  readonly allowPrivate?: boolean | undefined;
}

const MODEL: FetchKind = {
  what: "model",
  accept: "application/octet-stream, */*;q=0.5",
  timeoutMs: 30 * 60_000,
  maxBytes: 2 ** 30,
  instead: "download the model first and pass the file",
};

/** Most models are in the cache, which needs no client. */
async function fetchModel(url: URL, options: FetchBytesOptions): Promise<Buffer> {
  const { fetchBytes } = await import("../io/fetch-bytes.js");
  return fetchBytes(url, MODEL, options);
}

/** Whether `weights` is a URL, not a path. "C:\\best.onnx" is a path. */
export function isUrl(weights: string): boolean {
  return /^[a-z][a-z0-9+.-]*:\/\//i.test(weights);
}

/**
 * Returns the path of the cached model of a URL. The URL may end with the digest of the file:
 * `https://host/best.onnx#sha256=<64 hex digits>`. The cache key is the URL and the digest.
 * @throws usage for an invalid URL or digest; download; limit; bad-input and unsupported-model when the file is not a model.
 */
export async function weightsFromUrl(weights: string, context: FetchContext): Promise<string> {
  const { url, sha256 } = parse(weights);
  const name = cacheName(basename(url.pathname, extname(url.pathname)), "model");
  return cacheOnce(context.cacheDir, originOf(name, url.href, sha256), async () => {
    const bytes = await fetchModel(url, { ...context, onProgress: progressOf(url.href, context) });
    return converted(expectDigest(bytes, sha256, url.href), url.href);
  });
}

/**
 * Returns the path of the cached ONNX file of published weights. They come from a file that the user put into the cache folder,
 * else from their URL.
 */
export async function releasedWeights(weights: ReleasedWeights, context: FetchContext): Promise<string> {
  const { name, sha256, licence, notice } = weights;
  const origin = { ...originOf(name, weights.url, sha256), licence, notice };
  return cacheOnce(context.cacheDir, origin, async () => {
    const own = ownCopyPath(weights, context.cacheDir);
    const copy = await readFile(own).catch(() => undefined);
    const bytes = copy ?? (await fetchReleased(weights, context, own));
    const where = copy === undefined ? weights.url : own;
    return converted(expectDigest(bytes, sha256, where), where, { description: notice, license: licence });
  });
}

/** The path where a user without a network can put the file of known weights: its own name, in the cache folder. */
function ownCopyPath({ url }: ReleasedWeights, cacheDir: string): string {
  return join(cacheDir, basename(new URL(url).pathname));
}

async function fetchReleased(weights: ReleasedWeights, context: FetchContext, own: string): Promise<Buffer> {
  try {
    return await fetchModel(new URL(weights.url), { ...context, onProgress: progressOf(weights.name, context) });
  } catch (cause) {
    if (!(cause instanceof WhyboxError) || cause.code !== "download") throw cause;
    throw new WhyboxError(
      "download",
      `The weights "${weights.name}" are not in the cache (${context.cacheDir}), and cannot be fetched from ${weights.url}: ` +
        `${cause.details.reason}. Connect to the network, or download that file on another machine and copy it to ${own}, or pass ` +
        "its path: --weights FILE.",
      { details: { weights: weights.name, url: weights.url, put: own }, cause },
    );
  }
}

function parse(weights: string): { readonly url: URL; readonly sha256: string | undefined } {
  if (!URL.canParse(weights)) throw new WhyboxError("usage", `"${weights}" is not a valid URL.`);
  const url = new URL(weights);
  const fragment = url.hash;
  url.hash = "";
  if (fragment === "") return { url, sha256: undefined };
  const digest = /^#sha256=([0-9a-f]{64})$/i.exec(fragment)?.[1];
  if (digest !== undefined) return { url, sha256: digest.toLowerCase() };
  throw new WhyboxError(
    "usage",
    `${url.href} ends with "${fragment.slice(0, 100)}"; expected no fragment, or the file's digest: #sha256=<64 hex digits>.`,
  );
}

function originOf(name: string, url: string, sha256: string | undefined): Origin {
  return { name, identity: sha256 === undefined ? url : `${url} ${sha256}`, source: url };
}

function progressOf(what: string, { onProgress }: FetchContext) {
  return (received: number, total: number | undefined): void => onProgress?.({ what, received, total });
}

function expectDigest(bytes: Uint8Array, expected: string | undefined, where: string): Uint8Array {
  if (expected === undefined) return bytes;
  const found = createHash("sha256").update(bytes).digest("hex");
  if (found === expected) return bytes;
  throw new WhyboxError(
    "download",
    `${where} has the SHA-256 ${found}, expected ${expected}. It is a different file. Check the URL and the digest.`,
    { details: { where, found, expected } },
  );
}

/** Returns an ONNX file unchanged. Converts a checkpoint to ONNX, with its origin in the metadata. */
function converted(bytes: Uint8Array, where: string, metadata: Readonly<Record<string, string>> = {}): Uint8Array {
  try {
    if (bytes[0] === "{".charCodeAt(0)) throw jsonFound();
    if (modelFormat(bytes) === "onnx") {
      readModel(bytes); // throws for an invalid model, so that it is not cached
      return bytes;
    }
    const model = readTorch(bytes);
    const entries = Object.entries({ ...metadata, "whybox.source": where });
    return encodeModel({ ...model, metadata: new Map([...model.metadata, ...entries]) });
  } catch (error) {
    throw inFile(error, where);
  }
}

function jsonFound(): WhyboxError {
  return new WhyboxError(
    "unsupported-model",
    "the file is JSON. A TF.js model has several files. Download its folder and pass the path of its model.json.",
  );
}
