import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { fetchImage } from "../../src/io/fetch-image.js";
import { isPrivateAddress, isPrivateHost } from "../../src/io/private-address.js";

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

it("follows no redirect from the public internet into a private network", async () => {
  const redirecting = createServer((_, response) => response.writeHead(302, { location: `${base}/ok` }).end());
  await new Promise<void>((listening) => redirecting.listen(0, "127.0.0.1", listening));
  const { port } = redirecting.address() as AddressInfo;
  const start = new URL(`http://127.0.0.1:${port}/`);
  const isPrivate = async (url: URL): Promise<boolean> => url.port !== String(port);
  await expect(fetchImage(start, { isPrivate })).rejects.toMatchObject({
    code: "download",
    message: expect.stringContaining("a redirect to an address in a private network"),
  });
  expect(Buffer.from(await fetchImage(start)).toString()).toBe("bytes"); // from one private address to another
  redirecting.close();
});

it.each([
  ["127.0.0.1", true],
  ["10.1.2.3", true],
  ["172.31.255.1", true],
  ["172.32.0.1", false],
  ["169.254.169.254", true],
  ["100.64.0.1", true],
  ["239.1.1.1", true],
  ["0.0.0.0", true],
  ["140.82.121.4", false],
  ["::1", true],
  ["::", true],
  ["fd00::1", true],
  ["fe80::1", true],
  ["::ffff:192.168.1.1", true],
  ["::ffff:140.82.121.4", false],
  ["2606:50c0:8000::153", false],
])("the address %s is private: %s", async (address, expected) => {
  expect(isPrivateAddress(address)).toBe(expected);
  const host = address.includes(":") ? `[${address}]` : address;
  expect(await isPrivateHost(new URL(`http://${host}/x`))).toBe(expected);
});

it("a name is as private as where it leads; one that leads nowhere is left to the request", async () => {
  expect(await isPrivateHost(new URL("http://localhost/"))).toBe(true);
  expect(await isPrivateHost(new URL("http://nowhere.invalid/"))).toBe(false);
});

it("follows no redirect from https to http", async () => {
  const answer = new Response(null, { status: 302, headers: { location: "http://192.0.2.1/x.jpg" } });
  const stub = vi.spyOn(globalThis, "fetch").mockResolvedValueOnce(answer);
  await expect(fetchImage(new URL("https://192.0.2.1/x.jpg"))).rejects.toMatchObject({
    code: "download",
    message: expect.stringContaining("a redirect from https to http"),
  });
  stub.mockRestore();
});
