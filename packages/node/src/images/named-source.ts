import { lstat, readdir, stat } from "node:fs/promises";
import { basename, dirname, resolve } from "node:path";
import { didYouMean, WhyboxError } from "@whybox/core";
import { systemErrorCode } from "../io/system-error.js";
import { isGlob } from "./walk.js";

/** Endings by which an image is known in a folder or a glob; a file named outright may have any. */
export const imageExtensions: readonly string[] = [".jpg", ".jpeg", ".png", ".webp", ".avif", ".gif", ".tif", ".tiff"];

/** What the user named as a source. Paths are absolute. */
export type NamedSource =
  | { readonly kind: "file"; readonly path: string }
  | { readonly kind: "folder"; readonly path: string }
  | { readonly kind: "address" }
  | { readonly kind: "glob" };

/**
 * Tells what kind of source the text names. A path that exists is never read as a glob.
 * @param cwd folder that relative paths start from.
 * @throws bad-input for what is not there, or is neither a file nor a folder.
 */
export async function namedSource(given: string, cwd: string): Promise<NamedSource> {
  if (given.trim() === "")
    throw new WhyboxError("bad-input", "A source is empty text; expected a file, folder, glob or URL.");
  if (isAddress(given)) return { kind: "address" };
  const path = resolve(cwd, given);
  const kind = await kindOfPath(path);
  if (kind === "file" || kind === "folder") return { kind, path };
  if (kind === "other") {
    throw new WhyboxError("bad-input", `${given}: neither a file nor a folder (a device, a pipe or a socket).`);
  }
  if (kind === "missing" && isGlob(given)) return { kind: "glob" };
  const hint = kind === "missing" ? await siblingHint(path) : ` The system says ${kind}.`;
  throw new WhyboxError("bad-input", `${given}: no such file or folder; looked for ${path}.${hint}`);
}

/** A scheme and two slashes. */
export function isAddress(text: string): boolean {
  return /^[a-z][a-z0-9+.-]+:\/\//i.test(text);
}

/** "file", "folder", "other", "missing", or the system's word for why it cannot be told (EACCES, ELOOP, …). */
async function kindOfPath(path: string): Promise<string> {
  try {
    const entry = await stat(path);
    return entry.isFile() ? "file" : entry.isDirectory() ? "folder" : "other";
  } catch (error) {
    const code = systemErrorCode(error);
    if (code !== "ENOENT" && code !== "ENOTDIR") return code;
    return (await isDanglingLink(path)) ? "that it is a link to something that is gone" : "missing";
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
