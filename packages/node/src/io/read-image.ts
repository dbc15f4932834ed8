import { readFile, stat } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { WhyboxError } from "@whybox/core";
import { type FetchOptions, fetchImage } from "./fetch-image.js";
import { FORMATS, MAX_BYTES } from "./image-limits.js";

/** The bytes of an image file, from its path or URL. @throws as `decodeImage`. */
export async function readFileOrUrl(
  source: string | URL,
  { signal, allowPrivate }: Pick<FetchOptions, "signal" | "allowPrivate">,
): Promise<Uint8Array> {
  const url = source instanceof URL ? source : urlOf(source);
  if (url === undefined) return readImage(source as string, signal);
  if (url.protocol === "file:") return readImage(pathOf(url), signal);
  return fetchImage(url, { signal, allowPrivate });
}

/**
 * A string with a scheme and two slashes is a URL. Any other string is a path ("C:\\photo.jpg" too), except a data URL, which
 * is an error.
 */
function urlOf(source: string): URL | undefined {
  if (source === "")
    throw new WhyboxError("usage", "The path of the image is empty. Pass the path of a file or a URL.");
  if (/^data:/i.test(source)) {
    throw new WhyboxError("usage", `"${source.slice(0, 30)}…" is a data URL. Decode it first and pass the bytes.`);
  }
  if (!/^[a-z][a-z0-9+.-]*:\/\//i.test(source)) return undefined;
  try {
    return new URL(source);
  } catch (cause) {
    throw new WhyboxError("usage", `"${source}" is not a valid URL.`, { cause });
  }
}

function pathOf(url: URL): string {
  try {
    return fileURLToPath(url);
  } catch (cause) {
    throw new WhyboxError("usage", `${url.href} is not a file on this machine. Pass the path of a file.`, { cause });
  }
}

async function readImage(path: string, signal?: AbortSignal): Promise<Uint8Array> {
  try {
    const { size } = await checkFile(path);
    if (size > MAX_BYTES) throw tooManyBytes(path, size);
    return await readFile(path, signal === undefined ? {} : { signal });
  } catch (cause) {
    if (cause instanceof WhyboxError) throw cause;
    if (signal?.aborted) throw new WhyboxError("aborted", "Decoding was aborted.", { cause: signal.reason });
    throw unreadable(path, cause);
  }
}

async function checkFile(path: string): Promise<{ readonly size: number }> {
  const info = await stat(path);
  if (info.isFile()) return info;
  const found = info.isDirectory() ? "a folder" : "not a regular file";
  throw new WhyboxError("bad-input", `${path} is ${found}; expected an image (${FORMATS}). Pass the path of a file.`, {
    details: { file: path, found },
  });
}

export function emptyFile(name: string): WhyboxError {
  return new WhyboxError("bad-input", `${name} is empty (0 bytes); expected ${FORMATS}. Copy or download it again.`, {
    details: { file: name, found: "empty" },
  });
}

export function tooManyBytes(name: string, size: number): WhyboxError {
  return new WhyboxError(
    "limit",
    `${name} has ${Math.round(size / 2 ** 20)} MB; the limit for an image is ${MAX_BYTES / 2 ** 20} MB. Save it as JPEG or shrink it.`,
    { details: { file: name, size, maxBytes: MAX_BYTES } },
  );
}

function unreadable(path: string, cause: unknown): WhyboxError {
  const code = (cause as NodeJS.ErrnoException).code;
  const text =
    code === "ENOENT" || code === "ENOTDIR"
      ? `${path} does not exist; expected an image (${FORMATS}). Check the path and the current folder.`
      : code === "EACCES" || code === "EPERM"
        ? `${path} cannot be read: permission denied (${code}). Change its permissions, or copy it elsewhere.`
        : `${path} cannot be read (${(cause as Error).message}). Check the path and the disk.`;
  return new WhyboxError("bad-input", text, { details: { file: path, found: code ?? "error" }, cause });
}
