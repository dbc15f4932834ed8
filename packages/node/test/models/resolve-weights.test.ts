import { randomBytes } from "node:crypto";
import { mkdir, mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { cocoNames, type DownloadProgress } from "@whybox/core";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { afterEach, beforeEach, expect, test } from "vitest";
import { writeTfjs } from "../../../core/test/readers/make-yolov5.js";
import { type KnownWeights, knownWeights, type PackagedWeights } from "../../src/models/registry.js";
import { type ResolveWeightsOptions, resolveWeights } from "../../src/models/resolve-weights.js";
import { FakeRegistry, integrityOf, makeTarball } from "../support/fake-registry.js";
import { launch } from "../support/launch.js";
import { withFileLimit } from "../support/refusals.js";

const { json, bytes } = writeTfjs({ size: [64, 64], depths: [1, 1, 1, 1], levels: 3, classCount: 2, seed: 5 });
const files = {
  "package/package.json": JSON.stringify({ name: "tiny", version: "1.0.0" }),
  "package/model/model.json": JSON.stringify(json),
  "package/model/group1-shard1of1.bin": bytes,
};
const tarball = makeTarball(files);

function weightsOf(archive: Buffer): PackagedWeights {
  return {
    name: "tinyyolo",
    spec: "tiny@1.0.0",
    integrity: integrityOf(archive),
    bytes: archive.length,
    modelJson: "model/model.json",
    classNames: ["cat", "dog"],
    licence: "MIT",
    notice: "Made up for a test",
  };
}

let folder: string;
let registry: FakeRegistry;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "whybox-models-"));
  registry = await FakeRegistry.start(tarball);
});

afterEach(async () => {
  await registry.stop();
  await rm(folder, { recursive: true, force: true });
});

function options(more: Partial<ResolveWeightsOptions> = {}, env: Record<string, string> = {}): ResolveWeightsOptions {
  return {
    known: [weightsOf(tarball)],
    cwd: folder,
    env: {
      HOME: folder,
      WHYBOX_CACHE: join(folder, "cache"),
      npm_config_globalconfig: join(folder, "none"),
      npm_config_registry: registry.url,
      npm_config_fetch_retries: "0",
      ...env,
    },
    ...more,
  };
}

const cached = (): Promise<string[]> => readdir(join(folder, "cache")).catch(() => []);

test("fetched once: converted, cached with its origin, and from then on taken from the cache", async () => {
  const progress: DownloadProgress[] = [];
  const found = await resolveWeights("tinyyolo", options({ onProgress: (step) => progress.push(step) }));
  expect(found).toEqual({
    source: "tinyyolo",
    path: found.path,
    convertedFrom: "tfjs",
    licence: "MIT",
    notice: "Made up for a test",
  });
  expect(progress[0]).toEqual({ what: "tinyyolo", received: 0, total: tarball.length });
  expect(progress.at(-1)).toEqual({ what: "tinyyolo", received: tarball.length, total: tarball.length });
  expect(await cached()).toEqual([
    expect.stringMatching(/^tinyyolo-[0-9a-f]{12}\.onnx$/),
    expect.stringMatching(/\.onnx\.json$/),
  ]);

  const session = await InferenceSession.create(found.path);
  const result = await session.run({ images: new Tensor("float32", new Float32Array(3 * 32 * 64), [1, 3, 32, 64]) });
  expect(result.output0?.dims).toEqual([1, 3 * (32 + 8 + 2), 7]);
  await session.release();
  const text = (await readFile(found.path)).toString("latin1");
  for (const entry of ["{0: 'cat', 1: 'dog'}", "npm:tiny@1.0.0", "Made up for a test"]) expect(text).toContain(entry);

  await registry.stop();
  expect(await resolveWeights("tinyyolo", options())).toEqual(found);
});

test("a cached model of another length, or without its record, is fetched again", async () => {
  const { path } = await resolveWeights("tinyyolo", options());
  const whole = await readFile(path);
  await writeFile(path, whole.subarray(0, 100));
  await resolveWeights("tinyyolo", options());
  expect(await readFile(path)).toEqual(whole);
  for (const record of ["{", "null"]) {
    await writeFile(`${path}.json`, record);
    await resolveWeights("tinyyolo", options());
  }
  expect(registry.tarballRequests()).toBe(4);
});

test("calls at the same time do not disturb each other", async () => {
  const found = await Promise.all(Array.from({ length: 4 }, () => resolveWeights("tinyyolo", options())));
  expect(new Set(found.map(({ path }) => path)).size).toBe(1);
  expect((await cached()).length).toBe(2);
  expect((await stat(found[0]!.path)).size).toBeGreaterThan(1000);
});

test("a registry that gives other bytes is refused, and nothing stays", async () => {
  registry.sendTarball = (response, good) => response.end(Buffer.from(good).fill(1, 100, 200));
  await expect(resolveWeights("tinyyolo", options())).rejects.toMatchObject({
    code: "download",
    message: expect.stringContaining("the integrity check failed"),
  });
  expect(await cached()).toEqual([]);
});

