import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import type { DownloadProgress } from "@whybox/core";
import { InferenceSession } from "onnxruntime-node";
import { afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import type { ReleasedWeights } from "../../src/models/registry.js";
import { type ResolveWeightsOptions, resolveWeights } from "../../src/models/resolve-weights.js";
import { FileServer } from "../support/file-server.js";

const fixtures = fileURLToPath(new URL("../../../../fixtures/", import.meta.url));
const unzipped = async (path: string): Promise<Buffer> => gunzipSync(await readFile(join(fixtures, path)));
const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

let checkpoint: Buffer;
let onnx: Buffer;
let folder: string;
let server: FileServer;

beforeAll(async () => {
  checkpoint = await unzipped("torch/yolov8.pt.gz");
  onnx = await unzipped("exports/v5.onnx.gz");
});
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "whybox-remote-"));
  server = await FileServer.start();
  server.files.set("/yolov8n.pt", checkpoint);
  server.files.set("/best.onnx", onnx);
});
afterEach(async () => {
  await server.stop();
  await rm(folder, { recursive: true, force: true });
});

function known(): ReleasedWeights {
  const notice = "yolov8n weights: AGPL-3.0, (c) Ultralytics";
  return { name: "yolov8n", url: `${server.url}/yolov8n.pt`, licence: "AGPL-3.0", notice };
}

const cache = (): string => join(folder, "cache");
const options = (more: Partial<ResolveWeightsOptions> = {}): ResolveWeightsOptions => ({
  known: [known()],
  cwd: folder,
  env: { HOME: folder, WHYBOX_CACHE: cache() },
  ...more,
});
const cached = (): Promise<string[]> => readdir(cache()).catch(() => []);

test("a known name: fetched once from its makers, converted to ONNX, its licence told and recorded", async () => {
  const progress: DownloadProgress[] = [];
  const found = await resolveWeights("yolov8n", options({ onProgress: (step) => progress.push(step) }));
  const { licence, notice } = known();
  expect(found).toEqual({ source: "yolov8n", path: found.path, licence, notice });
  expect(basename(found.path)).toMatch(/^yolov8n-[0-9a-f]{12}\.onnx$/);
  expect(progress.at(-1)).toEqual({ what: "yolov8n", received: checkpoint.length, total: checkpoint.length });
  const session = await InferenceSession.create(found.path);
  expect(session.outputNames).toEqual(["output0"]);
  await session.release();
  const record = JSON.parse(await readFile(`${found.path}.json`, "utf8"));
  expect(record).toMatchObject({ source: known().url, licence, notice });
  const text = (await readFile(found.path)).toString("latin1");
  for (const entry of ["AGPL-3.0", notice, known().url]) expect(text).toContain(entry);

  await server.stop();
  expect(await resolveWeights("yolov8n", options())).toEqual(found);
  expect(server.requests).toEqual(["/yolov8n.pt"]);
});

test("off-line: the message tells the address and where the file may be put; there it is found", async () => {
  await server.stop();
  const put = join(cache(), "yolov8n.pt");
  const error: unknown = await resolveWeights("yolov8n", options()).catch((e) => e);
  expect(error).toMatchObject({ code: "download", details: { put, url: known().url } });
  for (const part of [known().url, "ECONNREFUSED", `copy it to ${put}`, "--weights FILE", cache()]) {
    expect((error as Error).message).toContain(part);
  }
  await mkdir(cache(), { recursive: true });
  await writeFile(put, checkpoint);
  const found = await resolveWeights("yolov8n", options());
  expect(found.notice).toBe(known().notice);
  await rm(put);
  expect(await resolveWeights("yolov8n", options())).toEqual(found);
});

test("an address that has moved is told as such", async () => {
  server.files.clear();
  await expect(resolveWeights("yolov8n", options())).rejects.toMatchObject({
    code: "download",
    message: expect.stringContaining("the server answered 404"),
  });
});

test("known weights with a digest are checked against it, also where the user put them", async () => {
  const wrong = { ...known(), sha256: sha256(onnx) };
  const message = `has the SHA-256 ${sha256(checkpoint)}, expected ${sha256(onnx)}`;
  const refused = { code: "download", message: expect.stringContaining(message) };
  await expect(resolveWeights("yolov8n", options({ known: [wrong] }))).rejects.toMatchObject(refused);
  await writeFile(join(cache(), "yolov8n.pt"), checkpoint);
  await expect(resolveWeights("yolov8n", options({ known: [wrong] }))).rejects.toMatchObject(refused);
  expect(server.requests).toHaveLength(1);
  expect(await cached()).toEqual(["yolov8n.pt"]);
});

