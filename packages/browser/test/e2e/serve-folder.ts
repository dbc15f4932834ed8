import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join, normalize } from "node:path";

/** What a path of the page begins with, and the folder behind it. */
export type Folders = Readonly<Record<string, string>>;

const types: Readonly<Record<string, string>> = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".mjs": "text/javascript",
  ".wasm": "application/wasm",
  ".jpg": "image/jpeg",
  ".png": "image/png",
};

export interface StaticServer {
  readonly address: string;
  close(): Promise<void>;
}

interface ServeOptions {
  /** Whether pages are cross-origin isolated, which WebAssembly needs for threads. A function decides for each path. Default true. */
  readonly isolated?: boolean | ((path: string) => boolean);
  /** Contents of single paths. */
  readonly files?: Readonly<Record<string, Uint8Array>>;
}

/** Serves folders as a plain web server does. */
export async function serveFolders(
  folders: Folders,
  { isolated = true, files = {} }: ServeOptions = {},
): Promise<StaticServer> {
  const server = createServer(async (request, response) => {
    const path = normalize(decodeURIComponent(new URL(request.url!, "http://x").pathname));
    const place = Object.keys(folders).find((prefix) => path.startsWith(prefix));
    const file = join(
      folders[place ?? ""] ?? "/nowhere",
      path.slice(place?.length),
      path.endsWith("/") ? "index.html" : "",
    );
    const headers = {
      "content-type": types[extname(file)] ?? "application/octet-stream",
      "access-control-allow-origin": "*",
      ...((typeof isolated === "function" ? isolated(path) : isolated) && {
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-embedder-policy": "require-corp",
        "cross-origin-resource-policy": "cross-origin",
      }),
    };
    const bytes = files[path] ?? (await readFile(file).catch(() => undefined));
    if (bytes === undefined) response.writeHead(404).end();
    else response.writeHead(200, headers).end(bytes);
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  return {
    address: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    close: () =>
      new Promise((done) => {
        server.closeAllConnections();
        server.close(() => done());
      }),
  };
}
