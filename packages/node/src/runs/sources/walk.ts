import { opendir, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { WhyboxError } from "@whybox/core";
import picomatch from "picomatch";
import { systemErrorCode } from "../../io/system-error.js";

export interface WalkOptions {
  /** Folders below each other at most; 1: only the folder itself. */
  readonly depth: number;
  /** A folder that is passed over: the run's own. */
  readonly except: string;
  /** A folder below that cannot be read. */
  readonly onProblem: (message: string) => void;
}

/**
 * Names of all files in a folder, one after the other as the system gives them, so that memory holds none of them. Hidden names are passed
 * over, links to folders are not followed.
 * @throws bad-input when the folder itself cannot be read.
 */
export async function* walk(folder: string, options: WalkOptions): AsyncGenerator<string> {
  const waiting: { readonly path: string; readonly depth: number }[] = [{ path: folder, depth: 1 }];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    if (resolve(next.path) === options.except) continue;
    try {
      for await (const entry of await opendir(next.path, { bufferSize: 1024 })) {
        if (entry.name.startsWith(".")) continue;
        const path = join(next.path, entry.name);
        if (entry.isDirectory()) {
          if (next.depth < options.depth) waiting.push({ path, depth: next.depth + 1 });
        } else if (entry.isFile() || (await isFile(path))) yield path;
      }
    } catch (cause) {
      const message = `${next.path}: the folder cannot be read (${systemErrorCode(cause)}).`;
      if (next.path === folder) throw new WhyboxError("bad-input", message, { cause });
      options.onProblem(message);
    }
  }
}

/** Files that a glob matches, as `walk` gives them. Hidden names match only where the pattern names them. */
export async function* walkGlob(
  pattern: string,
  cwd: string,
  options: Omit<WalkOptions, "depth">,
): AsyncGenerator<string> {
  // Globs are written with slashes; on Windows a backslash is a separator, never an escape.
  const portable = process.platform === "win32" ? pattern.replaceAll("\\", "/") : pattern;
  const { base, glob } = picomatch.scan(portable);
  const matches = picomatch(glob, { nocase: process.platform === "win32" });
  const folder = resolve(cwd, base);
  const depth = /\*\*|[({]/.test(glob) ? Number.POSITIVE_INFINITY : glob.split("/").length;
  for await (const path of walk(folder, { ...options, depth })) {
    if (matches(path.slice(folder.length + (folder.endsWith("/") ? 0 : 1)).replaceAll("\\", "/"))) yield path;
  }
}

async function isFile(path: string): Promise<boolean> {
  return stat(path).then(
    (entry) => entry.isFile(),
    () => false,
  );
}
