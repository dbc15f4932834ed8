import * as ort from "onnxruntime-node";
import { describe, expect, it } from "vitest";
import { createDetector } from "../../src/explain/create-detector.js";
import { GraphBuilder } from "../../src/onnx/builder.js";
import type { Graph } from "../../src/onnx/model.js";
import { sharePairs } from "../../src/onnx/normalise/shared-pairs.js";
import { readModel } from "../../src/readers/read-model.js";
import { createOrtPort } from "../../src/runtime/ort-port.js";
import { exportBytes } from "../support/exports.js";
import { makeImage } from "../support/mini-detector.js";

/** x is read through a pair for each of `readers`: [scale's name, value]. */
function graphOf(readers: readonly (readonly [name: string, scale: number])[], extraOutput?: string): Graph {
  const b = new GraphBuilder("g");
  b.input("x", [4]);
  const known = new Set<string>();
  const reads = readers.map(([name, scale], i) => {
    if (!known.has(name)) b.floats([], [scale], name);
    known.add(name);
    b.initializers.set("zero", { name: "zero", dims: [], dataType: 3, bytes: Uint8Array.of(0) });
    b.node("QuantizeLinear", ["x", name, "zero"], [`q${i}`]);
    b.node("DequantizeLinear", [`q${i}`, name, "zero"], [`y${i}`]);
    return b.op("Neg", [`y${i}`]);
  });
  b.node("Sum", reads, ["z"]);
  b.output("z");
  if (extraOutput !== undefined) b.output(extraOutput);
  return b.graph("g");
}

const reads = (graph: Graph) => graph.nodes.filter(({ opType }) => opType === "Neg").map(({ inputs }) => inputs[0]);

describe("sharePairs", () => {
  it("lets all readers share one pair of one scale, whatever its constant is called", () => {
    const shared = sharePairs(
      graphOf([
        ["a", 0.5],
        ["a", 0.5],
        ["b", 0.5],
      ]),
    );
    expect(reads(shared)).toEqual(["y0", "y0", "y0"]);
    expect(shared.nodes.filter(({ opType }) => /Linear$/.test(opType))).toHaveLength(2);
  });

  it("keeps pairs of other scales apart, and what is an output", () => {
    const other = graphOf([
      ["a", 0.5],
      ["b", 0.25],
    ]);
    expect(sharePairs(other)).toBe(other);
    const named = graphOf(
      [
        ["a", 0.5],
        ["a", 0.5],
      ],
      "y1",
    );
    expect(reads(sharePairs(named))).toEqual(["y0", "y1"]);
  });
});

describe("a network in which each reader has a pair of its own (DedicatedQDQPair)", () => {
  it("keeps one pair for each map", () => {
    const { graph } = readModel(exportBytes("v8-int8-pairs"));
    const quantised = graph.nodes.filter(({ opType }) => opType === "QuantizeLinear").map(({ inputs }) => inputs[0]);
    expect(quantised.length).toBeGreaterThan(50);
    expect(new Set(quantised).size).toBe(quantised.length);
  });

  it("is explained as the network with shared pairs is", async () => {
    const questions = [
      ...[4, 12, 15].map((layer) => ({ method: "GradCAM" as const, layer })),
      { method: "tap-fusion", per: "detection" },
    ] as const;
    const [own, shared] = await Promise.all(
      ["v8-int8-pairs", "v8-int8-tensor"].map(async (name) => {
        const detector = await createDetector(exportBytes(name), createOrtPort(ort as never), { threads: 1 });
        const found = [];
        for (const question of questions) {
          found.push(
            await detector.explain(makeImage(3, [64, 64]), {
              imageSize: 64,
              confidence: 0.3,
              maxDetections: 2,
              ...question,
            }),
          );
        }
        await detector.dispose();
        return found.map(({ detections, heatmap, layers }) => ({
          detections,
          heatmap,
          layers: layers.map((one) => one.name),
        }));
      }),
    );
    expect(own![0]!.detections).toHaveLength(2);
    expect(Math.max(...own![3]!.heatmap.data)).toBeGreaterThan(0.9);
    expect(own).toEqual(shared);
  });
});
