import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { expect, test } from "vitest";
import { encodeModel } from "../../src/onnx/encode.js";
import { readTfjsDetector } from "../../src/readers/tfjs/read-tfjs-detector.js";
import { randomNumbers } from "./tfjs-writer.js";

const fixture = (path: string): Buffer =>
  gunzipSync(readFileSync(fileURLToPath(new URL(`../../../../fixtures/${path}.gz`, import.meta.url))));

/** Real conversions (fixtures/make/tfjs-exports.py) of exports that are there as ONNX, too, with their input size. */
test.each([
  ["v8-fixed-12", [64, 64]],
  ["v5u-slim", [64, 96]],
  ["26", [64, 64]],
  ["11-seg", [64, 64]],
] as const)("the TF.js export of %s gives what its ONNX export gives", async (name, [H, W]) => {
  const model = readTfjsDetector(fixture(`tfjs/${name}.json`).toString(), fixture(`tfjs/${name}.bin`));
  expect(model.graph.inputs[0]!.shape).toEqual([1, 3, H, W]);
  const random = randomNumbers(7);
  const pixels = Float32Array.from({ length: 3 * H * W }, () => (random() + 1) / 2);
  const found = await outputsOf(encodeModel(model), pixels, [H, W]);
  const expected = await outputsOf(fixture(`exports/${name}.onnx`), pixels, [H, W]);
  expect(found.map(({ dims }) => dims)).toEqual(expected.map(({ dims }) => dims));
  expected.forEach(({ data }, output) => {
    const scale = data.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);
    data.forEach((value, i) => {
      expect(Math.abs(found[output]!.data[i]! - value), `output ${output}, value ${i}`).toBeLessThan(1e-5 * scale);
    });
  });
});

async function outputsOf(
  bytes: Uint8Array,
  pixels: Float32Array,
  [H, W]: readonly [number, number],
): Promise<{ readonly dims: readonly number[]; readonly data: Float32Array }[]> {
  const session = await InferenceSession.create(bytes, { intraOpNumThreads: 1 });
  const results = await session.run({ [session.inputNames[0]!]: new Tensor("float32", pixels, [1, 3, H, W]) });
  const outputs = session.outputNames.map((name) => results[name]!);
  await session.release();
  return outputs.map(({ dims, data }) => ({ dims, data: data as Float32Array }));
}
