import { describe, expect, it } from "vitest";
import type { Layer } from "../../src/detector/layer.js";
import { listLayers } from "../../src/detector/layers.js";
import { findTaps } from "../../src/detector/taps.js";
import type { Graph } from "../../src/onnx/model.js";
import { anchorHead } from "../support/anchor-head.js";
import { miniYolo } from "../support/mini-yolo.js";
import { quantise } from "../support/quantise.js";
import { yoloGraph } from "./yolo-graph.js";

const tapsOf = (graph: Graph, layers?: readonly Layer[]) => {
  const head = anchorHead(graph);
  return findTaps(graph, head, layers ?? listLayers(graph, head));
};

const exports: readonly (readonly [string, () => Graph])[] = [
  ["v7.0, fixed", () => yoloGraph({ size: [64, 96] })],
  ["v7.0, dynamic", () => yoloGraph()],
  ["v6, without names", () => yoloGraph({ decoding: "slice", named: false })],
  ["v6, LeakyReLU", () => yoloGraph({ activation: "leaky" })],
  ["v7.0, quantised", () => quantise(yoloGraph({ size: [64, 96] }), 24)],
  ["restored from TF.js", () => miniYolo().model.graph],
];

describe("findTaps", () => {
  it.each(exports)("of YOLOv5, %s: stages 2, 4, 6, 9, neck 13, blocks 16, 19, 22", (_, make) => {
    const { stages, neck, lastBlocks } = tapsOf(make());
    expect(stages.map(({ index, stride }) => [index, stride])).toEqual([
      [0, 2],
      [2, 4],
      [4, 8],
      [6, 16],
      [9, 32],
    ]);
    expect(neck?.index).toBe(13);
    expect(lastBlocks.map((layer) => layer?.index)).toEqual([16, 19, 22]);
  });

  it("of v5.0, whose backbone ends in a block behind the pooling", () => {
    const { stages, neck } = tapsOf(yoloGraph({ stem: "focus", pooling: "spp" }));
    expect(stages.map(({ index }) => index)).toEqual([0, 2, 4, 6, 9]);
    expect(neck?.index).toBe(13);
  });

  it("finds nothing without listed layers", () => {
    expect(tapsOf(yoloGraph(), [])).toEqual({
      stages: [],
      neck: undefined,
      lastBlocks: [undefined, undefined, undefined],
    });
  });

  it("finds no backbone where nothing goes up", () => {
    const graph = yoloGraph({ size: [64, 96] });
    const head = anchorHead(graph);
    const nodes = graph.nodes.map((node) => (node.opType === "Resize" ? { ...node, opType: "Upsample" } : node));
    const { stages, neck, lastBlocks } = findTaps({ ...graph, nodes }, head, listLayers(graph, head));
    expect(stages).toEqual([]);
    expect(neck?.index).toBe(13);
    expect(lastBlocks.map((layer) => layer?.index)).toEqual([16, 19, 22]);
  });

  it("has no last block for a level whose head input is no listed layer, or follows no concatenation", () => {
    const graph = yoloGraph();
    const head = anchorHead(graph);
    const layers = listLayers(graph, head);
    const without = (index: number) => layers.filter((layer) => layer.index !== index);
    expect(findTaps(graph, head, without(17)).lastBlocks.map((layer) => layer?.index)).toEqual([undefined, 19, 22]);
    expect(findTaps(graph, head, without(19)).lastBlocks.map((layer) => layer?.index)).toEqual([16, undefined, 22]);
  });
});
