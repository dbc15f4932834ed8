import * as ort from "onnxruntime-node";
import { describe, expect, it } from "vitest";
import { listLayers, resolveLayer } from "../../src/detector/layers.js";
import { numbersInNames, numbersInScopes } from "../../src/detector/module-numbers.js";
import { WhyboxError } from "../../src/errors.js";
import { loadModel } from "../../src/explain/model/load-model.js";
import { GraphBuilder } from "../../src/onnx/builder.js";
import { GraphIndex } from "../../src/onnx/graph.js";
import type { Graph } from "../../src/onnx/model.js";
import { renameValues } from "../../src/onnx/rename.js";
import { readModel } from "../../src/readers/read-model.js";
import { createOrtPort } from "../../src/runtime/ort-port.js";
import { anchorHead } from "../support/anchor-head.js";
import { exportBytes, exportRecord } from "../support/exports.js";
import { quantise } from "../support/quantise.js";
import { type YoloOptions, YoloWriter } from "./yolo-graph.js";

function build(options: YoloOptions) {
  const writer = new YoloWriter(options);
  const graph = writer.write();
  const head = anchorHead(graph);
  return { graph, head, expected: writer.layers, layers: listLayers(graph, head) };
}

const variants: Readonly<Record<string, YoloOptions>> = {
  "named, dynamic": {},
  "named, fixed": { size: [64, 64], decoding: "slice" },
  "v6 and v7 without names": { size: [64, 64], named: false },
  "v5.0 without names": {
    size: [64, 64],
    named: false,
    decoding: "scatter",
    stem: "focus",
    pooling: "spp",
    activation: "hardswish",
  },
  "LeakyRelu without names": { named: false, activation: "leaky" },
};

