import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, it } from "vitest";
import { fetchImage } from "../../src/io/fetch-image.js";

let server: Server;
let base: string;
beforeAll(async () => {
  server = createServer((request, response) => {
    const path = request.url ?? "";
    if (path === "/ok") response.end("bytes");
    else if (path === "/once") response.writeHead(302, { location: "/ok" }).end();
    else if (path === "/loop") response.writeHead(302, { location: "/loop" }).end();
    else if (path === "/out") response.writeHead(302, { location: "file:///etc/hostname" }).end();
    else if (path === "/nowhere") response.writeHead(302, { location: "http://" }).end();
    else if (path === "/endless") response.writeHead(200).write(Buffer.alloc(5000));
    else if (path === "/empty") response.end();
    else if (path === "/cut")
      response.writeHead(200, { "content-length": "100" }).write("half", () => response.destroy());
    else if (path === "/large") response.end(Buffer.alloc(5000));
    else if (path !== "/never") response.writeHead(404).end();
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

it("fetches, also behind a redirect", async () => {
  for (const path of ["/ok", "/once"])
    expect(Buffer.from(await fetchImage(new URL(base + path))).toString()).toBe("bytes");
});

it.each([
  ["/loop", "download", {}],
  ["/out", "download", {}],
  ["/nowhere", "download", {}],
  ["/endless", "limit", { maxBytes: 1000 }],
  ["/empty", "download", {}],
  ["/cut", "download", {}],
  ["/missing", "download", {}],
  ["/never", "download", { timeoutMs: 100 }],
  ["/large", "limit", { maxBytes: 1000 }],
  ["/ok", "aborted", { signal: AbortSignal.abort() }],
])("%s fails as %s", async (path, code, options) => {
  await expect(fetchImage(new URL(base + path), options)).rejects.toMatchObject({ name: "WhyboxError", code });
});

it("refuses other schemes and passwords", async () => {
  for (const url of ["ftp://example.org/x.jpg", "http://user:secret@127.0.0.1/x.jpg"]) {
    await expect(fetchImage(new URL(url))).rejects.toMatchObject({
      code: "usage",
      message: expect.not.stringContaining("secret"),
    });
  }
});
