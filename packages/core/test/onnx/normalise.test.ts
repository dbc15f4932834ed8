import * as ort from "onnxruntime-node";
import { describe, expect, it } from "vitest";
import { buildBackward } from "../../src/autodiff/backward.js";
import { intAttribute, intsAttribute } from "../../src/onnx/attributes.js";
import { GraphBuilder } from "../../src/onnx/builder.js";
import { DataType, type Graph, type Node } from "../../src/onnx/model.js";
import { rewrites } from "../../src/onnx/normalise/rewrites.js";
import { normalise } from "../../src/onnx/normalise.js";
import { NEWEST_OPSET, OLDEST_OPSET, TARGET_OPSET } from "../../src/onnx/opsets.js";
import { floatTensor } from "../../src/onnx/tensors.js";
import { validateModel } from "../../src/onnx/validate.js";
import { batchNorm, built, cases, single, split, x34 } from "./normalise-cases.js";
import { modelOf, noise, runModel } from "./support.js";

const unsupported = (pattern: RegExp) =>
  expect.objectContaining({ code: "unsupported-model", message: expect.stringMatching(pattern) });

describe("normalise", () => {
  it.each(cases)("$name: computes what the old model computed", async (test) => {
    const old = built(test);
    const fresh = normalise(validateModel(old));
    expect(fresh.opsets.get("")).toBe(TARGET_OPSET);
    const before = await runModel(old, test.feeds ?? {});
    const after = await runModel(fresh, test.feeds ?? {});
    expect(Object.keys(after)).toEqual(Object.keys(before));
    for (const [name, tensor] of Object.entries(before)) {
      expect(after[name]!.dims).toEqual(tensor.dims);
      expect([...(after[name]!.data as Float32Array)]).toEqual([...(tensor.data as Float32Array)]);
    }
  });

  it("has a case for every rewritten op but Scan, which is refused", () => {
    const tested = new Set(cases.map(({ op }) => op));
    expect([...rewrites.keys()].filter((op) => !tested.has(op))).toEqual(["Scan"]);
  });

  it.each(cases)("$name: leaves the result alone when done again", (test) => {
    const once = normalise(validateModel(built(test)));
    expect(normalise(validateModel(once))).toEqual(once);
  });

  it("gives the bounds of Clip the type of its input", async () => {
    // ONNX Runtime has no old Clip of doubles to compare with, but the clipped values are known.
    const old = built({
      opset: 10,
      build: (b) => {
        b.input("x", undefined);
        const wide = b.op("Cast", ["x"], { to: DataType.DOUBLE });
        const clipped = b.op("Clip", [b.op("Neg", [wide])], { min: { float: 0 } });
        b.node("Cast", [clipped], ["y"], { to: DataType.FLOAT });
        b.output("y");
      },
    });
    const { y } = await runModel(normalise(validateModel(old)), x34);
    expect([...(y!.data as Float32Array)]).toEqual([...(x34.x.data as Float32Array)].map((v) => Math.max(-v, 0)));
  });

  it("writes Softmax out only where it must", () => {
    const ops = (axis: number, shape?: readonly number[]) => softmaxAt(axis, shape).nodes.map(({ opType }) => opType);
    const shape = [2, 3, 4, 5];
    expect(ops(3, shape)).toEqual(["Softmax"]);
    expect(ops(-1)).toEqual(["Softmax"]);
    expect(ops(1, shape)).toEqual(["Flatten", "Softmax", "Shape", "Reshape"]);
    expect(ops(-2, shape)).toEqual(["Reshape", "Softmax", "Shape", "Reshape"]);
    expect(ops(3)).toEqual(["Reshape", "Softmax", "Shape", "Reshape"]);
  });

  it.each<[number, readonly number[] | undefined]>([
    [0, undefined],
    [1, undefined],
    [2, undefined],
    [3, undefined],
    [-1, [1, 3, 4, 5]],
    [-2, [1, 3, 4, 5]],
  ])("lets several seeds through an old Softmax at axis %i of shape %s", (axis, shape) => {
    const { refusals } = buildBackward(softmaxAt(axis, shape), { taps: ["x"], outputs: ["y"], manySeeds: true });
    expect(refusals).toEqual([]);
  });

  it("says how many equal parts a Split makes", () => {
    const [node] = normalise(built({ opset: 11, build: (b) => split(b, { axis: 2 }) })).graph.nodes;
    // ONNX Runtime counts the outputs itself, so running it would not tell.
    expect(intAttribute(node!, "num_outputs", 0)).toBe(2);
  });

  it("keeps names of nodes and of their outputs", () => {
    const old = built({ build: single("Softmax", { axis: 0 }), opset: 9 });
    const { nodes } = normalise(old).graph;
    expect(nodes.find(({ name }) => name === "the_node")?.outputs).toEqual(["y"]);
    expect(new Set(nodes.map(({ name }) => name)).size).toBe(nodes.length);
  });

  it("makes names that no model can have taken", () => {
    const b = new GraphBuilder();
    b.input("x", undefined);
    b.node("Identity", ["x"], ["whybox_opset0/const0"]);
    b.node("Unsqueeze", ["whybox_opset0/const0"], ["y"], { axes: [0] });
    b.output("y");
    const fresh = validateModel(normalise(modelOf(b, 11)));
    expect(fresh.graph.initializers.size).toBe(1);
    expect([...fresh.graph.initializers.keys()][0]).not.toBe("whybox_opset0/const0");
  });

  it("turns every spelling of Constant into an initializer and drops it from the nodes", async () => {
    const b = new GraphBuilder();
    b.input("x", undefined);
    b.node("Constant", [], ["t"], { value: { tensor: floatTensor("inner", [1], [2]) } });
    b.node("Constant", [], ["f"], { value_float: { float: 3 } });
    b.node("Constant", [], ["fs"], { value_floats: { floats: [4] } });
    b.node("Constant", [], ["i"], { value_int: 1 });
    b.node("Constant", [], ["is"], { value_ints: [0] });
    b.node("Sum", ["x", "t", "f", "fs"], ["sum"]);
    b.node("Unsqueeze", ["sum", "is"], ["up"]);
    b.node("Gather", ["up", "i"], ["y"], { axis: 2 });
    b.output("y");
    const old = modelOf(b, 13);
    const fresh = normalise(validateModel(old));
    expect(fresh.graph.nodes.map(({ opType }) => opType)).toEqual(["Sum", "Unsqueeze", "Gather"]);
    const feeds = { x: noise([1, 2]) };
    expect((await runModel(fresh, feeds)).y!.data).toEqual((await runModel(old, feeds)).y!.data);
  });

  it("turns string constants into initializers and keeps a constant that is an output", () => {
    const text = (value: string) => new TextEncoder().encode(value);
    const constant = (
      output: string,
      key: string,
      attribute: NonNullable<ReturnType<Node["attributes"]["get"]>>,
    ): Node => ({
      opType: "Constant",
      domain: "",
      name: output,
      inputs: [],
      outputs: [output],
      attributes: new Map([[key, attribute]]),
    });
    const b = new GraphBuilder();
    b.nodes.push(constant("s", "value_string", { type: "string", value: text("a") }));
    b.nodes.push(constant("ss", "value_strings", { type: "strings", value: [text("b"), text("c")] }));
    b.nodes.push(constant("sparse", "sparse_value", { type: "opaque", value: new Uint8Array(0) }));
    b.nodes.push(constant("out", "value_int", { type: "int", value: 1 }));
    b.node("Custom", ["s", "ss", "sparse"], ["y"]);
    b.output("y");
    b.output("out");
    const { graph } = normalise(modelOf(b, 13));
    expect([...graph.initializers.values()].map(({ dims, strings }) => [dims, strings?.length])).toEqual([
      [[], 1],
      [[2], 2],
    ]);
    expect(graph.nodes.map(({ name }) => name)).toEqual(["sparse", "out", "y"]);
  });

  it("drops initializers from the inputs, and the ones that nothing reads", () => {
    const b = new GraphBuilder();
    b.input("x", undefined);
    b.input("w", [1]);
    b.floats([1], [2], "w");
    b.floats([1], [3], "unread");
    b.node("Mul", ["x", "w"], ["y"]);
    b.output("y");
    const { graph, irVersion } = normalise(modelOf(b, 9, 3));
    expect(graph.inputs.map(({ name }) => name)).toEqual(["x"]);
    expect([...graph.initializers.keys()]).toEqual(["w"]);
    expect(irVersion).toBe(10);
  });

  it("goes into subgraphs, which see the constants around them", async () => {
    const branch = (op: string, attributes: Parameters<GraphBuilder["node"]>[3]) => {
      const inner = new GraphBuilder(op);
      inner.node(op, ["x"], [`${op}_out`], attributes, op);
      inner.output(`${op}_out`);
      return { type: "graph", value: inner.graph(op) } as const;
    };
    const b = new GraphBuilder();
    b.input("x", [2, 3]);
    b.input("condition", [], DataType.BOOL);
    b.node("If", ["condition"], ["y"], {}, "if");
    b.output("y");
    const attributes = new Map([
      ["then_branch", branch("ReduceSum", { axes: [1] })],
      ["else_branch", branch("ReduceMean", { axes: [0] })],
    ]);
    const old = modelOf({ ...b.graph("g"), nodes: [{ ...b.nodes[0]!, attributes }] }, 11);
    const fresh = normalise(validateModel(old));
    for (const flag of [0, 1]) {
      const feeds = { x: noise([2, 3]), condition: new ort.Tensor("bool", Uint8Array.of(flag), []) };
      const [before, after] = [await runModel(old, feeds), await runModel(fresh, feeds)];
      expect(after.y!.data).toEqual(before.y!.data);
    }
  });

  it("raises the IR version with the opset, never past what the runtime takes", () => {
    const at = (opset: number, ir: number) =>
      normalise(modelOf(built({ build: single("Relu"), opset: 21 }).graph, opset, ir));
    expect(
      [at(13, 7), at(21, 10), at(22, 10), at(23, 11), at(26, 13), at(21, 14)].map((m) => [
        m.opsets.get(""),
        m.irVersion,
      ]),
    ).toEqual([
      [21, 10],
      [21, 10],
      [22, 10],
      [23, 11],
      [26, 13],
      [21, 13],
    ]);
  });

  it.each([OLDEST_OPSET, NEWEST_OPSET])("reads opset %i", async (opset) => {
    const model = normalise(built({ build: single("Relu"), opset }));
    expect((await runModel(model, x34)).y!.dims).toEqual([2, 3, 4]);
  });

  it.each([OLDEST_OPSET - 1, NEWEST_OPSET + 1, 0, 2 ** 60])("refuses opset %d", (opset) => {
    expect(() => normalise(built({ build: single("Relu"), opset }))).toThrow(
      unsupported(/opsets 7 to 26 are supported/),
    );
  });

  it("leaves nodes of other domains alone", () => {
    const old = built({ build: single("Squeeze", { axes: [0] }), opset: 11 });
    const foreign = { ...old.graph.nodes[0]!, domain: "com.example" };
    const { graph } = normalise({ ...old, graph: { ...old.graph, nodes: [foreign] } });
    expect(intsAttribute(graph.nodes[0]!, "axes")).toEqual([0]);
  });

  const refused: [string, number, (b: GraphBuilder) => void, RegExp][] = [
    ["Scan with a batch axis", 8, single("Scan"), /batch axis/],
    ["BatchNormalization with spatial = 0", 7, (b) => batchNorm(b, { spatial: 0 }), /spatial = 0/],
    [
      "Dropout in training",
      13,
      (b) => {
        b.initializers.set("on", { name: "on", dims: [], dataType: DataType.BOOL, bytes: Uint8Array.of(1) });
        single("Dropout", {}, ["", "on"])(b);
      },
      /training mode/,
    ],
    [
      "Dropout with its mask",
      10,
      (b) => {
        b.input("x", undefined);
        b.node("Dropout", ["x"], ["d", "mask"]);
        b.node("Where", ["mask", "d", "d"], ["y"]);
        b.output("y");
      },
      /mask is read/,
    ],
    [
      "BatchNormalization in training",
      9,
      (b) => {
        b.input("x", undefined);
        b.node("BatchNormalization", ["x", "x", "x", "x", "x"], ["y", "mean", "variance"]);
        b.output("y");
        b.output("mean");
      },
      /training mode/,
    ],
  ];
  it.each(refused)("refuses %s", (_, opset, build, pattern) => {
    expect(() => normalise(built({ opset, build }))).toThrow(unsupported(pattern));
  });

  it("refuses functions of the model's own in an old opset, and keeps them in a new one", () => {
    const withFunctions = { unknown: [Uint8Array.of(0xca, 0x01, 0)] };
    const old = { ...built({ build: single("Relu"), opset: 18 }), ...withFunctions };
    expect(() => normalise(old)).toThrow(unsupported(/Inline them/));
    expect(normalise({ ...old, opsets: new Map([["", 21]]) }).unknown).toEqual(withFunctions.unknown);
  });

  it("stops at graphs nested too deep", () => {
    let graph = built({ build: single("Identity"), opset: 13 }).graph;
    graph = { ...graph, inputs: [{ name: "x", elemType: DataType.BOOL, shape: [] }] };
    for (let i = 0; i < 20; i++) {
      const node: Node = {
        ...graph.nodes[0]!,
        opType: "If",
        attributes: new Map(["then_branch", "else_branch"].map((name) => [name, { type: "graph", value: graph }])),
      };
      graph = { ...graph, nodes: [node] };
    }
    expect(() => normalise(modelOf(graph, 13))).toThrow(expect.objectContaining({ code: "limit" }));
    expect(() => validateModel(modelOf(graph, 13))).toThrow(expect.objectContaining({ code: "limit" }));
  });
});

/** An old Softmax, normalised. */
function softmaxAt(axis: number, shape?: readonly number[]): Graph {
  const old = built({
    opset: 11,
    build: (b) => {
      b.input("x", shape);
      b.node("Softmax", ["x"], ["y"], { axis });
      b.output("y");
    },
  });
  return normalise(old).graph;
}
