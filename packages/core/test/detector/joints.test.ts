import * as ort from "onnxruntime-node";
import { describe, expect, it } from "vitest";
import type { DetectorHead } from "../../src/detector/head.js";
import { listLayers } from "../../src/detector/layers.js";
import { downsampling } from "../../src/detector/stride.js";
import { findTaps, type Taps } from "../../src/detector/taps.js";
import { createDetector } from "../../src/explain/create-detector.js";
import { loadModel } from "../../src/explain/model/load-model.js";
import type { Graph } from "../../src/onnx/model.js";
import { renameValues } from "../../src/onnx/rename.js";
import { readModel } from "../../src/readers/read-model.js";
import { createOrtPort } from "../../src/runtime/ort-port.js";
import { exportBytes } from "../support/exports.js";

const port = createOrtPort(ort);
const load = (name: string) => loadModel(readModel(exportBytes(name)), port, {});
const valuesOf = ({ stages, neck, lastBlocks }: Taps) => ({
  stages: stages.map(({ stride, value }) => [stride, value]),
  neck: neck?.value,
  lastBlocks: lastBlocks.map((layer) => layer?.value),
});

/** The graph and its head under names that tell nothing, and how each value is called in it. */
function nameless(graph: Graph, head: DetectorHead) {
  const outputs = graph.nodes.flatMap((node) => node.outputs).filter((value) => value !== "");
  const weights = [...graph.initializers.keys()];
  const names = new Map([...outputs, ...weights].map((value, i) => [value, `value${i}`]));
  const renamed = renameValues(graph, names);
  const now = (value: string): string => names.get(value) ?? value;
  const levels = head.levels.map((level) => ({
    ...level,
    inputs: level.inputs.map(now),
    convOutputs: level.convOutputs.map(now),
  }));
  return {
    graph: { ...renamed, nodes: renamed.nodes.map((node) => ({ ...node, name: "" })) },
    head: { ...head, levels },
    now,
  };
}

describe("a network whose modules have no known names", () => {
  const backbone = [
    [2, "/model.0/act/Mul_output_0"],
    [4, "/model.1/act/Mul_output_0"],
    [8, "/model.3/act/Mul_output_0"],
    [16, "/model.4/act/Mul_output_0"],
    [32, "/model.5/act/Mul_output_0"],
  ] as const;
  const neck = [
    ...["/up/Resize_output_0", "/Concat_output_0", "/model.6/act/Mul_output_0"],
    ...["/up_1/Resize_output_0", "/Concat_1_output_0", "/model.7/act/Mul_output_0"],
    ...["/model.8/act/Mul_output_0", "/Add_output_0", "/model.9/act/Mul_output_0", "/Add_1_output_0"],
  ];
  const forks = [0, 1, 2].map((i) => `/forks.${i}/stem/act/Mul_output_0`);

  it.each([
    ["yolox", forks],
    ["yolov6-official", forks],
    ["v5", []],
  ])("%s has the places where strides change and branches join, without numbers", async (name, stems) => {
    const { model, head, layers } = await load(name);
    const values = [...backbone.map(([, value]) => value), ...neck, ...stems];
    expect(layers).toEqual(values.map((value) => ({ index: undefined, name: value, value })));
    expect(valuesOf(findTaps(model.graph, head, layers))).toEqual({
      stages: backbone,
      neck: "/model.6/act/Mul_output_0",
      // The others join by an addition.
      lastBlocks: ["/Concat_1_output_0", undefined, undefined],
    });
  });

  it.each(["v8-fixed-12", "11", "v10-one2many"])("%s under names that tell nothing has the same taps", async (name) => {
    const { model, head, layers } = await load(name);
    const other = nameless(model.graph, head);
    const found = listLayers(other.graph, other.head);
    expect(found.every(({ index }) => index === undefined)).toBe(true);
    const named = valuesOf(findTaps(model.graph, head, layers));
    expect(valuesOf(findTaps(other.graph, other.head, found))).toEqual({
      stages: named.stages.map(([stride, value]) => [stride, other.now(value as string)]),
      neck: other.now(named.neck!),
      lastBlocks: named.lastBlocks.map((value) => other.now(value!)),
    });
    expect(named.lastBlocks).not.toContain(undefined);
    // No more of them than modules, and none of them the image.
    expect(found.length).toBeLessThanOrEqual(layers.length);
    const strides = downsampling(other.graph);
    expect(found.every(({ value }) => strides.get(value)! >= 2)).toBe(true);
  });

  it("is explained at such a layer, and by several depths", async () => {
    const detector = await createDetector(exportBytes("yolox"), port, { threads: 1 });
    const data = Uint8Array.from({ length: 64 * 64 * 3 }, (_, i) => (i * i * 7919) % 251);
    const ask = { imageSize: 64, confidence: 0.01, maxDetections: 1 };
    const image = { width: 64, height: 64, data };
    try {
      const { layers } = await detector.explain(image, { ...ask, layer: "/Concat_output_0", method: "LayerCAM" });
      expect(layers.map(({ name, size }) => [name, size])).toEqual([["/Concat_output_0", [4, 4]]]);
      const fused = await detector.explain(image, { ...ask, per: "detection" });
      expect(fused.layers.length).toBeGreaterThan(3);
      await expect(detector.explain(image, { ...ask, layer: 17 })).rejects.toThrow(
        /no layer numbers.*Choose one of: .*\/Concat_output_0, /,
      );
    } finally {
      await detector.dispose();
    }
  });
});

it("a quantised network has the taps of its float twin", async () => {
  const plain = (value: unknown) => String(value).replace("_DequantizeLinear_Output", "");
  const [quantised, float] = await Promise.all(
    ["v8-int8", "v8-fixed-12"].map(async (name) => {
      const { model, head, layers } = await load(name);
      const { stages, neck, lastBlocks } = valuesOf(findTaps(model.graph, head, layers));
      return [...stages.flat(), neck, ...lastBlocks].map(plain);
    }),
  );
  expect(quantised).toEqual(float);
});
