import { createHash, type Hash } from "node:crypto";
import { realpath, stat } from "node:fs/promises";
import { dirname, join, sep } from "node:path";
import { WhyboxError } from "@whybox/core";
import { readShared, type SharedBytes } from "../io/read-shared.js";
import { systemErrorCode } from "../io/system-error.js";

/** The files beside a model that hold its weights, by the names that the model gives them. */
export type SharedData = ReadonlyMap<string, SharedBytes>;

/** Maximum size of all files together: that of an ONNX file. */
const MAX_BYTES = 2 ** 31;

/** What `open` returned, and the files that it needed. */
export interface OpenedWithData<T> {
  readonly opened: T;
  readonly externalData: SharedData;
}

/**
 * Opens a model with the files that `open` is given. If it needs others, they are read from the folder of the model at `path`, and the model is
 * opened again. Most models need none, so the first attempt costs nothing.
 * @throws bad-input for a file that is missing, no regular file, or outside the folder; limit; the errors of `open`.
 */
export async function openWithData<T>(
  path: string | undefined,
  open: (externalData: SharedData) => Promise<T>,
  given: SharedData = new Map(),
): Promise<OpenedWithData<T>> {
  try {
    return { opened: await open(given), externalData: given };
  } catch (error) {
    const names = error instanceof WhyboxError ? error.details.externalData : undefined;
    if (path === undefined || !Array.isArray(names)) throw error;
    const externalData = new Map([...given, ...(await readExternalData(path, names.map(String)))]);
    return { opened: await open(externalData), externalData };
  }
}

/** Reads the named files from the folder of a model. Links must not leave the folder. @throws as `openWithData`. */
export async function readExternalData(model: string, names: readonly string[]): Promise<SharedData> {
  const folder = await realpath(dirname(model));
  const files = new Map<string, SharedBytes>();
  let left = MAX_BYTES;
  for (const name of names) {
    const bytes = await readInside(folder, name, left);
    left -= bytes.length;
    files.set(name, bytes);
  }
  return files;
}

async function readInside(folder: string, name: string, left: number): Promise<SharedBytes> {
  const path = join(folder, name);
  const refuse = (found: string, advice: string, cause?: unknown) =>
    new WhyboxError("bad-input", `The model keeps weights in the file "${name}" beside it, which ${found}. ${advice}`, {
      details: { file: path },
      cause,
    });
  try {
    const real = await realpath(path);
    if (!real.startsWith(folder.endsWith(sep) ? folder : folder + sep)) {
      throw refuse("is a link to another folder", "Copy the file itself into the model's folder.");
    }
    const { size, ...entry } = await stat(real).then((found) => ({ size: found.size, isFile: found.isFile() }));
    if (!entry.isFile) throw refuse("is no regular file", "Copy the file itself into the model's folder.");
    if (size > left) {
      throw new WhyboxError("limit", `The files of the model have more than ${MAX_BYTES / 2 ** 30} GB together.`, {
        details: { file: path, size },
      });
    }
    return await readShared(real);
  } catch (cause) {
    if (cause instanceof WhyboxError) throw cause;
    const code = systemErrorCode(cause);
    if (code !== "ENOENT") throw refuse(`cannot be read (${code})`, "Check its permissions.", cause);
    throw refuse(`is missing: ${path}`, "Copy it there under this name. Both files were written together.", cause);
  }
}

/** Adds the files to the digest of a model file, in the order of their names. */
export function addData(hash: Hash, externalData: ReadonlyMap<string, Uint8Array>): Hash {
  for (const [, bytes] of inOrder(externalData)) hash.update(bytes);
  return hash;
}

/** SHA-256 of a model file, followed by the files beside it in the order of their names. */
export function modelDigest(model: Uint8Array, externalData: ReadonlyMap<string, Uint8Array>): string {
  return addData(createHash("sha256").update(model), externalData).digest("hex");
}

/** Size of a model file and of the files beside it. */
export function modelBytes(model: Uint8Array, externalData: ReadonlyMap<string, Uint8Array>): number {
  return [...externalData.values()].reduce((sum, bytes) => sum + bytes.length, model.length);
}

function inOrder(files: ReadonlyMap<string, Uint8Array>): [string, Uint8Array][] {
  return [...files].sort(([a], [b]) => (a < b ? -1 : 1));
}