test("a registry whose package has another integrity than ours is refused", async () => {
  const known = [{ ...weightsOf(tarball), integrity: integrityOf(Buffer.from("other")) }];
  await expect(resolveWeights("tinyyolo", options({ known }))).rejects.toMatchObject({ code: "download" });
  expect(registry.tarballRequests()).toBe(0);
});

test("more bytes than expected are cut off", async () => {
  registry.sendTarball = (response, good) => response.end(Buffer.concat([good, good]));
  await expect(resolveWeights("tinyyolo", options())).rejects.toMatchObject({ code: "download" });
  expect(await cached()).toEqual([]);
});

test("offline: the error says where it looked and what to do; no password is shown", async () => {
  await registry.stop();
  const url = registry.url.replace("http://", "http://me:secret@");
  const error: unknown = await resolveWeights("tinyyolo", options({}, { npm_config_registry: url })).catch((e) => e);
  expect(error).toMatchObject({ code: "download", message: expect.stringContaining("ECONNREFUSED") });
  const { message } = error as Error;
  for (const part of [
    "tiny@1.0.0",
    join(folder, "cache"),
    "Connect to the network",
    "npm config set registry",
    "--weights FILE",
  ]) {
    expect(message).toContain(part);
  }
  expect(message).not.toContain("secret");
});

test("an unknown package", async () => {
  const known = [{ ...weightsOf(tarball), spec: "absent@1.0.0" }];
  await expect(resolveWeights("tinyyolo", options({ known }))).rejects.toMatchObject({
    code: "download",
    message: expect.stringContaining("E404"),
  });
});

test("a connection cut in the middle leaves nothing half-written, and the next run works", async () => {
  registry.sendTarball = (response, good) => {
    response.setHeader("content-length", good.length);
    response.write(good.subarray(0, good.length / 2), () => response.destroy());
  };
  await expect(resolveWeights("tinyyolo", options())).rejects.toMatchObject({ code: "download" });
  expect(await cached()).toEqual([]);
  registry.sendTarball = (response, good) => response.end(good);
  expect((await resolveWeights("tinyyolo", options())).path).toContain("tinyyolo");
});

test("aborted before and during the download", async () => {
  const aborted = AbortSignal.abort(new Error("enough"));
  await expect(resolveWeights("tinyyolo", options({ signal: aborted }))).rejects.toMatchObject({ code: "aborted" });
  const controller = new AbortController();
  registry.sendTarball = (response, good) => {
    response.setHeader("content-length", good.length);
    response.write(good.subarray(0, good.length / 2)); // and then silence
  };
  const onProgress = ({ received }: DownloadProgress): void => {
    if (received > 0) controller.abort(new Error("enough"));
  };
  const running = resolveWeights("tinyyolo", options({ signal: controller.signal, onProgress }));
  await expect(running).rejects.toMatchObject({
    code: "aborted",
    cause: expect.objectContaining({ message: "enough" }),
  });
  expect(await cached()).toEqual([]);
});

test("leftovers of killed processes are removed, those of running and of foreign ones are not", async () => {
  const host = hostname()
    .replaceAll(/[^\w.]/g, "_")
    .slice(0, 64);
  const names = {
    dead: `.download-${host}-4194303-00000000`,
    running: `.download-${host}-${process.pid}-00000000`,
    foreign: ".download-elsewhere-1-00000000",
    foreignOld: ".download-elsewhere-2-00000000",
    other: "notes",
  };
  for (const name of Object.values(names)) await mkdir(join(folder, "cache", name), { recursive: true });
  await writeFile(join(folder, "cache", names.dead, "half"), "x");
  await utimes(join(folder, "cache", names.foreignOld), new Date(0), new Date(0));
  await resolveWeights("tinyyolo", options());
  const left = (await cached()).filter((name) => !name.startsWith("tinyyolo")).sort();
  expect(left).toEqual([names.foreign, names.running, names.other].sort());
});

test("a package without the model, or without its weights", async () => {
  for (const missing of ["package/model/model.json", "package/model/group1-shard1of1.bin"]) {
    const archive = makeTarball(Object.fromEntries(Object.entries(files).filter(([name]) => name !== missing)));
    await registry.stop();
    registry = await FakeRegistry.start(archive);
    await expect(resolveWeights("tinyyolo", options({ known: [weightsOf(archive)] }))).rejects.toMatchObject({
      code: "download",
      message: expect.stringContaining(missing.replace("package/", "")),
    });
  }
});

test("a cache folder that cannot be made", async () => {
  await writeFile(join(folder, "file"), "");
  const cacheDir = join(folder, "file", "cache");
  await expect(resolveWeights("tinyyolo", options({ cacheDir }))).rejects.toMatchObject({
    code: "output",
    message: expect.stringMatching(
      /cache folder ".*cache": a file exists where a folder is needed .*\(ENOTDIR\).*WHYBOX_CACHE/,
    ),
  });
});

