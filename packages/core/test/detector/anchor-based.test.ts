import { describe, expect, it } from "vitest";
import { resolveStride } from "../../src/detector/names.js";
import { WhyboxError } from "../../src/errors.js";
import { GraphBuilder } from "../../src/onnx/builder.js";
import type { Dim, Graph, Node } from "../../src/onnx/model.js";
import { anchorHead } from "../support/anchor-head.js";
import { runGraph } from "../support/ort.js";
import { ANCHORS, STRIDES, type YoloOptions, yoloGraph } from "./yolo-graph.js";

const variants: Readonly<Record<string, YoloOptions>> = {
  "v7.0, dynamic": {},
  "v7.0, dynamic, output without shape": { untypedOutput: true },
  "v7.0, fixed size, no names": { size: [64, 96], named: false },
  "v6, fixed size, no names, raw maps too": { size: [64, 96], named: false, decoding: "slice", rawOutputs: true },
  "v6, output without shape": { size: [64, 96], decoding: "slice", untypedOutput: true },
  "v5.0, in place": { size: [96, 64], decoding: "scatter", stem: "focus", pooling: "spp", activation: "hardswish" },
  "one class": { size: [64, 64], classes: 1 },
};

describe("findAnchorBasedHead", () => {
  for (const [name, options] of Object.entries(variants)) {
    it(`finds ${name}`, () => {
      const head = anchorHead(yoloGraph(options));
      expect(head.output).toBe("output0");
      expect(head.classCount).toBe(options.classes ?? 3);
      expect(head.levels.map(({ stride, name: level, anchors }) => [stride, level, anchors])).toEqual([
        [8, "P3", 3],
        [16, "P4", 3],
        [32, "P5", 3],
      ]);
    });

    it(`knows where each row of ${name} comes from`, async () => {
      const graph = yoloGraph(options);
      const head = anchorHead(graph);
      const size = options.size ?? ([64, 160] as const);
      const data = new Float32Array(3 * size[0] * size[1]);
      const [rows] = await runGraph(graph, { images: { dims: [1, 3, ...size], data } }, ["output0"]);
      const columns = 5 + head.classCount;
      expect(rows!.dims).toEqual([1, head.rowCount(size), columns]);
      for (let row = 0; row < head.rowCount(size)!; row++) {
        const { level, anchor, cell } = head.originOf(row, size, [0, 0]);
        const stride = STRIDES[level]!;
        const anchorSize = ANCHORS[level]!.slice(2 * anchor, 2 * anchor + 2);
        // With zero weights a box sits in the middle of its cell and has its anchor's size.
        const expected = [(cell[0] + 0.5) * stride, (cell[1] + 0.5) * stride, ...anchorSize, 0.5];
        expect([...rows!.data.slice(row * columns, row * columns + 5)]).toEqual(expected);
      }
    });
  }

  it("knows the convolutions and what enters them", () => {
    const graph = yoloGraph({ size: [64, 64] });
    for (const {
      inputs: [input],
      convOutputs: [convOutput],
    } of anchorHead(graph).levels) {
      const conv = graph.nodes.find((node) => node.outputs[0] === convOutput)!;
      expect(conv.opType).toBe("Conv");
      expect(conv.inputs[0]).toBe(input);
    }
  });

  it("sorts levels finest first, and still counts rows in the order of the output", () => {
    const graph = yoloGraph({ size: [64, 64] });
    const head = anchorHead(edit(graph, "output0", (node) => ({ ...node, inputs: [...node.inputs].reverse() })));
    expect(head.levels.map((level) => level.stride)).toEqual([8, 16, 32]);
    expect(head.originOf(0, [64, 64], [0, 0])).toEqual({ level: 2, anchor: 0, cell: [0, 0] });
    expect(head.originOf(12, [64, 64], [0, 0])).toEqual({ level: 1, anchor: 0, cell: [0, 0] });
    expect(head.originOf(251, [64, 64], [0, 0])).toEqual({ level: 0, anchor: 2, cell: [7, 7] });
  });

  it("takes the stride from the decoding when the way from the image hides it", () => {
    const graph = yoloGraph({ size: [64, 64] });
    const stem = graph.nodes.find((node) => node.inputs[0] === "images")!;
    const b = new GraphBuilder("t");
    b.node("Transpose", ["images"], ["turned"], { perm: [0, 1, 2, 3] });
    const hidden = edit(graph, stem.outputs[0]!, (node) => ({ ...node, inputs: ["turned", ...node.inputs.slice(1)] }));
    const head = anchorHead({ ...hidden, nodes: [...b.nodes, ...hidden.nodes] });
    expect(head.levels.map((level) => level.stride)).toEqual([8, 16, 32]);
  });

  it("refuses a row past the end", () => {
    const head = anchorHead(yoloGraph({ size: [64, 64] }));
    expect(() => head.originOf(252, [64, 64], [0, 0])).toThrow(/252/);
    expect(() => head.originOf(-1, [64, 64], [0, 0])).toThrow(WhyboxError);
  });
});

