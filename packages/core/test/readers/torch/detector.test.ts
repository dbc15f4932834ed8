import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import * as ort from "onnxruntime-node";
import { describe, expect, it } from "vitest";
import { listLayers } from "../../../src/detector/layers.js";
import { createDetector } from "../../../src/explain/create-detector.js";
import { loadModel } from "../../../src/explain/model/load-model.js";
import { readModel } from "../../../src/readers/read-model.js";
import { createOrtPort } from "../../../src/runtime/ort-port.js";
import { anchorHead } from "../../support/anchor-head.js";
import { Network } from "./checkpoint-writer.js";
import * as py from "./pickle-writer.js";

const fixture = (name: string) => readFileSync(new URL(`../../../../../fixtures/torch/${name}`, import.meta.url));

describe.each(["yolov5-v7", "yolov5-v5"])("%s, made by PyTorch", (name) => {
  it("is a detector with layers, names and strides", () => {
    const model = readModel(fixture(`${name}.pt`));
    const head = anchorHead(model.graph);
    expect(head.levels.map(({ stride }) => stride)).toEqual([8, 16]);
    const layers = listLayers(model.graph, head);
    expect(layers.map(({ index }) => index)).toEqual(
      name === "yolov5-v7" ? [0, 1, 2, 3, 4, 5, 6, 7, 8] : [0, 1, 2, 3, 4, 5],
    );
    expect(model.metadata.get("names")).toBe(`{0: 'cat', 1: "it's"}`);
    expect(model.metadata.get("stride")).toBe("16");
    expect(model.metadata.get("description")).toMatch(/^models\.yolo\.(Detection)?Model$/);
  });
});

const explained = ["yolov5-seg", "yolov8-seg", "yolov8-pose", "yolov9", "yolov10", "yolo12", "yolo26-obb", "rtdetr"];
it.each(explained)("%s, made by PyTorch, is explained by gradients", async (name) => {
  const detector = await createDetector(gunzipSync(fixture(`${name}.pt.gz`)), createOrtPort(ort));
  const image = { width: 96, height: 64, data: Uint8Array.from({ length: 96 * 64 * 3 }, (_, i) => (i * 37) % 256) };
  const options = { imageSize: 96, confidence: 0.3, maxDetections: 2, method: "GradCAM" } as const;
  const { detections, heatmap, layers } = await detector.explain(image, options);
  await detector.dispose();
  expect(detections.length).toBeGreaterThan(0);
  expect(layers.every((layer) => /^model\.\d+$/.test(layer.name))).toBe(true);
  expect(heatmap.data.every(Number.isFinite)).toBe(true);
});

const endToEnd = {
  yolov10: true,
  yolo26: true,
  "yolo26-nms": false,
  "yolo26-pose": true,
  "yolo26-obb": true,
  "yolov8-obb": false,
};
it.each(Object.entries(endToEnd))(
  "%s, end to end: %s; suppression is applied where it is not",
  async (name, expected) => {
    const model = readModel(gunzipSync(fixture(`${name}.pt.gz`)));
    const { head } = await loadModel(model, createOrtPort(ort), { threads: 1 });
    expect(head.selection).toEqual(expected ? { nms: false, labels: "all" } : { nms: true, labels: "best" });
  },
);

it("says of which yaml, version and licence a checkpoint is, and not where it was trained", () => {
  const network = new Network();
  const yaml = py.dict({ yaml_file: py.text("C:\\someone\\yolo11n.yaml") });
  const model = network.model([network.detect(3, 2, 8, { f: py.number(-1) })], { yaml });
  const license = `AGPL-3.0 (https://ultralytics.com/license)${" ".repeat(2000)}`;
  const { metadata } = readModel(network.zip(py.dict({ model, version: py.text("8.3.0"), license: py.text(license) })));
  expect(metadata.get("license")).toBe(license.slice(0, 1000));
  expect([metadata.get("description"), metadata.get("version")]).toEqual([
    expect.stringMatching(/^[\w.]+ \(yolo11n\.yaml\)$/),
    "8.3.0",
  ]);
});
