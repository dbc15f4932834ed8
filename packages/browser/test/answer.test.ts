import { WhyboxError } from "@whybox/core";
import { expect, it } from "vitest";
import { answerOf } from "../src/worker/answer.js";
import { WeightsAbsent } from "../src/worker/weights.js";

const failing = (error: unknown) => answerOf(() => Promise.reject(error));

it("returns the result", async () => {
  expect(await answerOf(async () => 7)).toEqual({ ok: true, value: 7 });
});

it.each([
  [new WhyboxError("bad-input", "No model."), "bad-input"],
  [new WhyboxError("runtime", "ONNX Runtime could not run the model: no kernel."), "runtime"],
  [new WhyboxError("runtime", "ONNX Runtime could not run the model: std::bad_alloc"), "memory"],
  [new WhyboxError("runtime", "ONNX Runtime could not open the model: Aborted(OOM)."), "memory"],
  [new RangeError("Array buffer allocation failed"), "memory"],
  [new RangeError("Invalid array length"), "memory"],
  [new WebAssembly.RuntimeError("Out of memory: Cannot allocate Wasm memory"), "memory"],
  [new WeightsAbsent(), "absent"],
  [new TypeError("x is undefined"), "internal"],
  ["text", "internal"],
])("reports the error as data: %s", async (error, code) => {
  expect(await failing(error)).toMatchObject({ ok: false, failure: { code } });
});

it("lists the files that a model misses", async () => {
  const error = new WhyboxError("bad-input", "w.bin is missing.", { details: { externalData: ["w.bin"] } });
  expect(await failing(error)).toMatchObject({ failure: { missing: ["w.bin"] } });
});
