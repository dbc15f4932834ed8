import * as ort from "onnxruntime-node";
import { describe, expect, it } from "vitest";
import { GraphBuilder } from "../../src/onnx/builder.js";
import { DataType, type Model } from "../../src/onnx/model.js";
import { createOrtPort } from "../../src/runtime/ort-port.js";
import { openSession } from "../../src/runtime/sessions.js";
import { sizeOf } from "../../src/tensor/tensor.js";
import { modelOf } from "../onnx/support.js";

/** A network of any size: two feature maps, one with half of the rows and columns, and a shape. The size of `found` depends on the values. */
function network(): Model {
  const b = new GraphBuilder();
  b.input("x", ["batch", 4, "height", "width"]);
  b.node("Relu", ["x"], ["full"]);
  b.node("MaxPool", ["full"], ["half"], { kernel_shape: [2, 2], strides: [2, 2] });
  b.node("Shape", ["half"], ["shape"]);
  b.node("NonZero", ["half"], ["found"]);
  for (const name of ["full", "half"]) b.output(name, ["batch", 4, `${name}-h`, `${name}-w`]);
  b.output("shape", [4], DataType.INT64);
  b.output("found", [4, "n"], DataType.INT64);
  return modelOf(b);
}

/** Runs the network on ones, and returns what it was said to need. */
async function reservedOf(outputs: readonly string[], sizes: readonly (readonly number[])[]): Promise<number[]> {
  const log: number[] = [];
  const reserve = (bytes: number) => {
    log.push(bytes);
    return () => log.push(-bytes);
  };
  const port = createOrtPort(ort as never, { reserve });
  const session = await openSession(port, network(), { threads: 1 });
  for (const dims of sizes) {
    const x = await port.upload("float32", dims, new Float32Array(sizeOf(dims)).fill(1));
    for (const value of Object.values(await session.run({ x }, outputs))) value.dispose();
  }
  await session.release();
  return log;
}

describe("the memory of the outputs", () => {
  const [large, other] = [
    [1, 4, 320, 256],
    [2, 4, 64, 768],
  ];

  it("follows from the shapes of the inputs, before the first run, and is returned after it", async () => {
    const bytes = (dims: readonly number[]) => 4 * sizeOf(dims) * (1 + 1 / 4) + 8 * 4;
    const expected = [large, other].flatMap((dims) => [bytes(dims), -bytes(dims)]);
    expect(await reservedOf(["full", "half", "shape"], [large, other])).toEqual(expected);
  });

  it("is learned from the first run where it does not follow from the shapes", async () => {
    const found = 8 * 4 * (sizeOf(large) / 4);
    expect(await reservedOf(["found"], [large, large])).toEqual([0, -0, found, -found]);
  });

  it("is not computed for a small input", async () => {
    expect(await reservedOf(["full"], [[1, 4, 64, 64]])).toEqual([]);
  });

  it("is an error of the runtime that says what to do if there is none, and the next run works", async () => {
    let left = 0;
    const reserve = (bytes: number) => {
      if (bytes > left) throw new Error(`Failed to allocate ${bytes} bytes for its outputs`);
      return () => undefined;
    };
    const port = createOrtPort(ort as never, { reserve });
    const session = await openSession(port, network(), { threads: 1 });
    const x = await port.upload("float32", large, new Float32Array(sizeOf(large)));
    await expect(session.run({ x }, ["full"])).rejects.toMatchObject({
      code: "runtime",
      message: expect.stringMatching(/Failed to allocate 1310720 bytes for its outputs\. There is not enough memory/),
    });
    left = 2 ** 21;
    expect((await session.run({ x }, ["full"])).full!.dims).toEqual(large);
    await session.release();
  });
});
