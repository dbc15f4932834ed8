import * as ort from "onnxruntime-node";
import { describe, expect, it } from "vitest";
import { createDetector } from "../../src/explain/create-detector.js";
import { GraphBuilder } from "../../src/onnx/builder.js";
import { encodeModel } from "../../src/onnx/encode.js";
import { DataType, type Model } from "../../src/onnx/model.js";
import { readModel } from "../../src/readers/read-model.js";
import { createOrtPort } from "../../src/runtime/ort-port.js";
import { exportBytes, exportRecord } from "../support/exports.js";
import { noise } from "../support/noise.js";

const port = createOrtPort(ort as never);
const IOU = 0.55;

/** The model with suppression as YOLOv7's own export has it: one row per kept box, [n, 7] of image, box, class and score. */
function suppressed(name: string): Model {
  const model = readModel(exportBytes(name));
  const { rows } = exportRecord(name);
  const b = new GraphBuilder("nms");
  const [file] = model.graph.outputs;
  const decoded = rows === "first" ? file!.name : b.op("Transpose", [file!.name], { perm: [0, 2, 1] });
  const columns = (from: number, to: number) =>
    b.op("Slice", [decoded, b.ints([from]), b.ints([to]), b.ints([2]), b.ints([1])]);
  const classes = rows === "first" ? b.op("Mul", [columns(5, 8), columns(4, 5)]) : columns(4, 7);
  const scores = b.op("Transpose", [classes], { perm: [0, 2, 1] });
  const limits = [b.ints([100]), b.floats([1], [IOU]), b.floats([1], [0.25])];
  const kept = b.op("NonMaxSuppression", [columns(0, 4), scores, ...limits], { center_point_box: 1 });
  const [image, kind, row] = b.ops("Split", [kept, b.ints([1, 1, 1])], 3, { axis: 1 });
  const float = (value: string) => b.op("Cast", [value], { to: DataType.FLOAT });
  const box = b.op("GatherND", [columns(0, 4), b.op("Concat", [image!, row!], { axis: 1 })]);
  const score = b.op("Unsqueeze", [b.op("GatherND", [scores, kept]), b.ints([1])]);
  b.node("Concat", [float(image!), box, float(kind!), score], ["selected"], { axis: 1 });
  const nodes = [...model.graph.nodes, ...b.nodes];
  const initializers = new Map([...model.graph.initializers, ...b.initializers]);
  const outputs = [{ name: "selected", elemType: DataType.FLOAT, shape: ["kept", 7] }];
  return { ...model, graph: { ...model.graph, nodes, initializers, outputs } };
}

async function answers(bytes: Uint8Array) {
  const detector = await createDetector(bytes, port, { threads: 1 });
  const image = { height: 64, width: 64, data: noise(64 * 64 * 3, 7) };
  const found = await detector.explain(image, { method: "GradCAM", confidence: 0.3, iou: 0.5, per: "detection" });
  await detector.dispose();
  return { ...found, head: detector.facts.head };
}

describe.each(["v5", "yolov6-official", "v8-fixed-12"])("%s, exported with suppression inside", (name) => {
  it("is explained by the rows before it", async () => {
    const found = await answers(encodeModel(suppressed(name)));
    const wanted = await answers(exportBytes(name));
    expect(found.head.selection).toEqual({ nms: true, labels: "best", iou: expect.closeTo(IOU, 6) });
    expect(found.head.source).toContain("the rows before the selection");
    expect(found.detections.length).toBeGreaterThan(0);
    expect(found.detections).toEqual(wanted.detections);
    expect(found.maps.map(({ heatmap }) => heatmap)).toEqual(wanted.maps.map(({ heatmap }) => heatmap));
  });
});
