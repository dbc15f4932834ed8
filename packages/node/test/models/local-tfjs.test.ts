import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { InferenceSession } from "onnxruntime-node";
import { afterEach, beforeEach, expect, test } from "vitest";
import { writeTfjs } from "../../../core/test/readers/make-yolov5.js";
import { attr, TfjsWriter } from "../../../core/test/readers/tfjs-writer.js";
import { type ResolveWeightsOptions, resolveWeights } from "../../src/models/resolve-weights.js";

const yolov5 = writeTfjs({ size: [64, 64], depths: [1, 1, 1, 1], levels: 3, classCount: 2, seed: 5 });
const METADATA = `description: Ultralytics YOLOv5 model
stride: 32
task: detect
imgsz:
- 64
- 64
names:
  0: cat
  1: dog
`;

let root: string;
let folder: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "whybox-tfjs-"));
  folder = join(root, "best_web_model");
  await mkdir(folder);
  await writeModel(yolov5.json, yolov5.bytes);
});
afterEach(() => rm(root, { recursive: true, force: true }));

async function writeModel(json: unknown, bytes: Uint8Array): Promise<void> {
  await writeFile(join(folder, "model.json"), JSON.stringify(json));
  await writeFile(join(folder, "group1-shard1of1.bin"), bytes);
}

const options = (): ResolveWeightsOptions => ({ cwd: root, env: { HOME: root, WHYBOX_CACHE: join(root, "cache") } });
const cached = (): Promise<string[]> => readdir(join(root, "cache")).catch(() => []);

test("a folder, or its model.json: converted once, with names and task from metadata.yaml; no licence is claimed", async () => {
  await writeFile(join(folder, "metadata.yaml"), METADATA);
  const found = await resolveWeights("best_web_model", options());
  expect(found).toEqual({ source: "best_web_model", path: found.path, convertedFrom: "tfjs" });
  expect(basename(found.path)).toMatch(/^best-[0-9a-f]{12}\.onnx$/);
  expect((await resolveWeights(join("best_web_model", "model.json"), options())).path).toBe(found.path);
  const session = await InferenceSession.create(found.path);
  expect(session.outputNames).toEqual(["output0"]);
  await session.release();
  const text = (await readFile(found.path)).toString("latin1");
  for (const entry of ["{0: 'cat', 1: 'dog'}", "[64, 64]", "Ultralytics YOLOv5 model"]) expect(text).toContain(entry);
});

test("another content is another file in the cache", async () => {
  const first = await resolveWeights(folder, options());
  await writeFile(join(folder, "metadata.yaml"), METADATA);
  const second = await resolveWeights(folder, options());
  expect(second.path).not.toBe(first.path);
  await writeModel(yolov5.json, Uint8Array.from(yolov5.bytes).fill(0, 0, 40));
  expect((await resolveWeights(folder, options())).path).not.toBe(second.path);
});

test("an export in the style of YOLOv8: channels last, one output [1, 4+K, A], under its own names", async () => {
  const tf = new TfjsWriter();
  const kernel = tf.floats([8, 8, 3, 6], new Float32Array(8 * 8 * 3 * 6).fill(0.01));
  const conv = { padding: attr.s("SAME"), strides: attr.ints(1, 8, 8, 1) };
  const features = tf.node("Conv2D", [tf.input(1, 32, 64, 3), kernel], conv, "model/cv2/convolution");
  const rows = tf.node("Reshape", [features, tf.ints([1, -1, 6])]);
  const output = tf.node("Transpose", [tf.node("Sigmoid", [rows]), tf.ints([0, 2, 1])]);
  await writeModel(tf.model(output), tf.bytes());
  const { path } = await resolveWeights(folder, options());
  const session = await InferenceSession.create(path);
  expect(session.inputMetadata[0]).toMatchObject({ shape: [1, 3, 32, 64] });
  expect(session.outputMetadata[0]).toMatchObject({ shape: [1, 6, 32] });
  await session.release();
});

test("a weight file that is not there, or too short, is named", async () => {
  await writeFile(join(folder, "group1-shard1of1.bin"), yolov5.bytes.slice(0, 100));
  await expect(resolveWeights(folder, options())).rejects.toMatchObject({
    code: "bad-input",
    message: expect.stringContaining("the weight files have 100"),
  });
  await rm(join(folder, "group1-shard1of1.bin"));
  await expect(resolveWeights(folder, options())).rejects.toMatchObject({
    code: "bad-input",
    message: expect.stringContaining(`the file ${join(folder, "group1-shard1of1.bin")} is missing`),
  });
  expect(await cached()).toEqual([]);
});

test("weight files do not lie outside of the folder", async () => {
  await writeFile(join(root, "secret.bin"), "x");
  const [manifest] = (yolov5.json as { weightsManifest: object[] }).weightsManifest;
  for (const path of ["../secret.bin", join(root, "secret.bin"), ".."]) {
    await writeModel({ ...(yolov5.json as object), weightsManifest: [{ ...manifest, paths: [path] }] }, yolov5.bytes);
    await expect(resolveWeights(folder, options())).rejects.toMatchObject({
      code: "bad-input",
      message: expect.stringContaining("expected a plain file name"),
    });
  }
});

test("JSON that is no model, and metadata that is broken", async () => {
  await writeFile(join(folder, "metadata.yaml"), "names: 3");
  await expect(resolveWeights(folder, options())).rejects.toMatchObject({ code: "bad-input" });
  await writeFile(join(folder, "model.json"), "{}");
  await expect(resolveWeights(folder, options())).rejects.toMatchObject({
    code: "bad-input",
    message: expect.stringContaining(`${join(folder, "model.json")}: TF.js model`),
  });
});

test("a model.json larger than any model is not read", async () => {
  await writeFile(join(folder, "model.json"), Buffer.alloc(64 * 2 ** 20 + 1, " "));
  await expect(resolveWeights(folder, options())).rejects.toMatchObject({ code: "limit" });
});
