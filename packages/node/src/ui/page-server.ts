import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { pipeline } from "node:stream/promises";
import { WhyboxError } from "@whybox/core";
import type { PageFile } from "./page-files.js";
import type { PageWeights } from "./page-weights.js";

export interface PageServerOptions {
  readonly files: ReadonlyMap<string, PageFile>;
  /** The page's default weights. undefined: the page reports that there are none. */
  readonly weights?: PageWeights | undefined;
  /** Default: 0, which means any free port. */
  readonly port?: number;
}

export interface PageServer {
  readonly address: string;
  close(): Promise<void>;
}

const policy = [
  "default-src 'none'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "worker-src 'self'",
  "connect-src 'self' blob:",
  "img-src 'self' blob: data:",
  "media-src 'self' blob:",
  "style-src 'self'",
  "manifest-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

const headers = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
  "Cross-Origin-Resource-Policy": "same-origin",
  "Content-Security-Policy": policy,
  "X-Content-Type-Options": "nosniff",
  "Referrer-Policy": "no-referrer",
  "Cache-Control": "no-cache",
};

/**
 * Serves the page on the loopback interface. It accepts only requests whose Host header is 127.0.0.1 or localhost. This prevents
 * DNS rebinding: another site whose name resolves to 127.0.0.1 gets no file.
 * @throws runtime when the port is not available.
 */
export async function servePage({ files, weights, port = 0 }: PageServerOptions): Promise<PageServer> {
  const server = createServer((request, response) => {
    const own = (server.address() as AddressInfo).port;
    answer(request, response, files, weights, own).catch(() => response.destroy());
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", (cause) => {
      const message = `Cannot serve the page on port ${port}: ${cause.message}. Choose another port, or omit --port.`;
      reject(new WhyboxError("runtime", message, { cause }));
    });
    server.listen(port, "127.0.0.1", resolve);
  });
  return {
    address: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  files: ReadonlyMap<string, PageFile>,
  weights: PageWeights | undefined,
  port: number,
): Promise<void> {
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  if (![`127.0.0.1:${port}`, `localhost:${port}`].includes(request.headers.host ?? "")) {
    return refuse(response, 403, "This page is available at 127.0.0.1 and localhost only.");
  }
  if (request.method !== "GET" && request.method !== "HEAD")
    return refuse(response, 405, "Only GET and HEAD are supported.");
  const path = new URL(request.url ?? "/", "http://localhost").pathname;
  if (path === "/weights/default.json" && weights !== undefined) {
    const body = JSON.stringify(weights.facts);
    response.writeHead(200, { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(body) });
    response.end(request.method === "HEAD" ? undefined : body);
    return;
  }
  const file = path === "/weights/default.onnx" ? weights?.file : files.get(path);
  if (file === undefined) return refuse(response, 404, "Not found.");
  const { size } = await stat(file.path);
  response.writeHead(200, { "Content-Type": file.type, "Content-Length": size });
  if (request.method === "HEAD") response.end();
  else await pipeline(createReadStream(file.path), response);
}

function refuse(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { "Content-Type": "text/plain; charset=utf-8" });
  response.end(text);
}
