import { WhyboxError } from "@whybox/core";
import { describe, expect, it } from "vitest";
import { createWorld, fakeReport } from "./fake-world.js";

describe("whybox inspect", () => {
  it("prints what was found", async () => {
    const run = createWorld({
      report: { classNames: ["cat", "dog", "c", "d", "e", "f\u001b[0m"], licence: "AGPL-3.0" },
    });
    expect(await run.run("inspect", "yolov5s", "--names", "n.yaml")).toBe(0);
    expect(run.stdout()).toBe(`yolov5s
  format    ONNX, opset 12, 1.5 MB
  model     Tiny, version 1
  producer  pytorch
  task      detection, float32
  sha256    ${"ab".repeat(32)}
  licence   AGPL-3.0
  classes   6: cat, dog, c, d, e, … and 1 more
  input     images float32 [1, 3, height, ?]
  output    output float32 [1, rows, 7]
  pixels    RGB, NCHW, 0..1 (taken for granted)
  head      anchor-based: output "output" [1, rows, 5 + classes]; non-maximum suppression

Head levels
  level  stride  anchors  input
  P3          8        3  /model.17/out

Layers (dims at 32×64)
  index  name      value          dims            gradient to
     17  model.17  /model.17/out  [1, 128, 4, 8]  P3
      -  x         x              ?               none: Foo has no gradient rule

Ops without a gradient rule: Foo (2 nodes)
`);
    expect(run.loads).toMatchObject([{ weights: "yolov5s", options: { names: "n.yaml" } }]);
    expect(run.calls).toEqual(["load", "dispose"]);
  });

  it("prints one document with --json", async () => {
    const run = createWorld();
    expect(await run.run("inspect", "m.onnx", "--json")).toBe(0);
    const document = JSON.parse(run.stdout());
    expect(document).toMatchObject({ schemaVersion: 1, tool: { name: "whybox", version: "9.9.9" } });
    expect(document.model.layers).toHaveLength(2);
  });

  it("says less when the model was not run, knows every op, and has no producer", async () => {
    const run = createWorld({ report: { inputSize: undefined, opsWithoutRule: [], producer: "" } });
    await run.run("inspect", "m.onnx");
    expect(run.stdout()).toContain("\nLayers\n");
    expect(run.stdout()).toContain("producer  unknown");
    expect(run.stdout()).not.toContain("Ops without");
  });

  it("says what the file is made for, and what is left out of it", async () => {
    const head = { ...fakeReport.head, kind: "anchor-free", task: "segment", source: "S" } as const;
    const shown = async (selection: typeof fakeReport.head.selection) => {
      const run = createWorld({
        report: { format: "torch", precision: "int8", description: undefined, head: { ...head, selection } },
      });
      await run.run("inspect", "m.pt");
      return run.stdout();
    };
    const suppressed = await shown({ nms: true, labels: "best", iou: 0.7 });
    expect(suppressed).toContain("PyTorch checkpoint, read as ONNX of opset 12, 1.5 MB");
    expect(suppressed).toContain("the file does not say");
    expect(suppressed).toContain("detection with masks, int8");
    expect(suppressed).toContain("anchor-free: S; non-maximum suppression; the file's own, at IoU 0.70, is left out");
    expect(await shown({ nms: false, labels: "all" })).toContain("anchor-free: S; boxes as they are, end to end");
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