// The package manager minds a disk that refuses its own cache only with larger packages.
for (const [what, extra] of [
  ["the package", 1_000_000],
  ["the model", 0],
] as const) {
  test.skipIf(process.platform === "win32")(`a disk that cannot take ${what} is no fault of the network`, async () => {
    const archive = makeTarball({ ...files, "package/more.bin": randomBytes(extra) });
    await registry.stop();
    registry = await FakeRegistry.start(archive);
    const { cwd, env } = options();
    const module = new URL("../../dist/models/resolve-weights.js", import.meta.url).href;
    const script = `import { resolveWeights } from ${JSON.stringify(module)};
      await resolveWeights("tinyyolo", ${JSON.stringify({ known: [weightsOf(archive)], cwd, env })})
        .catch(({ code, message }) => console.log(JSON.stringify({ code, message })));`;
    const node = [process.execPath, "--input-type=module", "-e", script];
    const { stdout } = await launch(withFileLimit(8, node), { cwd: folder });
    expect(JSON.parse(stdout)).toEqual({
      code: "output",
      message:
        `Cannot store weights in the cache folder "${join(folder, "cache")}": the file is larger than allowed (EFBIG). ` +
        "Raise the limit (ulimit -f), or choose another folder with the variable WHYBOX_CACHE.",
    });
    expect(await cached()).toEqual([]);
  });
}

test("credentials for the registry are sent to it", async () => {
  const host = registry.url.slice("http:".length);
  await writeFile(join(folder, ".npmrc"), `${host}:_authToken=\${TOKEN}\n`);
  await resolveWeights("tinyyolo", options({}, { TOKEN: "abc" }));
  expect(registry.requests.map(({ authorization }) => authorization)).toEqual(["Bearer abc", "Bearer abc"]);
});

test("a file is taken as it is, also when it has the name of known weights", async () => {
  await writeFile(join(folder, "mine.onnx"), "x");
  await writeFile(join(folder, "tinyyolo"), "x");
  expect(await resolveWeights("mine.onnx", options())).toEqual({
    source: "mine.onnx",
    path: join(folder, "mine.onnx"),
  });
  expect((await resolveWeights("tinyyolo", options())).path).toBe(join(folder, "tinyyolo"));
});

test("what is neither file nor known name is refused, with the nearest name", async () => {
  const refused = async (weights: string, message: string): Promise<void> => {
    await expect(resolveWeights(weights, options())).rejects.toMatchObject({ code: "bad-input", message });
  };
  const known = "Known names: tinyyolo.";
  const path = "Pass the path of an ONNX or .pt file or of a TF.js folder, a URL, or a name.";
  await refused("none.onnx", `The file "none.onnx" does not exist. ${path} ${known}`);
  await refused(
    "tinyolo",
    `"tinyolo" is neither a file nor the name of known weights. ${known} Did you mean "tinyyolo"?`,
  );
  await refused("", `"" is neither a file nor the name of known weights. ${known}`);
  await mkdir(join(folder, "models"));
  await refused("models", `"models" is neither a file nor a folder with a model.json. ${path} ${known}`);
});

test("of many names the first are shown, and the nearest", async () => {
  await expect(resolveWeights("yolo26", options({ known: knownWeights }))).rejects.toMatchObject({
    message: expect.stringMatching(
      /Known names: yolov5s, nanodet, .* … \(all \d+: docs\/weights.md\)\. Did you mean "yolo26\w"\?/,
    ),
  });
  await expect(resolveWeights("yolov8n.pt", options({ known: knownWeights }))).rejects.toMatchObject({
    message: expect.stringContaining('Did you mean "yolov8n"?'),
  });
});

test("the default weights are YOLOv5s, with COCO's 80 classes and their licence", () => {
  expect(knownWeights[0]).toMatchObject({ name: "yolov5s", licence: "AGPL-3.0", classNames: cocoNames });
  expect(new Set(cocoNames).size).toBe(80);
  expect([cocoNames[0], cocoNames[16], cocoNames[79]]).toEqual(["person", "dog", "toothbrush"]);
});

test("known names are unique, and each has its licence and its official address", () => {
  const names = knownWeights.map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
  const urlOf = (name: string): unknown => {
    const found = knownWeights.find((weights): weights is KnownWeights => weights.name === name);
    return found && "url" in found ? found.url : undefined;
  };
  const v5 = "https://github.com/ultralytics/yolov5/releases/download/v7.0/";
  const assets = "https://github.com/ultralytics/assets/releases/download/v8.4.0/";
  for (const name of ["yolov5n", "yolov5x6", "yolov5s-seg"]) expect(urlOf(name)).toBe(`${v5}${name}.pt`);
  for (const name of [
    "yolov5nu",
    "yolov5x6u",
    "yolov8m-pose",
    "yolov9e-seg",
    "yolov10b",
    "yolo11x-obb",
    "yolo12l",
    "yolo26x",
    "yolo26s-seg",
    "rtdetr-l",
  ]) {
    expect(urlOf(name)).toBe(`${assets}${name}.pt`);
  }
  for (const weights of knownWeights) {
    expect(weights.notice).toContain(weights.licence);
    if ("url" in weights) expect(weights.notice).toMatch(/AGPL-3\.0, \(c\) Ultralytics/);
  }
});
