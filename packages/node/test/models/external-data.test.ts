import { copyFile, link, mkdir, readFile, symlink, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { decodeModel, loadDetector, type RgbImage, withExternalData } from "whybox";
import { createWorld, temporaryFolder } from "../cli/fake-world.js";
import { bin, launch } from "../support/launch.js";

const fixture = (name: string) => fileURLToPath(new URL(`../../../../fixtures/${name}`, import.meta.url));
const [graph, weights] = [fixture("external/two-files.onnx"), fixture("external/two-files.onnx.data")];
const image: RgbImage = {
  height: 64,
  width: 64,
  data: Uint8Array.from({ length: 3 * 64 * 64 }, (_, i) => (i * 37) % 256),
};
const options = { confidence: 0.01, maxDetections: 2, method: "LayerCAM" } as const;

/** A folder with the model alone. */
async function folderOf(): Promise<string> {
  const folder = await temporaryFolder();
  await copyFile(graph, join(folder, "m.onnx"));
  return folder;
}

describe("a model whose weights are in a file beside it", () => {
  it("is loaded from its folder, from bytes, and after conversion to one file", async () => {
    const cwd = await folderOf();
    await copyFile(weights, join(cwd, "two-files.onnx.data"));
    const world = createWorld({ cwd });
    expect(await world.run("convert", "m.onnx", "single.onnx")).toBe(0);
    expect(world.stdout()).toBe("single.onnx: joined with two-files.onnx.data, 0.1 MB\n");
    const externalData = new Map([["two-files.onnx.data", new Uint8Array(await readFile(weights))]]);
    const detectors = await Promise.all([
      loadDetector(join(cwd, "m.onnx")),
      loadDetector(new Uint8Array(await readFile(graph)), { externalData }),
      loadDetector(join(cwd, "single.onnx")),
    ]);
    const [beside, bytes, single] = await Promise.all(detectors.map((one) => one.explain(image, options)));
    expect(single!.detections.length).toBeGreaterThan(0);
    expect(single!.heatmap.data.some((value) => value > 0)).toBe(true);
    for (const one of [beside!, bytes!]) {
      expect(one.detections).toEqual(single!.detections);
      expect(one.heatmap).toEqual(single!.heatmap);
    }
    const [report, other] = detectors.map((one) => one.report);
    expect(report!.bytes).toBe((await readFile(graph)).length + (await readFile(weights)).length);
    expect(other!.sha256).toBe(report!.sha256);
    // A method of the caller's own runs in this thread, which reads the same files.
    const own = { id: "own", title: "Own", paper: "", needs: ["activations"], map: meanOf } as const;
    const mine = await detectors[0]!.explain(image, { ...options, method: own });
    expect(mine.detections).toEqual(single!.detections);
    await Promise.all(detectors.map((one) => one.dispose()));
  });

  it("is read by the threads of a run", async () => {
    const cwd = await folderOf();
    await copyFile(weights, join(cwd, "two-files.onnx.data"));
    const run = ["run", fixture("photos/coffee.png"), "--weights", "m.onnx", "--conf", "0.01", "--out", "out"];
    expect(await launch([process.execPath, bin, ...run, "--workers", "1"], { cwd })).toMatchObject({ code: 0 });
    const { model } = JSON.parse(await readFile(join(cwd, "out", "manifest.json"), "utf8"));
    const detector = await loadDetector(join(cwd, "m.onnx"));
    expect(model).toMatchObject({ bytes: detector.report.bytes, sha256: detector.report.sha256 });
    await detector.dispose();
  });

  it.each<[string, (folder: string) => Promise<unknown>, RegExp]>([
    [
      "missing",
      async () => undefined,
      /m\.onnx: .*"two-files\.onnx\.data" beside it, which is missing: .*Copy it there/,
    ],
    [
      "a link out of the folder",
      async (folder) => {
        const outside = join(await temporaryFolder(), "w");
        await copyFile(weights, outside);
        await symlink(outside, join(folder, "two-files.onnx.data"));
      },
      /is a link to another folder/,
    ],
    ["a folder", (folder) => mkdir(join(folder, "two-files.onnx.data")), /is no regular file/],
    [
      "cut short",
      async (folder) => {
        await copyFile(weights, join(folder, "two-files.onnx.data"));
        await truncate(join(folder, "two-files.onnx.data"), 1000);
      },
      /Tensor ".*" in "two-files\.onnx\.data": found a file of 1000 bytes/,
    ],
  ])("is refused if the file is %s", async (_, prepare, message) => {
    const folder = await folderOf();
    await prepare(folder);
    await expect(loadDetector(join(folder, "m.onnx"))).rejects.toMatchObject({
      code: "bad-input",
      message: expect.stringMatching(message),
    });
  });

  it("may be a link inside the folder", async () => {
    const folder = await folderOf();
    await link(weights, join(folder, "real")).catch(() => copyFile(weights, join(folder, "real")));
    await symlink("real", join(folder, "two-files.onnx.data"));
    const detector = await loadDetector(join(folder, "m.onnx"));
    await detector.dispose();
    const filled = withExternalData(
      decodeModel(new Uint8Array(await readFile(graph))),
      new Map([["two-files.onnx.data", new Uint8Array(await readFile(weights))]]),
    );
    expect([...filled.graph.initializers.values()].every(({ external }) => external === undefined)).toBe(true);
  });
});

it("an image size that the model does not take is named by its flag", async () => {
  const cwd = await folderOf();
  await copyFile(weights, join(cwd, "two-files.onnx.data"));
  for (const flag of ["--imgsz", "--image-size"]) {
    const words = ["explain", fixture("photos/coffee.png"), "--weights", "m.onnx", flag, "640"];
    const { code, stderr } = await launch([process.execPath, bin, ...words], { cwd });
    expect([code, stderr]).toEqual([2, expect.stringContaining(`${flag} is [640, 640]`)]);
    expect(stderr).toContain(`Leave ${flag} out`);
  }
});

describe("a folder with a model of another format", () => {
  it.each([
    ["model.xml", '<?xml version="1.0"?>\n<net name="m" version="11">', /best: This is an OpenVINO model/],
    ["model.ncnn.param", "7767517\n1 1\n", /best: This is an NCNN model/],
    ["inference.json", '{"base_code":{"magic":"pir"}}', /best: This is a PaddlePaddle model/],
    ["Data/com.apple.CoreML/model.mlmodel", "\x08\x04\x12\x02\x0a\x00", /best: This is a Core ML model/],
  ])("is recognised by its %s", async (name, content, message) => {
    const cwd = await temporaryFolder();
    const path = join(cwd, "best", name);
    await mkdir(join(path, ".."), { recursive: true });
    await writeFile(path, content, "latin1");
    const failure = await loadDetector(join(cwd, "best")).catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: "bad-input", message: expect.stringMatching(message) });
  });
});

function meanOf({ activations: { dims, data } }: { activations: { dims: readonly number[]; data: Float32Array } }) {
  const [, height, width] = dims as [number, number, number];
  return { height, width, data: data.slice(0, height * width).map(Math.abs) };
}
