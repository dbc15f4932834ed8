import * as ort from "onnxruntime-node";
import { expect, it } from "vitest";
import { buildBackwardModel } from "../../src/autodiff/backward-model.js";
import { defaultRules } from "../../src/autodiff/rules/index.js";
import { GraphBuilder, type Value } from "../../src/onnx/builder.js";
import { buildPrefix } from "../../src/onnx/cut.js";
import { encodeModel } from "../../src/onnx/encode.js";
import { DataType } from "../../src/onnx/model.js";
import { createOrtPort } from "../../src/runtime/ort-port.js";
import { SessionCache } from "../../src/runtime/sessions.js";
import { modelOf } from "../onnx/support.js";
import { randomSource } from "../support/random.js";

const CHANNELS = 32;
const dims = [1, CHANNELS, 20, 20];

/**
 * Convolutions as ONNX Runtime's quantiser writes them, in uint8 with weights in int8. A step of a convolution's output is two steps of
 * its products, so that every other sum lies between two: integers round it one way, float32 sums this way or that.
 */
function network() {
  const random = randomSource(5);
  const b = new GraphBuilder("m");
  b.input("x", dims);
  const pair = (x: Value, scale: number, zero: number): Value => {
    const point = b.fresh("zero");
    b.initializers.set(point, { name: point, dims: [], dataType: DataType.UINT8, bytes: Uint8Array.of(zero) });
    const parts = [b.float(scale), point];
    return b.op("DequantizeLinear", [b.op("QuantizeLinear", [x, ...parts]), ...parts]);
  };
  const convolutions: Value[] = [];
  let scale = 1 / 255;
  let value = pair("x", scale, 0);
  for (let i = 0; i < 2; i++) {
    const weight = b.fresh("weight");
    const bytes = Uint8Array.from({ length: CHANNELS * CHANNELS * 9 }, () => Math.floor(3 * random()) + 255);
    b.initializers.set(weight, { name: weight, dims: [CHANNELS, CHANNELS, 3, 3], dataType: DataType.INT8, bytes });
    const none = b.fresh("zero");
    b.initializers.set(none, { name: none, dims: [], dataType: DataType.INT8, bytes: Uint8Array.of(0) });
    const w = b.op("DequantizeLinear", [weight, b.float(0.0031), none]);
    convolutions.push(b.op("Conv", [value, w], { kernel_shape: [3, 3], pads: [1, 1, 1, 1] }));
    scale *= 2 * 0.0031;
    value = pair(convolutions.at(-1)!, scale, 128);
  }
  b.node("Identity", [value], ["y"]);
  b.output("y");
  return { model: { ...modelOf(b, 17), graph: b.graph("network") }, convolutions };
}

/**
 * Asking ONNX Runtime for a convolution's own output makes it compute that convolution in float32 instead of in integers: other roundings,
 * and the network drifts away from the deployed one.
 */
it("what is saved for the backward pass, and layers that are asked for, leave the deployed arithmetic alone", async () => {
  const { model, convolutions } = network();
  const random = randomSource(3);
  const data = Float32Array.from({ length: CHANNELS * 400 }, () => (4 * random()) / 255);
  const plain = await ort.InferenceSession.create(encodeModel(model), { intraOpNumThreads: 1 });
  const expected = (await plain.run({ x: new ort.Tensor("float32", data, dims) })).y!.data;
  await plain.release();
  expect(new Set(expected as Float32Array).size, "different values").toBeGreaterThan(20);
  const [first] = convolutions;
  const request = { taps: [first!], outputs: ["y"], rules: defaultRules, manySeeds: false } as const;
  const backward = buildBackwardModel(model, { ...request, forwardValues: "saved" });
  const port = createOrtPort(ort as never);
  const sessions = new SessionCache(port, { threads: 1 });
  const outputs = [...new Set(["y", ...convolutions, ...backward.saved])];
  const session = await sessions.get("forward", () => buildPrefix(model, outputs, backward.forwardNodes));
  const values = await session.run({ x: await port.upload("float32", dims, data.slice()) }, outputs);
  const found = (await values.y!.read()) as Float32Array;
  expect(found.filter((value, i) => value !== (expected as Float32Array)[i]).length, "other values").toBe(0);
  await sessions.dispose();
});
