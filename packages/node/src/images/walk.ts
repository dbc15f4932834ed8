import { opendir, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { WhyboxError } from "@whybox/core";
import picomatch from "picomatch";
import { isFolder } from "../io/exists.js";
import { systemErrorCode } from "../io/system-error.js";

export interface WalkOptions {
  /** Maximum depth. 1: only the folder itself. */
  readonly depth: number;
  /** A folder to skip: the run's own folder. */
  readonly except?: string;
  /** Whether to include hidden names. Default: false. */
  readonly hidden?: boolean;
  /** Whether to include broken links, so that opening them reports an error. Default: false. */
  readonly deadLinks?: boolean;
  /** Gets a message for each subfolder that cannot be read. */
  readonly onProblem?: (message: string) => void;
}

/**
 * Yields the paths of all files in a folder, in the system's order, without collecting them in memory. Links to folders are not
 * followed.
 * @throws bad-input when the folder itself cannot be read.
 */
export async function* walk(folder: string, options: WalkOptions): AsyncGenerator<string> {
  const { depth, except, hidden = false, deadLinks = false } = options;
  const waiting: { readonly path: string; readonly level: number }[] = [{ path: folder, level: 1 }];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    if (resolve(next.path) === except) continue;
    try {
      for await (const entry of await opendir(next.path, { bufferSize: 1024 })) {
        if (entry.name.startsWith(".") && !hidden) continue;
        const path = join(next.path, entry.name);
        if (entry.isDirectory()) {
          if (next.level < depth) waiting.push({ path, level: next.level + 1 });
        } else if (entry.isFile() || (deadLinks && entry.isSymbolicLink()) || (await isFile(path))) yield path;
      }
    } catch (cause) {
      const message = `${next.path}: the folder cannot be read (${systemErrorCode(cause)}).`;
      if (next.path === folder) throw new WhyboxError("bad-input", message, { cause });
      options.onProblem?.(message);
    }
  }
}

/** The syntax of globs. It includes "[[:digit:]]". A leading "!" does not negate. */
const syntax = { posix: true, nonegate: true };

export function isGlob(text: string): boolean {
  return picomatch.scan(text, syntax).isGlob;
}

/** Yields the files that match a glob, as `walk` does. Hidden names match only if the pattern contains their dot. */
export async function* walkGlob(
  pattern: string,
  cwd: string,
  options: Omit<WalkOptions, "depth" | "hidden"> = {},
): AsyncGenerator<string> {
  // Globs use slashes. On Windows a backslash is a separator, never an escape.
  const portable = process.platform === "win32" ? pattern.replaceAll("\\", "/") : pattern;
  const { base, glob } = picomatch.scan(portable, syntax);
  const matches = picomatch(glob, { ...syntax, nocase: process.platform === "win32" });
  const folder = resolve(cwd, base.replaceAll(/\\(.)/g, "$1"));
  const depth = /\*\*|[({]/.test(glob) ? Number.POSITIVE_INFINITY : glob.split("/").length;
  const hidden = /(^|[/{,(|])\./.test(glob);
  if (!(await isFolder(folder))) return;
  for await (const path of walk(folder, { ...options, depth, hidden })) {
    if (matches(path.slice(folder.length + (folder.endsWith("/") ? 0 : 1)).replaceAll("\\", "/"))) yield path;
  }
}

async function isFile(path: string): Promise<boolean> {
  return stat(path).then(
    (entry) => entry.isFile(),
    () => false,
  );
}