describe("findAnchorBasedHead refuses, saying what it found", () => {
  const cases: Readonly<Record<string, { graph: Graph; says: RegExp }>> = {
    "a classifier": {
      graph: bare([["probs", [1, 1000]]]),
      says: /"probs" \[1, 1000\]. No output is a supported detection head/,
    },
    "NMS inside": { graph: bare([["boxes", [1, 100, 4]]], "NonMaxSuppression"), says: /without NMS/ },
    "raw maps only": {
      graph: bare([
        ["p3", [1, 3, 80, 80, 85]],
        ["p4", [1, 3, 40, 40, 85]],
      ]),
      says: /raw maps/,
    },
    "no outputs": { graph: bare([]), says: /no outputs/ },
    "unknown shapes": {
      graph: bare([["x", undefined]]),
      says: /"x" of unknown shape.*No output is a supported detection head/,
    },
    "an output in 8 bits": {
      graph: bare([["x", [1, 7, 84]]], "DequantizeLinear"),
      says: /quantised up to its output.*nodes_to_exclude.*or use the float model\.$/,
    },
    "an op that no decoding has": { graph: bare([["x", [1, 9000, 85]]], "Erf"), says: /Erf/ },
  };
  for (const [name, { graph, says }] of Object.entries(cases)) {
    it(name, () => {
      const error = refused(graph);
      expect(error.message).toMatch(says);
      expect(error.message).toMatch(/Expected decoded boxes/);
      expect(error.details.outputs).toHaveLength(graph.outputs.length);
    });
  }

  it("segmentation: columns that skip the sigmoid", () => {
    const graph = yoloGraph({ size: [64, 64] });
    const sigmoid = graph.nodes.find((node) => node.opType === "Sigmoid" && node.name.includes("model.24"))!;
    const concat = graph.nodes.find((node) => node.opType === "Concat" && node.name.includes("model.24"))!;
    const raw = edit(graph, concat.outputs[0]!, (node) => ({ ...node, inputs: [...node.inputs, sigmoid.inputs[0]!] }));
    expect(refused(raw).message).toMatch(/skip the sigmoid/);
  });

  it("rows in another order", () => {
    const graph = yoloGraph({ size: [64, 64] });
    const flipped = {
      ...graph,
      nodes: graph.nodes.map((node) => {
        if (node.opType !== "Transpose") return node;
        return { ...node, attributes: new Map([["perm", { type: "ints", value: [0, 3, 4, 1, 2] } as const]]) };
      }),
    };
    expect(refused(flipped).message).toMatch(/ordered by anchor/);
  });

  it("columns that do not divide the channels", () => {
    const graph = yoloGraph({ size: [64, 64] });
    const other = { ...graph, outputs: [{ ...graph.outputs[0]!, shape: [1, 252, 7] }] };
    expect(refused(other).message).toMatch(/24 channels.*7 columns/);
  });

  it("columns that nothing tells", () => {
    const graph = yoloGraph({ untypedOutput: true });
    const names = new Set(graph.nodes.filter((node) => node.opType === "Reshape").map((node) => node.inputs[1]!));
    const initializers = new Map([...graph.initializers].filter(([name]) => !names.has(name)));
    const nodes = graph.nodes.filter((node) => !(node.opType === "Concat" && names.has(node.outputs[0]!)));
    expect(refused({ ...graph, initializers, nodes }).message).toMatch(/number of columns/);
  });

  it("weights that are computed", () => {
    const graph = yoloGraph({ size: [64, 64] });
    const conv = graph.nodes.find((node) => node.outputs[0] === anchorHead(graph).levels[1]!.convOutputs[0])!;
    const initializers = new Map([...graph.initializers].filter(([name]) => name !== conv.inputs[1]));
    expect(refused({ ...graph, initializers }).message).toMatch(/weights .* not constant/);
  });

  it("a stride that nothing tells", () => {
    const graph = yoloGraph({ size: [64, 64] });
    const b = new GraphBuilder("t");
    const one = b.float(1);
    // The stride constants become ones, and the image is turned so that the factors are lost.
    const nodes = graph.nodes.map((node) => {
      if (node.opType === "Mul" && node.name.includes("model.24")) return { ...node, inputs: [node.inputs[0]!, one] };
      return node.inputs[0] === "images" ? { ...node, inputs: ["turned", ...node.inputs.slice(1)] } : node;
    });
    b.node("Transpose", ["images"], ["turned"], { perm: [0, 1, 2, 3] });
    const initializers = new Map([...graph.initializers, ...b.initializers]);
    expect(refused({ ...graph, initializers, nodes: [...b.nodes, ...nodes] }).message).toMatch(/stride/);
  });

  it("several convolutions for one level", () => {
    const graph = yoloGraph({ size: [64, 64] });
    const concat = graph.nodes.find((node) => node.outputs[0] === "output0")!;
    const convs = anchorHead(graph).levels.map((level) => level.convOutputs[0]!);
    const b = new GraphBuilder("t");
    b.node("Add", [concat.inputs[0]!, convs[1]!], ["mixed"]);
    const mixed = edit(graph, "output0", (node) => ({ ...node, inputs: ["mixed", ...node.inputs.slice(1)] }));
    expect(refused({ ...mixed, nodes: [...mixed.nodes, ...b.nodes] }).message).toMatch(
      /expected one prediction convolution per level/,
    );
  });

  it("a tail that is too long to be a decoding", () => {
    const b = new GraphBuilder("t");
    let value = b.input("images", [1, 3, 64, 64]);
    for (let i = 0; i < 5000; i++) value = b.op("Identity", [value]);
    b.output(value, [1, 9000, 85]);
    expect(refused(b.graph("long")).message).toMatch(/more than 4000 values/);
  });
});

describe("resolveStride", () => {
  const head = anchorHead(yoloGraph({ size: [64, 64] }));
  it.each([
    ["32", 32],
    ["64", 64],
    ["16", 32],
    ["40", 32],
    ["[8, 16, 32]", 32],
    [undefined, 32],
  ])("metadata %s gives %d", (text, expected) => {
    expect(resolveStride(new Map(text === undefined ? [] : [["stride", text]]), head)).toBe(expected);
  });
});

function bare(outputs: readonly (readonly [string, readonly Dim[] | undefined])[], op = "Relu"): Graph {
  const b = new GraphBuilder("t");
  b.input("images", [1, 3, 64, 64]);
  for (const [name, shape] of outputs) {
    b.node(op, ["images"], [name]);
    b.output(name, shape);
  }
  return b.graph("bare");
}

function edit(graph: Graph, output: string, change: (node: Node) => Node): Graph {
  return { ...graph, nodes: graph.nodes.map((node) => (node.outputs[0] === output ? change(node) : node)) };
}

function refused(graph: Graph): WhyboxError {
  try {
    anchorHead(graph);
  } catch (error) {
    if (error instanceof WhyboxError && error.code === "unsupported-model") return error;
    throw error;
  }
  throw new Error("The graph was accepted.");
}