describe("listLayers", () => {
  for (const [name, options] of Object.entries(variants)) {
    it(`finds the 24 layers of ${name}`, () => {
      const { layers, expected } = build(options);
      expect(layers.map((layer) => layer.index)).toEqual(Array.from({ length: 24 }, (_, i) => i));
      expect(layers.map((layer) => layer.value)).toEqual(expected);
      expect(layers[17]!.name).toBe("model.17");
    });
  }

  it("goes by the names of values where node names were dropped", () => {
    const { graph, head, expected } = build({});
    const nameless = { ...graph, nodes: graph.nodes.map((node) => ({ ...node, name: "" })) };
    expect(listLayers(nameless, head).map((layer) => layer.value)).toEqual(expected);
  });

  /** Node and value names say nothing. Weights keep their names. */
  const anonymous = (graph: Graph): Graph => {
    const values = graph.nodes.flatMap(({ outputs }) => outputs);
    const outputs = new Set(graph.outputs.map(({ name }) => name));
    const names = new Map(values.flatMap((name, i) => (outputs.has(name) ? [] : [[name, `v${i}`] as const])));
    const renamed = renameValues(graph, names);
    return { ...renamed, nodes: renamed.nodes.map((node) => ({ ...node, name: "" })) };
  };

  it.each(["v8-wide", "11", "12", "v10", "26", "v5u"])(
    "goes by the names of weights where others were dropped: %s",
    (name) => {
      const { graph } = readModel(exportBytes(name));
      const index = new GraphIndex(graph);
      const [byName, byWeight] = [numbersInNames(), numbersInScopes(new GraphIndex(anonymous(graph)))];
      const last = Math.max(...graph.nodes.map((node) => byName(node) ?? 0));
      for (const [i, node] of anonymous(graph).nodes.entries()) {
        const wanted = byName(graph.nodes[i]);
        // Constants have a number by name only, and what the head computes from shapes counts to no module.
        if (wanted === undefined || wanted === last || index.ancestors(graph.nodes[i]!.outputs).size < 3) continue;
        if (byWeight(node) !== undefined) expect([i, byWeight(node)]).toEqual([i, wanted]);
      }
    },
  );

  it("goes by the scopes that PyTorch's exporter stores with the nodes", async () => {
    const { graph } = readModel(exportBytes("v8-dynamo"));
    const { layers } = await loadModel(readModel(exportBytes("v8-dynamo")), createOrtPort(ort as never), {
      threads: 1,
    });
    expect(layers.map(({ index }) => index)).toEqual(Array.from({ length: 22 }, (_, i) => i));
    const { gradients } = exportRecord("v8-dynamo");
    expect(gradients.map(({ layer }) => layers[layer]!.value)).toEqual(gradients.map(({ value }) => value));
    expect(graph.nodes.some(({ name }) => name.includes("model."))).toBe(false);
  });

  it("does not trust names of weights that tools have merged", () => {
    const { graph } = readModel(exportBytes("11"));
    const merged = new Map([["model.5.conv.weight", "model.3.conv.weight"]]);
    const nodes = anonymous(graph).nodes.map((node) => ({
      ...node,
      inputs: node.inputs.map((input) => merged.get(input) ?? input),
    }));
    expect(nodes.map(numbersInScopes(new GraphIndex({ ...graph, nodes })))).toEqual(nodes.map(() => undefined));
  });

  it("takes no shape for a layer, though other modules read it", () => {
    const { graph, head, expected } = build({});
    const b = new GraphBuilder("t");
    b.node("Shape", [expected[4]!], ["/model.4/Shape_output_0"], {}, "/model.4/Shape");
    b.node("Identity", ["/model.4/Shape_output_0"], ["elsewhere"], {}, "/model.9/Identity");
    const more = { ...graph, nodes: [...graph.nodes, ...b.nodes] };
    expect(listLayers(more, head).map((layer) => layer.value)).toEqual(expected);
  });

  it("takes no weight for a layer, though a module that has an equal one reads it", () => {
    const { graph, head, expected } = build({});
    const b = new GraphBuilder("t");
    b.node("DequantizeLinear", ["q", "scale"], ["/model.4/bias"], {}, "/model.4/conv/bias_DequantizeLinear");
    b.node("Add", [expected[9]!, "/model.4/bias"], ["elsewhere"], {}, "/model.9/Add");
    const more = { ...graph, nodes: [...graph.nodes, ...b.nodes] };
    expect(listLayers(more, head)[4]!.value).toBe(expected[4]);
  });

  it("of a quantised network are the maps as the next op sees them", () => {
    const { graph, head, expected } = build({});
    const quantised = listLayers(quantise(graph, 24), head).map((layer) => layer.value);
    expect(quantised).toEqual(expected.map((value) => `${value}_DequantizeLinear_Output`));
  });

  it("are the floats where some read these and others their rounding: both are part of what the layer does", () => {
    const { graph, head, expected } = build({});
    const nodes = quantise(graph, 24).nodes.map((node) => {
      const inputs = node.inputs.map((input) => input.replace(`${expected[4]}_DequantizeLinear_Output`, expected[4]!));
      return node.opType === "Concat" ? { ...node, inputs } : node;
    });
    const values = listLayers({ ...graph, nodes }, head).map((layer) => layer.value);
    expect(values[4]).toBe(expected[4]);
    expect(values[6]).toBe(`${expected[6]}_DequantizeLinear_Output`);
  });

  it("gives no numbers rather than wrong ones for another structure", () => {
    const { graph, head } = build({ size: [64, 64], named: false });
    for (const op of ["MaxPool", "Resize"]) {
      const nodes = graph.nodes.map((node) => (node.opType === op ? { ...node, opType: "Other" } : node));
      const layers = listLayers({ ...graph, nodes }, head);
      expect(layers.every(({ index, name, value }) => index === undefined && name === value)).toBe(true);
      const values = layers.map(({ value }) => value);
      expect(values).toEqual(expect.arrayContaining(head.levels.flatMap(({ inputs }) => inputs)));
    }
    const noImage: Graph = { ...graph, inputs: [] };
    // Without an image the strides count from the first convolution.
    const listed = listLayers(noImage, head);
    expect(listed.every(({ index }) => index === undefined)).toBe(true);
    expect(listed.map(({ value }) => value)).toEqual(
      expect.arrayContaining(head.levels.flatMap(({ inputs }) => inputs)),
    );
  });

  it("does not loop on a graph that leads back into itself", () => {
    const { graph, head } = build({ size: [64, 64], named: false });
    const [first] = listLayers(graph, head);
    const nodes = graph.nodes.map((node) =>
      node.opType === "Concat" && node.outputs[0] === listLayers(graph, head)[12]!.value
        ? { ...node, outputs: [first!.value] }
        : node,
    );
    expect(() => listLayers({ ...graph, nodes }, head)).toThrow(/cycle/);
  });
});