test("a URL of an ONNX file: cached as it is, by address and digest; no licence is claimed", async () => {
  const url = `${server.url}/best.onnx`;
  const found = await resolveWeights(url, options());
  expect(found).toEqual({ source: url, path: found.path });
  expect(await readFile(found.path)).toEqual(onnx);
  expect(basename(found.path)).toMatch(/^best-[0-9a-f]{12}\.onnx$/);
  const checked = await resolveWeights(`${url}#sha256=${sha256(onnx).toUpperCase()}`, options());
  expect(checked.path).not.toBe(found.path);
  await server.stop();
  expect(await resolveWeights(url, options())).toEqual(found);
  expect((await resolveWeights(`${url}#sha256=${sha256(onnx)}`, options())).path).toBe(checked.path);
  expect(server.requests).toHaveLength(2);
});

test("a URL of a checkpoint, behind a redirect", async () => {
  server.files.set("/latest", (_, response) => response.writeHead(302, { location: "/yolov8n.pt" }).end());
  const { path } = await resolveWeights(`${server.url}/latest`, options());
  await (await InferenceSession.create(path)).release();
});

test.each([
  ["another file than the digest says", "/best.onnx#sha256=".padEnd(82, "0"), "download", "It is a different file"],
  ["a digest that is none", "/best.onnx#sha256=12", "usage", "expected no fragment, or the file's digest"],
  ["a fragment that is no digest", "/best.onnx#v1", "usage", 'ends with "#v1"'],
  ["no such file", "/none.onnx", "download", "the server answered 404"],
  ["a page instead of a model", "/page", "bad-input", "/page: "],
  ["a model.json", "/model.json", "unsupported-model", "Download its folder"],
  ["a server that sends too much", "/large", "limit", "is larger than 10 MB"],
  ["a connection that is cut", "/cut", "download", "cannot be fetched"],
  ["a redirect to a file", "/file", "download", 'has the scheme "file:"'],
])("%s is refused, and nothing stays", async (_, path, code, message) => {
  server.files.set("/page", Buffer.from("<!doctype html><html><body>Sign in</body></html>"));
  server.files.set("/model.json", Buffer.from('{"format":"graph-model"}'));
  server.files.set("/large", Buffer.alloc(11_000_000));
  server.files.set("/cut", (_request, response) =>
    response.writeHead(200, { "content-length": "100000" }).write("half", () => response.destroy()),
  );
  server.files.set("/file", (_request, response) => response.writeHead(302, { location: "file:///etc/passwd" }).end());
  const running = resolveWeights(server.url + path, options({ maxBytes: 10_000_000 }));
  await expect(running).rejects.toMatchObject({ code, message: expect.stringContaining(message) });
  expect(await cached()).toEqual([]);
});

test("no other scheme, no password, no broken URL", async () => {
  for (const [url, message] of [
    ["ftp://127.0.0.1/best.onnx", "only http and https are supported"],
    ["http://me:secret@127.0.0.1/best.onnx", "contains a user name or password"],
    ["http://", "is not a valid URL"],
  ] as const) {
    const error: unknown = await resolveWeights(url, options()).catch((e) => e);
    expect(error).toMatchObject({ code: "usage", message: expect.stringContaining(message) });
    expect((error as Error).message).not.toContain("secret");
  }
});

test("silence ends at the time limit, and at once when aborted", async () => {
  server.files.set("/never", () => undefined);
  await expect(resolveWeights(`${server.url}/never`, options({ timeoutMs: 50 }))).rejects.toMatchObject({
    code: "download",
    message: expect.stringContaining("no complete answer within 0.05 s"),
  });
  const controller = new AbortController();
  server.files.set("/slow", (_, response) => {
    response.writeHead(200, { "content-length": "100000" }).write("half");
  });
  const running = resolveWeights(
    `${server.url}/slow`,
    options({ signal: controller.signal, onProgress: () => controller.abort(new Error("enough")) }),
  );
  await expect(running).rejects.toMatchObject({ code: "aborted" });
  expect(await cached()).toEqual([]);
});
