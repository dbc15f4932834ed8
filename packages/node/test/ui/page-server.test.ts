import { mkdir, mkdtemp, writeFile } from "node:fs/promises";
import { type IncomingHttpHeaders, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { listPageFiles } from "../../src/ui/page-files.js";
import { type PageServer, servePage } from "../../src/ui/page-server.js";

interface Reply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** The path goes as it is written: `fetch` would tidy it up. */
function ask(server: PageServer, path: string, host?: string, method = "GET"): Promise<Reply> {
  const { hostname, port, host: own } = new URL(server.address);
  return new Promise((resolve, reject) => {
    const sent = request({ hostname, port, path, method, headers: { host: host ?? own } }, (response) => {
      let body = "";
      response.on("data", (chunk) => {
        body += chunk;
      });
      response.on("end", () => resolve({ status: response.statusCode!, headers: response.headers, body }));
    });
    sent.on("error", reject).end();
  });
}

describe("the server of the page", () => {
  let folder: string;
  let server: PageServer;
  let bare: PageServer;
  beforeAll(async () => {
    const outside = await mkdtemp(join(tmpdir(), "whybox-page-"));
    folder = join(outside, "page");
    await mkdir(join(folder, "assets"), { recursive: true });
    await writeFile(join(outside, "secret.txt"), "secret");
    await writeFile(join(folder, "index.html"), "<!doctype html>the page");
    await writeFile(join(folder, "assets", "a.js"), "let a;");
    await writeFile(join(folder, "assets", "a.wasm"), "wasm");
    await writeFile(join(outside, "model.onnx"), "model");
    const facts = {
      name: "Tiny",
      source: "tiny",
      format: "onnx",
      licence: "MIT",
      notice: "Mine.",
      bytes: 5,
      sha256: "ab",
    };
    const weights = { file: { path: join(outside, "model.onnx"), type: "application/octet-stream" }, facts };
    const files = await listPageFiles(folder);
    server = await servePage({ files, weights });
    bare = await servePage({ files });
  });
  afterAll(async () => {
    await server.close();
    await bare.close();
  });

  it("gives out the page isolated, with types and a strict policy", async () => {
    const { status, headers, body } = await ask(server, "/");
    expect([status, body]).toEqual([200, "<!doctype html>the page"]);
    expect(headers).toMatchObject({
      "cross-origin-opener-policy": "same-origin",
      "cross-origin-embedder-policy": "require-corp",
      "cross-origin-resource-policy": "same-origin",
      "x-content-type-options": "nosniff",
      "content-type": "text/html; charset=utf-8",
    });
    expect(headers["content-security-policy"]).toContain("default-src 'none'");
    expect(headers["content-security-policy"]).not.toContain("unsafe-inline");
    expect((await ask(server, "/assets/a.js")).headers["content-type"]).toContain("text/javascript");
    expect((await ask(server, "/assets/a.wasm?x=1")).headers["content-type"]).toBe("application/wasm");
    expect((await ask(server, "/", undefined, "HEAD")).body).toBe("");
  });

  it("listens on loopback only", () => {
    expect(new URL(server.address).hostname).toBe("127.0.0.1");
  });

  it("answers to names of this machine only", async () => {
    const { port } = new URL(server.address);
    expect((await ask(server, "/", `localhost:${port}`)).status).toBe(200);
    for (const host of ["evil.example", `evil.example:${port}`, "127.0.0.1:1", `127.0.0.1.evil.example:${port}`]) {
      expect((await ask(server, "/", host)).status, host).toBe(403);
      expect((await ask(server, "/weights/default.onnx", host)).body, host).not.toContain("model");
    }
  });

  it.each([
    "/secret.txt",
    "/../secret.txt",
    "/%2e%2e/secret.txt",
    "/assets/../../secret.txt",
    "/assets/..%2f..%2fsecret.txt",
    "/assets",
    "//x",
  ])("has nothing at %s", async (path) => {
    const { status, body } = await ask(server, path);
    expect([path, body.includes("secret")]).toEqual([path, false]);
    expect(status === 404 || body.includes("the page")).toBe(true);
  });

  it("takes no other method", async () => {
    expect((await ask(server, "/", undefined, "POST")).status).toBe(405);
  });

  it("has the weights at a path of their own, or says that there are none", async () => {
    expect((await ask(server, "/weights/default.onnx?sha256=ab")).body).toBe("model");
    expect(JSON.parse((await ask(server, "/weights/default.json")).body)).toMatchObject({ name: "Tiny", sha256: "ab" });
    expect((await ask(bare, "/weights/default.onnx")).status).toBe(404);
    expect((await ask(bare, "/weights/default.json")).status).toBe(404);
  });

  it("says that a port is taken", async () => {
    const port = Number(new URL(server.address).port);
    const files = await listPageFiles(folder);
    await expect(servePage({ files, port })).rejects.toMatchObject({ code: "runtime" });
  });

  it("says that the page was not built", async () => {
    await expect(listPageFiles(join(folder, "none"))).rejects.toMatchObject({ code: "internal" });
  });
});
