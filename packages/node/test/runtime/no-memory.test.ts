// @module-tag long

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { encodeModel } from "whybox";
import { GraphBuilder } from "../../../core/src/onnx/builder.js";
import { modelOf } from "../../../core/test/onnx/support.js";
import { tameModel } from "../../../core/test/support/mini-detector.js";
import { launch } from "../support/launch.js";

const script = `
import { readFileSync } from "node:fs";
import { loadDetector } from "${import.meta.resolve("whybox")}";
const detector = await loadDetector(readFileSync("mini.onnx"), { threads: 1 });
const image = { data: new Uint8Array(64 * 64 * 3).map((_, i) => (i * 2654435761) >>> 24), width: 64, height: 64 };
const found = [];
for (const imageSize of [64, 8192, 64]) {
  const call = detector.explain(image, { imageSize, maxDetections: 1 });
  found.push(await call.then(() => "done", ({ code, message }) => code + ": " + message));
}
await detector.dispose();
console.log(JSON.stringify(found));
`;

/** Runs a network whose eight outputs take 64 MB each, with `reserve` as the package does it or without, and prints what came of it. */
const outputs = `
import { readFileSync } from "node:fs";
import * as ort from "${import.meta.resolve("onnxruntime-node")}";
import { createOrtPort } from "${import.meta.resolve("whybox")}";
const port = createOrtPort(ort, process.argv[2] === "plain" ? { reserve: undefined } : {});
const session = await port.createSession(readFileSync("outputs.onnx"), { threads: 1 });
const x = await port.upload("float32", [2 ** 24], new Float32Array(2 ** 24).fill(1));
const run = () => session.run({ x }, session.outputNames, () => 8 * 4 * 2 ** 24);
console.log(await run().then(() => "done", ({ code, message }) => code + ": " + message));
`;

function eightOutputs() {
  const b = new GraphBuilder();
  b.input("x", ["n"]);
  for (let i = 0; i < 8; i++) {
    b.node("Mul", [i === 0 ? "x" : `y${i - 1}`, "x"], [`y${i}`]);
    b.output(`y${i}`, ["n"]);
  }
  return modelOf(b);
}

// Linux counts memory that is written to (ulimit -d), not addresses.
const limited = (kilobytes: number, cwd: string, ...argv: readonly string[]) =>
  launch(["sh", "-c", `ulimit -d ${kilobytes} && exec "$@"`, "sh", process.execPath, ...argv], { cwd });

describe.runIf(process.platform === "linux")("without enough memory", () => {
  let cwd: string;
  beforeAll(async () => {
    cwd = await mkdtemp(join(tmpdir(), "whybox-memory-"));
  });
  afterAll(() => rm(cwd, { recursive: true }));

  it("a run says so, and the next one works", async () => {
    await writeFile(join(cwd, "mini.onnx"), encodeModel(tameModel()));
    await writeFile(join(cwd, "script.mjs"), script);
    const { code, stdout } = await limited(1_200_000, cwd, "script.mjs");
    expect(code).toBe(0);
    const message = /^runtime: .*(Failed to allocate .*There is not enough memory\. Use a smaller|out of memory)/s;
    expect(JSON.parse(stdout)).toEqual(["done", expect.stringMatching(message), "done"]);
  });

  it("for the copies of the outputs, a run says so, where ONNX Runtime alone ends the process", async () => {
    await writeFile(join(cwd, "outputs.onnx"), encodeModel(eightOutputs()));
    await writeFile(join(cwd, "outputs.mjs"), outputs);
    const plain = await limited(1_000_000, cwd, "outputs.mjs", "plain");
    expect([plain.code, plain.stderr]).toEqual([
      null,
      expect.stringContaining("v8::ArrayBuffer::New Allocation failed"),
    ]);
    for (const kilobytes of [600_000, 800_000, 1_000_000, 1_200_000]) {
      const { code, stdout } = await limited(kilobytes, cwd, "outputs.mjs");
      expect(code).toBe(0);
      expect(stdout).toMatch(/^runtime: ONNX Runtime could not run the model: .*There is not enough memory/s);
    }
    expect((await limited(2_000_000, cwd, "outputs.mjs")).stdout).toBe("done\n");
  });
});
