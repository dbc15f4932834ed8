import { createHash } from "node:crypto";
import { mkdtemp, readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { expect, test } from "vitest";
import { resolveWeights } from "../../src/models/resolve-weights.js";
import { yolov5sPath } from "../support/yolov5s-path.js";

test("the real YOLOv5s comes through npm's registry and runs at any multiple of 32", async () => {
  const session = await InferenceSession.create(await yolov5sPath(), { intraOpNumThreads: 1 });
  const grey = new Tensor("float32", new Float32Array(3 * 96 * 128).fill(114 / 255), [1, 3, 96, 128]);
  const { output0 } = await session.run({ images: grey });
  await session.release();
  expect(output0?.dims).toEqual([1, 3 * (12 * 16 + 6 * 8 + 3 * 4), 85]);
  const rows = output0?.data as Float32Array;
  expect(rows.every(Number.isFinite)).toBe(true);
  const objectness = rows.filter((_, i) => i % 85 === 4);
  expect(Math.max(...objectness)).toBeLessThan(0.25);
});

test("fetched again, it is converted to the same bytes", async () => {
  const cacheDir = await mkdtemp(join(tmpdir(), "whybox-yolov5s-"));
  const bytes = await readFile((await resolveWeights("yolov5s", { cacheDir })).path);
  // Where this changes on purpose, CONVERSION in src/models/convert.ts must be raised, or caches keep the old file.
  expect(createHash("sha256").update(bytes).digest("hex")).toBe(
    "857f9e14d9e8839936dab41cd911c79aa8a885a6ec87cdd3223a85407a38d7ac",
  );
});
