import { mkdtemp, readdir, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { gunzipSync } from "node:zlib";
import type { ResultDocument, ScoreId } from "@whybox/core";
import { beforeAll, describe, expect, it } from "vitest";
import { run } from "whybox";
import { explanationLines } from "../../src/cli/explain-text.js";
import { resultSchema } from "../../src/io/result-schema.js";

const fixtures = resolve(import.meta.dirname, "../../../../fixtures");
const photo = join(fixtures, "photos/chelsea.png");
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "whybox-tasks-"));
});

/** An export of fixtures/exports, run as `whybox explain` does. */
async function explained(name: string, backprop: ScoreId[]): Promise<ResultDocument> {
  const weights = join(folder, `${name}.onnx`);
  await writeFile(weights, gunzipSync(await readFile(join(fixtures, "exports", `${name}.onnx.gz`))));
  const out = join(folder, name);
  const { failures, results } = await run({
    ...{ source: photo, weights, out, method: "GradCAM", layer: "auto", backprop, imgsz: 64 },
    ...{ maxDetections: 3, confidence: 0.1, per: "detection", save: ["png", "json", "maps"] },
  });
  expect(failures).toEqual([]);
  expect((await readdir(out)).filter((file) => file.endsWith(".png")).length).toBeGreaterThan(2);
  const [json] = (await readdir(out)).filter((file) => file.endsWith(".json"));
  expect(resultSchema.parse(JSON.parse(await readFile(join(out, json!), "utf8")))).toEqual(results[0]);
  return results[0]!;
}

describe("models that draw more than boxes", () => {
  it("masks", async () => {
    const document = await explained("11-seg", ["class", "mask"]);
    expect(document.options.backprop).toEqual(["class", "mask"]);
    for (const { mask, keypoints, angle, corners } of document.detections) {
      expect(mask!.size).toEqual(document.image.size);
      expect(mask!.counts.reduce((sum, count) => sum + count, 0)).toBe(mask!.size[0] * mask!.size[1]);
      expect([keypoints, angle, corners]).toEqual([null, null, null]);
    }
    expect(explanationLines(document)[1]).toMatch(/box x1 y1 x2 y2 +mask pixels +level/);
  });

  it("keypoints", async () => {
    const document = await explained("v8-pose", ["keypoint:1"]);
    expect(document.options.backprop).toEqual(["keypoint:1"]);
    for (const { mask, keypoints } of document.detections) {
      expect(mask).toBeNull();
      expect(keypoints!.map(({ name }) => name)).toEqual(["keypoint0", "keypoint1", "keypoint2"]);
    }
    const [first] = document.detections;
    const seen = first!.keypoints!.filter(({ confidence }) => confidence! >= 0.25).length;
    expect(explanationLines(document)[1]).toMatch(/box x1 y1 x2 y2 +keypoints +level/);
    expect(explanationLines(document)[2]).toMatch(new RegExp(` ${seen} of 3 +P\\d`));
  });

  it("turned boxes", async () => {
    const document = await explained("26-obb", ["class", "angle"]);
    for (const { angle, corners, boxImage } of document.detections) {
      expect(angle).toBeGreaterThanOrEqual(0);
      expect(corners).toHaveLength(4);
      const [height, width] = document.image.size;
      expect(boxImage.x1).toBeCloseTo(Math.min(width, Math.max(0, Math.min(...corners!.map(([x]) => x)))), 2);
      expect(boxImage.y2).toBeCloseTo(Math.min(height, Math.max(0, Math.max(...corners!.map(([, y]) => y)))), 2);
    }
    expect(explanationLines(document)[1]).toMatch(/box x1 y1 x2 y2 +angle +level/);
    expect(explanationLines(document)[2]).toMatch(/ \d+\.\d° +P\d/);
  });

  it("say which scores they have none of", async () => {
    await expect(explained("26-obb", ["mask"])).rejects.toThrow(/"mask" is not supported for this model \(task: obb\)/);
    await expect(explained("v8-pose", ["keypoint:nose"])).rejects.toThrow(/no keypoint "nose".*keypoint0/);
  });
});