describe("resolveLayer", () => {
  const { graph, head, layers } = build({});
  const at = (selector: number | string) => resolveLayer(selector, layers, graph, head);

  it.each([
    [17, 17],
    ["17", 17],
    [" 17 ", 17],
    ["+17", 17],
    [-2, 23],
    ["-2", 23],
    [-25, 0],
    ["model.9", 9],
  ])("%s is layer %d", (selector, index) => {
    expect(at(selector)).toBe(layers[index]);
  });

  it("takes values and nodes by name", () => {
    const conv = graph.nodes.find((node) => node.opType === "Conv" && node.name.startsWith("/model.4/"))!;
    expect(at(conv.outputs[0]!)).toEqual({ index: undefined, name: conv.outputs[0], value: conv.outputs[0] });
    expect(at(conv.name)).toEqual({ index: undefined, name: conv.name, value: conv.outputs[0] });
    expect(at("images").value).toBe("images");
    expect(at(layers[4]!.value)).toBe(layers[4]);
    expect(at(graph.nodes.find((node) => node.outputs[0] === layers[4]!.value)!.name)).toBe(layers[4]);
  });

  it("takes a value named by digits where no layer has that index", () => {
    const other = build({ named: false, size: [64, 64] });
    const value = other.head.levels[1]!.convOutputs[0]!;
    expect(resolveLayer(value, other.layers, other.graph, other.head).value).toBe(value);
    expect(resolveLayer("17", other.layers, other.graph, other.head)).toBe(other.layers[17]);
  });

  const refusals: readonly (readonly [number | string, RegExp])[] = [
    [-1, /"-1": layer 24 is the detection head.*23 \(or -2\)/],
    ["24", /layer 24 is the detection head/],
    [25, /0 to 23/],
    [-26, /0 to 23/],
    [1.5, /0 to 23/],
    ["modle.9", /Did you mean "model\.9"/],
    ["nonsense entirely", /no layer, value or node.*model\.0, model\.1/],
    ["", /no layer, value or node/],
    ["output0", /decoding of the boxes/],
  ];
  for (const [selector, says] of refusals) {
    it(`refuses ${JSON.stringify(selector)}`, () => {
      expect(() => at(selector)).toThrow(says);
      expect(() => at(selector)).toThrow(expect.objectContaining({ code: "usage" }));
    });
  }

  it("refuses a value that no detection depends on", () => {
    const dead = { ...graph.nodes[0]!, name: "dead", outputs: ["dead_end"] };
    const more = { ...graph, nodes: [...graph.nodes, dead] };
    expect(() => resolveLayer("dead_end", layers, more, head)).toThrow(/no detection depends on it/);
  });

  it("refuses constants", () => {
    expect(() => at([...graph.initializers.keys()][0]!)).toThrow(WhyboxError);
  });

  it("asks for names where layers have no numbers", () => {
    expect(() => resolveLayer(3, [], graph, head)).toThrow(/no layer numbers.*Choose one of: /);
    const joints = [{ index: undefined, name: "a/b", value: "a/b" }];
    for (const selector of [3, -2, "3"]) {
      expect(() => resolveLayer(selector, joints, graph, head)).toThrow(/no layer numbers.*Choose one of: a\/b\.$/);
    }
    expect(resolveLayer("a/b", joints, graph, head)).toBe(joints[0]);
    expect(() => resolveLayer("nothing", [], graph, head)).toThrow(new RegExp(head.levels[0]!.inputs[0]!));
    expect(resolveLayer(head.levels[0]!.inputs[0]!, [], graph, head).value).toBe(head.levels[0]!.inputs[0]!);
  });
});
