import { WhyboxError } from "@whybox/core";
import { expect, it } from "vitest";
import { answerOf } from "../src/worker/answer.js";

const failing = (error: unknown) => answerOf(() => Promise.reject(error));

it("returns the result", async () => {
  expect(await answerOf(async () => 7)).toEqual({ ok: true, value: 7 });
});

it.each([
  [new WhyboxError("bad-input", "No model."), "bad-input"],
  [new WhyboxError("runtime", "ONNX Runtime could not run the model: no kernel."), "runtime"],
  [new RangeError("Invalid array length"), "runtime"],
  [new TypeError("x is undefined"), "internal"],
  ["text", "internal"],
])("reports the error as data: %s", async (error, code) => {
  expect(await failing(error)).toMatchObject({ ok: false, failure: { code } });
});

it("passes the details on", async () => {
  const details = { externalData: ["w.bin"] };
  const error = new WhyboxError("bad-input", "w.bin is missing.", { details: { ...details, read: () => undefined } });
  expect(await failing(error)).toEqual({
    ok: false,
    failure: { code: "bad-input", message: "w.bin is missing.", details },
  });
});

it.each([
  [new WhyboxError("runtime", "ONNX Runtime could not run the model: no kernel."), undefined],
  [new WhyboxError("runtime", "ONNX Runtime could not run the model: std::bad_alloc"), true],
  [new WhyboxError("runtime", "ONNX Runtime could not open the model: Aborted(OOM)."), true],
  [new RangeError("Array buffer allocation failed"), true],
  [new RangeError("Invalid array length"), true],
  [new WebAssembly.RuntimeError("Out of memory: Cannot allocate Wasm memory"), true],
  [new TypeError("x is undefined"), undefined],
])("says whether the memory is full: %s", async (error, outOfMemory) => {
  expect(await failing(error)).toMatchObject({ failure: { details: outOfMemory ? { outOfMemory } : {} } });
  if (!outOfMemory) expect(await failing(error)).not.toHaveProperty("failure.details.outOfMemory");
});
