// @module-tag long

import { execFile } from "node:child_process";
import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { encodeModel } from "@whybox/core";
import { expect, it } from "vitest";
import { makeImage, tameModel } from "../../core/test/support/mini-detector.js";

const root = resolve(import.meta.dirname, "../../..");

/** Explains 1,000 images, ten by a method, then ten by the next, over and over, and writes what memory it holds after each hundred. */
const program = `
  import { readFile } from "node:fs/promises";
  import * as ort from "onnxruntime-node";
  import { createDetector, createOrtPort, createWorkerPort } from "whybox";
  const { model, image, worker } = JSON.parse(process.argv[1]);
  const data = Uint8Array.from(image.data);
  const port = worker ? createWorkerPort() : createOrtPort(ort.default ?? ort);
  const detector = await createDetector(await readFile(model), port, { threads: 1 });
  const kinds = [
    { method: "GradCAM" },
    { method: "tap-fusion", per: "detection" },
    { method: "AblationCAM", layer: 23 },
    { method: "D-RISE", samples: 6 },
    { method: "FullGrad" },
    { method: "gradient", per: "class" },
    { method: "ODAM", per: "detection", scale: "common" },
    { method: "GuidedGradCAM", layer: 17 },
    { method: "ShapleyCAM", layer: 20 },
    { method: "LayerCAM", layer: 9, augSmooth: true },
  ];
  for (let i = 1; i <= 1000; i++) {
    for (let p = 0; p < 50; p++) data[(i * 50 + p) % data.length] = (i * 7 + p) % 256;
    const changed = { height: image.height, width: image.width, data };
    await detector.explain(changed, { imageSize: 64, maxDetections: 3, ...kinds[Math.floor((i - 1) / 10) % kinds.length] });
    if (i % 100 !== 0) continue;
    // Finalizers run between turns of the event loop; what they free goes at the next collection.
    for (let turn = 0; turn < 3; turn++) {
      gc();
      await new Promise((done) => setImmediate(done));
    }
    const { heapUsed, external, arrayBuffers, rss } = process.memoryUsage();
    console.log(JSON.stringify({ heapUsed, external, arrayBuffers, rss }));
  }
  await detector.dispose();
  if (worker) await port.close();
`;

type Usage = Readonly<Record<"heapUsed" | "external" | "arrayBuffers" | "rss", number>>;

it.each([
  ["in the same thread", false],
  ["with the runtime in a thread of its own", true],
])(
  "memory stays flat over 1,000 images, %s",
  async (_, worker) => {
    const model = join(await mkdtemp(join(tmpdir(), "memory-")), "mini.onnx");
    await writeFile(model, encodeModel(tameModel()));
    const { height, width, data } = makeImage(5, [64, 64]);
    const given = JSON.stringify({ model, worker, image: { height, width, data: [...data] } });
    const run = ["--expose-gc", "--input-type=module", "-e", program, given];
    const { stdout } = await promisify(execFile)(process.execPath, run, { cwd: root });
    const found = stdout
      .trim()
      .split("\n")
      .map((line): Usage => JSON.parse(line));
    expect(found).toHaveLength(10);
    const MiB = 2 ** 20;
    // Sessions, compiled code and the allocators' pools have settled after 300; leaking a tap of each image would show.
    const settled = found.slice(2);
    const grown = (key: keyof Usage): number => (settled.at(-1)![key] - settled[0]![key]) / MiB;
    const table = JSON.stringify(found.map((usage) => Object.values(usage).map((bytes) => Math.round(bytes / MiB))));
    expect(grown("heapUsed"), `MiB of heap, ${table}`).toBeLessThan(1.5);
    expect(grown("external"), `MiB outside the heap, ${table}`).toBeLessThan(1);
    // Messages on their way to the thread come and go.
    expect(grown("arrayBuffers"), `MiB of buffers, ${table}`).toBeLessThan(worker ? 4 : 1);
    // What the allocator keeps of freed sessions differs from Node to Node: 7 MiB with 20, up to 92 with 24, flat in the end.
    expect(grown("rss"), `MiB in all, ${table}`).toBeLessThan(192);
  },
  300_000,
);
