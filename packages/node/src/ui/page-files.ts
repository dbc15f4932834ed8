import { readdir } from "node:fs/promises";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { WhyboxError } from "@whybox/core";

export interface PageFile {
  readonly path: string;
  readonly type: string;
}

const types: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".mjs": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".json": "application/json",
  ".webmanifest": "application/manifest+json",
  ".wasm": "application/wasm",
  ".svg": "image/svg+xml",
  ".png": "image/png",
  ".jpg": "image/jpeg",
};

/** The folder of the built page in this package. */
export const pageFolder: string = fileURLToPath(new URL("../page/", import.meta.url));

/**
 * Lists the files of the built page by their URL path. The server sends only these files.
 * @throws internal when the page was not built into the package.
 */
export async function listPageFiles(folder: string = pageFolder): Promise<ReadonlyMap<string, PageFile>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  const files = new Map<string, PageFile>();
  for (const entry of entries) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    const name = path.slice(folder.length).replaceAll("\\", "/").replace(/^\/?/, "/");
    files.set(name, { path, type: types[extname(name)] ?? "application/octet-stream" });
  }
  const index = files.get("/index.html");
  if (index === undefined) {
    throw new WhyboxError(
      "internal",
      `The page is missing in this package (${folder}). In a clone of the repository, run: npm run build`,
    );
  }
  return files.set("/", index);
}
