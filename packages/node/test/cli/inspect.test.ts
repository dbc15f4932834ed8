import { WhyboxError } from "@whybox/core";
import { describe, expect, it } from "vitest";
import { displayWidth } from "../../src/cli/text.js";
import { createWorld, fakeReport } from "./fake-world.js";

describe("whybox inspect", () => {
  it("prints the contents of the model", async () => {
    const run = createWorld({
      report: { classNames: ["cat", "dog", "c", "d", "e", "f\u001b[0m"], licenceInFile: "AGPL-3.0" },
    });
    expect(await run.run("inspect", "yolov5s", "--names", "n.yaml")).toBe(0);
    expect(run.stdout()).toBe(`yolov5s
  format     ONNX, opset 12, 1.5 MB, made by pytorch
  model      Tiny, version 1
  sha256     ${"ab".repeat(32)}
  licence    AGPL-3.0 (stated by the file)
  task       detection
  precision  float32
  classes    6: cat, dog, c, d, e, … and 1 more
  input      images float32 [1, 3, height, ?]
  pixels     RGB, NCHW, 0..1 (assumed)
  prepared   scaled, with grey around (assumed); not normalised (assumed)
  output     output float32 [1, rows, 7]
  head       anchor-based: output "output" [1, rows, 5 + classes]
  selection  non-maximum suppression

  level  stride  anchors  reads layer
  P3          8        3  17

Layers, by the levels whose boxes have a gradient there (dims at 32×64)
  P3      17  128×4×8
  none    x  ?
          Foo has no gradient rule

Ops without a gradient rule: Foo (2 nodes)
`);
    expect(run.loads).toMatchObject([{ weights: "yolov5s", options: { names: "n.yaml" } }]);
    expect(run.calls).toEqual(["load", "dispose"]);
  });

  it("says that COCO's names are assumed, in the text and in the JSON", async () => {
    const run = createWorld({ report: { classNames: Array(80).fill("x"), classNamesFrom: "coco" } });
    await run.run("inspect", "m.onnx");
    expect(run.stdout()).toContain("80: x, x, x, x, x, … and 75 more (COCO's names, assumed)\n");
    const json = createWorld({ report: { classNamesFrom: "coco" } });
    await json.run("inspect", "m.onnx", "--json");
    expect(JSON.parse(json.stdout()).model.classNamesFrom).toBe("coco");
  });

  it("takes the flags for the model's input that explain takes", async () => {
    const run = createWorld();
    const flags = ["--fit", "crop", "--input-crop", "0.875", "--mean", "1", "2", "3", "--std", "4", "5", "6"];
    const pixels = ["--input-range", "255", "--input-channels", "bgr", "--padding", "end"];
    expect(await run.run("inspect", "m.onnx", ...flags, ...pixels)).toBe(0);
    const input = { range: 255, channels: "bgr", padding: "end", fit: "crop", crop: 0.875 };
    expect(run.loads[0]!.options.input).toEqual({ ...input, mean: [1, 2, 3], std: [4, 5, 6] });
  });

  it("prints one document with --json", async () => {
    const run = createWorld();
    expect(await run.run("inspect", "m.onnx", "--json")).toBe(0);
    const document = JSON.parse(run.stdout());
    expect(document).toMatchObject({ schemaVersion: 1, tool: { name: "whybox", version: "9.9.9" } });
    expect(document.model.layers).toHaveLength(2);
    expect(document.model.opsWithoutRule).toHaveLength(2);
  });

  it("omits missing facts: no run, no op without a rule, no producer", async () => {
    const run = createWorld({ report: { inputSize: undefined, opsWithoutRule: [], producer: "" } });
    await run.run("inspect", "m.onnx");
    expect(run.stdout()).toContain("\nLayers, by the levels whose boxes have a gradient there\n");
    expect(run.stdout()).toContain("1.5 MB, made by an unnamed program\n");
    expect(run.stdout()).toContain("\nOps without a gradient rule: none\n");
  });

  it("shows task and precision, and what is skipped in the file", async () => {
    const head = { ...fakeReport.head, kind: "anchor-free", task: "segment", source: "S" } as const;
    const shown = async (selection: typeof fakeReport.head.selection) => {
      const run = createWorld({
        report: { format: "torch", storedPrecision: "bfloat16", description: undefined, head: { ...head, selection } },
      });
      await run.run("inspect", "m.pt");
      return run.stdout();
    };
    const suppressed = await shown({ nms: true, labels: "best", iou: 0.7 });
    expect(suppressed).toContain("PyTorch checkpoint, read as ONNX of opset 12, 1.5 MB");
    expect(suppressed).toContain("not described in the file");
    expect(suppressed).toContain("task       detection with masks\n  precision  float32, stored as bfloat16\n");
    expect(suppressed).toContain("head       anchor-free: S\n");
    expect(suppressed).toContain("selection  non-maximum suppression; the one in the file (IoU 0.70) is skipped\n");
    expect(await shown({ nms: false, labels: "all" })).toContain(
      "selection  none, the model selects the boxes itself (end to end)\n",
    );
  });

  it("fits every file on one screen, and says where the rest is", async () => {
    const long = "狗/".repeat(3000);
    const port = { name: long, type: "float", shape: [] };
    const ports = Array.from({ length: 9 }, () => port);
    const level = { ...fakeReport.head.levels[0]!, name: long, inputs: [long, long] };
    const layer = { index: undefined, name: long, value: long, dims: undefined, levels: [], differentiable: false };
    const run = createWorld({
      report: {
        ...{
          source: long,
          description: long,
          producer: long,
          classNames: Array(99).fill(long),
          licence: long,
          licenceInFile: `x${long}`,
        },
        ...{ inputs: ports, outputs: ports, head: { ...fakeReport.head, source: long, levels: Array(9).fill(level) } },
        layers: Array.from({ length: 200 }, (_, i) => ({ ...layer, name: `${i}${long}`, reason: `${i} ${long}` })),
        opsWithoutRule: Array.from({ length: 50 }, () => ({ op: long, count: 1, onPath: true })),
      },
    });
    await run.run("inspect", "m.onnx");
    const lines = run.stdout().split("\n").slice(0, -1);
    expect(lines).toHaveLength(40);
    for (const line of lines) expect(displayWidth(line)).toBeLessThanOrEqual(100);
    for (const rest of ["and 94 more", "and 5 more", "and 3 more levels"]) expect(run.stdout()).toContain(rest);
    expect(lines.at(-4)).toBe("  … 200 layers in total, all listed by --json");
  });

  it("turns failures into exit codes", async () => {
    const failing = createWorld({
      services: { loadDetector: () => Promise.reject(new WhyboxError("bad-input", "m.onnx: truncated at byte 7")) },
    });
    expect(await failing.run("inspect", "m.onnx")).toBe(3);
    expect(failing.stderr()).toBe("error: m.onnx: truncated at byte 7\n");
    expect(await createWorld({ signal: AbortSignal.abort() }).run("inspect", "m.onnx")).toBe(130);
  });
});
