import { describe, expect, it } from "vitest";
import { recogniseModules } from "../../src/detector/recognise-modules.js";
import { GraphBuilder } from "../../src/onnx/builder.js";
import { GraphIndex } from "../../src/onnx/graph.js";
import { anchorHead } from "../support/anchor-head.js";
import { type YoloOptions, YoloWriter } from "./yolo-graph.js";

function recognise(options: YoloOptions) {
  const writer = new YoloWriter({ named: false, size: [64, 64], ...options });
  const graph = writer.write();
  const { levels } = anchorHead(graph);
  const index = new GraphIndex(graph);
  const modules = recogniseModules(index, "images", new Set(levels.flatMap(({ convOutputs }) => convOutputs)));
  const needed = index.ancestors(levels.flatMap(({ inputs }) => inputs));
  const body = graph.nodes.filter((node) => needed.has(node.outputs[0]!));
  return { modules, body, expected: writer.layers, names: [...modules.nodes.values()] };
}

describe("recogniseModules", () => {
  it.each<[string, YoloOptions]>([
    ["v6 and v7", {}],
    ["v5.0", { decoding: "scatter", stem: "focus", pooling: "spp", activation: "hardswish" }],
    ["LeakyRelu", { activation: "leaky" }],
  ])("%s: gives every node before the head a name of its own, and all outputs", (_, options) => {
    const { modules, body, expected, names } = recognise(options);
    expect(modules.outputs).toEqual(expected);
    expect(body.filter((node) => !modules.nodes.has(node))).toEqual([]);
    expect(new Set(names).size).toBe(names.length);
    expect(
      [...modules.nodes].filter(([node, name]) => !name.endsWith(`/${node.opType}`) && !/_\d+$/.test(name)),
    ).toEqual([]);
  });

  it("tells poolings in a row (SPPF) from poolings side by side (SPP)", () => {
    const pools = (options: YoloOptions) => recognise(options).names.filter((name) => name.endsWith("MaxPool"));
    expect(pools({ pooling: "sppf" })).toEqual(["m", "m_1", "m_2"].map((m) => `/model.9/${m}/MaxPool`));
    expect(pools({ pooling: "spp" })).toEqual(["m.0", "m.1", "m.2"].map((m) => `/model.8/${m}/MaxPool`));
  });

  it("names Focus, normalisation and each activation", () => {
    const { names } = recognise({ stem: "focus", activation: "hardswish" });
    expect(names).toEqual(expect.arrayContaining(["/model.0/Slice", "/model.0/Concat", "/model.0/conv/conv/Conv"]));
    const b = new GraphBuilder("t");
    const x = b.input("x", [1, 3, 4, 4]);
    const conv = b.op("Conv", [x, b.floats([3, 3, 1, 1], new Float32Array(9))]);
    const norm = b.op("BatchNormalization", [conv, "", "", "", ""]);
    const gate = b.op("Tanh", [b.op("Softplus", [norm])]);
    const y = b.op("Mul", [norm, gate]);
    const modules = recogniseModules(new GraphIndex(b.graph("t")), x, new Set());
    expect(modules.outputs).toEqual([y]);
    expect([...modules.nodes.values()]).toEqual([
      "/model.0/conv/Conv",
      "/model.0/bn/BatchNormalization",
      "/model.0/act/Softplus",
      "/model.0/act/Tanh",
      "/model.0/act/Mul",
    ]);
  });

  it("finds a C3 with bottlenecks of another kind, and leaves these without names", () => {
    const b = new GraphBuilder("t");
    const x = b.input("x", [1, 2, 4, 4]);
    const conv = (from: string) => b.op("Relu", [b.op("Conv", [from, b.floats([2, 2, 1, 1], new Float32Array(4))])]);
    const [main, side] = [conv(x), conv(x)];
    const strange = b.op("AveragePool", [main], { kernel_shape: [1, 1] });
    const y = conv(b.op("Concat", [strange, side], { axis: 1 }));
    const graph = b.graph("t");
    const modules = recogniseModules(new GraphIndex(graph), x, new Set());
    expect(modules.outputs).toEqual([y]);
    expect(graph.nodes.filter((node) => !modules.nodes.has(node)).map(({ opType }) => opType)).toEqual(["AveragePool"]);
  });
});
