import { lstat, readdir, stat } from "node:fs/promises";
import { basename, dirname, resolve } from "node:path";
import { didYouMean, WhyboxError } from "@whybox/core";
import { systemErrorCode } from "../io/system-error.js";
import { isGlob } from "./walk.js";

/** Extensions of images in a folder or a glob. A file that is passed by its path may have any extension. */
export const imageExtensions: readonly string[] = [
  ".jpg",
  ".jpeg",
  ".png",
  ".webp",
  ".avif",
  ".gif",
  ".bmp",
  ".tif",
  ".tiff",
];

/** A source as passed by the user. Paths are absolute. */
export type NamedSource =
  | { readonly kind: "file"; readonly path: string }
  | { readonly kind: "folder"; readonly path: string }
  | { readonly kind: "address" }
  | { readonly kind: "glob" };

/**
 * Returns the kind of source. An existing path is never a glob.
 * @param cwd Base folder for relative paths.
 * @throws bad-input when the source does not exist, or is neither a file nor a folder.
 */
export async function namedSource(given: string, cwd: string): Promise<NamedSource> {
  if (given.trim() === "")
    throw new WhyboxError("bad-input", "A source is an empty string; expected a file, folder, glob or URL.");
  if (isAddress(given)) return { kind: "address" };
  const path = resolve(cwd, given);
  const kind = await kindOfPath(path);
  if (kind === "file" || kind === "folder") return { kind, path };
  if (kind === "other") {
    throw new WhyboxError(
      "bad-input",
      `${given} is neither a file nor a folder, but a device, a pipe or a socket. Pass a file or a folder.`,
    );
  }
  if (kind === "missing" && isGlob(given)) return { kind: "glob" };
  const hint = kind === "missing" ? await siblingHint(path) : ` Reason: ${kind}.`;
  throw new WhyboxError("bad-input", `${given}: no such file or folder; looked for ${path}.${hint}`);
}

/** Whether the text starts with a scheme and two slashes. */
export function isAddress(text: string): boolean {
  return /^[a-z][a-z0-9+.-]+:\/\//i.test(text);
}

/** Returns "file", "folder", "other", "missing", or the system's error code (EACCES, ELOOP, …). */
async function kindOfPath(path: string): Promise<string> {
  try {
    const entry = await stat(path);
    return entry.isFile() ? "file" : entry.isDirectory() ? "folder" : "other";
  } catch (error) {
    const code = systemErrorCode(error);
    if (code !== "ENOENT" && code !== "ENOTDIR") return code;
    return (await isDanglingLink(path)) ? "it is a link to a missing file" : "missing";
  }
}

async function isDanglingLink(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  );
}

/** " Did you mean …?" from the names beside a missing file. */
async function siblingHint(path: string): Promise<string> {
  const siblings = await readdir(dirname(path)).catch(() => []);
  return didYouMean(basename(path), siblings.slice(0, 1000));
}
