import { access, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { loadDetector } from "whybox";
import { createWorld, temporaryFolder } from "./fake-world.js";

const fixture = (path: string) => fileURLToPath(new URL(`../../../../fixtures/${path}`, import.meta.url));
const checkpoint = fixture("torch/yolov5-v7.pt");

describe("whybox convert", () => {
  it("makes an ONNX file that explains as the checkpoint does", async () => {
    const cwd = await temporaryFolder();
    const world = createWorld({ cwd });
    expect(await world.run("convert", checkpoint, "best.onnx")).toBe(0);
    expect(world.stdout()).toBe("best.onnx: models.yolo.DetectionModel (ema), 2 classes, strides 8 16, 0.0 MB\n");
    expect(await readdir(cwd)).toEqual(["best.onnx"]);

    const [torch, onnx] = await Promise.all([checkpoint, join(cwd, "best.onnx")].map((path) => loadDetector(path)));
    expect([torch!.report.format, onnx!.report.format]).toEqual(["torch", "onnx"]);
    expect(torch!.report.classNames).toEqual(["cat", "it's"]);
    const options = {
      confidence: 1e-6,
      imageSize: [64, 64],
      backprop: ["confidence"],
      maxDetections: 3,
    } as const;
    const [a, b] = await Promise.all(
      [torch!, onnx!].map((detector) => detector.explain(fixture("photos/coffee.png"), options)),
    );
    expect(a!.detections.length).toBeGreaterThan(0);
    expect(a!.heatmap.data.some((value) => value > 0)).toBe(true);
    expect(b!.heatmap).toEqual(a!.heatmap);
    expect(b!.detections).toEqual(a!.detections);
    await Promise.all([torch!, onnx!].map((detector) => detector.dispose()));
  });

  it("prints one document with --json", async () => {
    const world = createWorld({ cwd: await temporaryFolder() });
    expect(await world.run("convert", checkpoint, "best.onnx", "--json")).toBe(0);
    expect(JSON.parse(world.stdout())).toMatchObject({
      schemaVersion: 1,
      tool: { name: "whybox" },
      source: checkpoint,
      target: "best.onnx",
      checkpoint: { container: "zip", from: "ema", names: ["cat", "it's"], strides: [8, 16], yaml: { nc: 2 } },
    });
  });

  it("overwrites nothing", async () => {
    const cwd = await temporaryFolder();
    await writeFile(join(cwd, "best.onnx"), "mine");
    const world = createWorld({ cwd });
    expect(await world.run("convert", checkpoint, "best.onnx")).toBe(6);
    expect(world.stderr()).toMatch(/^error: best\.onnx already exists/);
    expect(await readFile(join(cwd, "best.onnx"), "utf8")).toBe("mine");
  });

  it.each<[string, (cwd: string) => Promise<string>, number, RegExp]>([
    ["a file that is not there", async () => "none.pt", 3, /Cannot read the model .*none\.pt/],
    ["an image", async () => fixture("photos/dog.jpg"), 3, /dog\.jpg: This is not an ONNX file: it is a JPEG image/],
    [
      "half a checkpoint",
      async (cwd) => {
        await writeFile(join(cwd, "half.pt"), (await readFile(checkpoint)).subarray(0, 30_000));
        return "half.pt";
      },
      3,
      /half\.pt: Cannot read the PyTorch file: the zip archive has no directory at its end/,
    ],
    [
      "a pickle of something else",
      async (cwd) => {
        const bytes = await readFile(checkpoint);
        const at = bytes.indexOf("models.common\nC3\n");
        bytes.write("models.common\nC9\n", at);
        await writeFile(join(cwd, "other.pt"), bytes);
        return "other.pt";
      },
      4,
      /other\.pt: The PyTorch file has a module "model\.3" \(models\.common\.C9\) that is not supported.*Export it to ONNX/,
    ],
  ])("tells of %s, and writes nothing", async (_, write, code, message) => {
    const cwd = await temporaryFolder();
    const world = createWorld({ cwd });
    expect(await world.run("convert", await write(cwd), "out.onnx")).toBe(code);
    expect(world.stderr()).toMatch(message);
    await expect(access(join(cwd, "out.onnx"))).rejects.toThrow("ENOENT");
  });

  it("tells of a folder that takes no file, and stops at Ctrl-C", async () => {
    const world = createWorld({ cwd: await temporaryFolder() });
    expect(await world.run("convert", checkpoint, "no/such/folder.onnx")).toBe(6);
    const stopped = createWorld({ cwd: await temporaryFolder(), signal: AbortSignal.abort() });
    expect(await stopped.run("convert", checkpoint, "best.onnx")).toBe(130);
  });
});
