import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { gunzipSync } from "node:zlib";
import { createDetector, createOrtPort, encodeModel, modelFormat, readTorch } from "@whybox/core";
import * as ort from "onnxruntime-node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { loadDetector, type ModelReport } from "whybox";
import { longUnless } from "../../../core/test/support/long.js";
import { inspectionLines } from "../../src/cli/inspect-text.js";
import { displayWidth } from "../../src/cli/text.js";

const fixtures = resolve(import.meta.dirname, "../../../../fixtures");
const listed = async (folder: string, ending: RegExp) =>
  (await readdir(join(fixtures, folder))).filter((file) => ending.test(file)).sort();
const exported = await listed("exports", /\.onnx\.gz$/);
const checkpoints = await listed("torch", /\.pt(\.gz)?$/);
const graphs = await listed("tfjs", /\.json\.gz$/);

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "whybox-inspect-"));
});
afterAll(() => rm(folder, { recursive: true }));

async function unpacked(path: string): Promise<Uint8Array> {
  const bytes = await readFile(join(fixtures, path));
  return path.endsWith(".gz") ? gunzipSync(bytes) : bytes;
}

/** The report of `loadDetector`, without a worker for each file. */
async function reportOf(bytes: Uint8Array, run = true): Promise<ModelReport> {
  const detector = await createDetector(bytes, createOrtPort(ort as never), { threads: 1 });
  const facts = run ? await detector.inspect() : detector.facts;
  await detector.dispose();
  const file = { source: "file", format: modelFormat(bytes), bytes: bytes.length, sha256: "0".repeat(64) };
  return { ...file, licence: undefined, notice: undefined, ...facts };
}

/** The end of a name that is always shown. */
const NAME_COLUMNS = 50;
/** The number of layers that are always shown. */
const MIN_SHOWN = 10;

/** Expects a complete report that fits on one screen. */
function expectScreen(report: ModelReport): string {
  const screen = inspectionLines(report);
  expect(screen.length).toBeLessThanOrEqual(40);
  for (const line of screen) expect(displayWidth(line), line).toBeLessThanOrEqual(100);
  const text = screen.join("\n");
  expect(text).toContain(`opset ${report.opset}`);
  expect(text).toContain(`  precision  ${report.precision}`);
  expect(text).toContain(`  classes    ${report.classNames.length}: `);
  expect(text).toContain(`  head       ${report.head.kind}: `);
  for (const { name } of [...report.inputs, ...report.outputs]) expect(text).toContain(name);
  const [before, layers] = text.split(/\nLayers(?:, by the levels)?(?=[ \n])/) as [string, string];
  for (const { name, stride } of report.head.levels) expect(before).toMatch(new RegExp(`\\n  ${name} +${stride} `));
  const prefix = /names begin with (.*)/.exec(layers)?.[1] ?? "";
  const lines = report.layers.map(({ index, name, dims }) => {
    const label = index === undefined ? name.slice(prefix.length) : String(index);
    // A long name loses its beginning.
    const end = label.slice(-NAME_COLUMNS).replaceAll(/[.()[\]]/g, "\\$&");
    const start = label.length > NAME_COLUMNS ? "[ …]\\S*" : " ";
    return new RegExp(`${start}${end} +${dims?.slice(1).join("×") ?? "\\?"}( |\\n)`);
  });
  // Of a long list, the beginning is shown.
  const isCut = layers.includes(`… ${report.layers.length} layers in total, all listed by --json`);
  for (const line of isCut ? lines.slice(0, MIN_SHOWN) : lines) expect(layers).toMatch(line);
  expect(layers).toContain("\nOps without a gradient rule: none");
  return text;
}

/** One of each format, precision and kind of head. */
const typical = [
  "v5",
  "v8-seg",
  "v8-int8",
  "11-fp16",
  "26-pose",
  "rtdetr",
  "yolox",
  "yolov5-v7",
  "yolov8-obb",
  "yolo26",
  "v5u-slim",
];
const optionsOf = (file: string) => longUnless(typical.includes(file.split(".")[0]!));

describe("whybox inspect fits one screen", () => {
  describe.each(exported)("%s", (file) => {
    it("fits", optionsOf(file), async () => {
      expect(expectScreen(await reportOf(await unpacked(`exports/${file}`)))).toContain("  format     ONNX, ");
    });
  });

  describe.each(checkpoints)("%s", (file) => {
    it("and what it is converted to", optionsOf(file), async () => {
      const bytes = await unpacked(`torch/${file}`);
      const text = expectScreen(await reportOf(bytes));
      expect(text).toContain("  format     PyTorch checkpoint, ");
      const converted = expectScreen(await reportOf(encodeModel(readTorch(bytes)), false));
      expect(converted).toContain("  format     ONNX, ");
    });
  });

  describe.each(graphs)("%s", (file) => {
    it("fits", optionsOf(file), async () => {
      const name = file.slice(0, -".json.gz".length);
      const topology = Buffer.from(await unpacked(`tfjs/${file}`)).toString();
      const [shard] = JSON.parse(topology).weightsManifest[0].paths as [string];
      await writeFile(join(folder, "model.json"), topology);
      await writeFile(join(folder, shard), await unpacked(`tfjs/${name}.bin.gz`));
      const detector = await loadDetector(folder, { threads: 1, cacheDir: join(folder, "cache") });
      const report = await detector.inspect();
      await detector.dispose();
      expect(expectScreen(report)).toContain("  format     TF.js graph model, ");
    });
  });
});

it("shows the stored precision of a checkpoint", async () => {
  const [half, single] = await Promise.all(["yolov5-v7.pt", "yolov5-v5.pt"].map((file) => unpacked(`torch/${file}`)));
  expect(inspectionLines(await reportOf(half!, false)).join("\n")).toContain("precision  float32, stored as float16\n");
  expect(inspectionLines(await reportOf(single!, false)).join("\n")).toContain("precision  float32\n");
});
