// @module-tag long

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { encodeModel } from "whybox";
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

// Linux counts memory that is written to (ulimit -d), not addresses.
it.runIf(process.platform === "linux")("a run without enough memory says so, and the next one works", async () => {
  const cwd = await mkdtemp(join(tmpdir(), "whybox-memory-"));
  try {
    await writeFile(join(cwd, "mini.onnx"), encodeModel(tameModel()));
    await writeFile(join(cwd, "script.mjs"), script);
    const { code, stdout } = await launch(
      ["sh", "-c", 'ulimit -d 1200000 && exec "$@"', "sh", process.execPath, "script.mjs"],
      { cwd },
    );
    expect(code).toBe(0);
    const message =
      /^runtime: .*(Failed to allocate memory.*There is not enough memory\. Use a smaller|out of memory)/s;
    expect(JSON.parse(stdout)).toEqual(["done", expect.stringMatching(message), "done"]);
  } finally {
    await rm(cwd, { recursive: true });
  }
});
