import { describe, expect, it } from "vitest";
import { WhyboxError } from "../../src/errors.js";
import { GraphBuilder } from "../../src/onnx/builder.js";
import { buildPrefix, buildTail, nodesBetween, readsOf, repeatAlongBatch } from "../../src/onnx/cut.js";
import type { Attribute, Graph, Node } from "../../src/onnx/model.js";
import { expectClose } from "../support/check-vjp.js";
import { miniYolo } from "../support/mini-yolo.js";
import { runGraph } from "../support/ort.js";
import { randomSource } from "../support/random.js";
import { randomTensor, vector } from "../support/tensors.js";
import { modelOf } from "./support.js";

function graphAttribute(make: (b: GraphBuilder) => void): Attribute {
  const b = new GraphBuilder("inner");
  make(b);
  return { type: "graph", value: b.graph("inner") };
}

function ifNode(then: Attribute, otherwise: Attribute): Node {
  const attributes = new Map([
    ["then_branch", then],
    ["else_branch", otherwise],
  ]);
  return { opType: "If", domain: "", name: "if", inputs: ["c"], outputs: ["y"], attributes };
}

const outputsOf = (nodes: readonly Node[]) => nodes.map((node) => node.outputs[0]);

/** x → a = σ(x) → b = e^a;  z = −x goes around a;  k = tanh(w) is constant;  y = (b + z)·k;  unused = |x|. */
function forked(): GraphBuilder {
  const b = new GraphBuilder("m");
  b.input("x", ["n"]);
  b.floats([2], [0.5, 2], "w");
  b.floats([2], [7, 7], "idle");
  b.node("Sigmoid", ["x"], ["a"]);
  b.node("Exp", ["a"], ["b"]);
  b.node("Neg", ["x"], ["z"]);
  b.node("Tanh", ["w"], ["k"]);
  b.node("Abs", ["x"], ["unused"]);
  b.node("Add", ["b", "z"], ["sum"]);
  b.node("Mul", ["sum", "k"], ["y"]);
  b.output("y", [2]);
  return b;
}

describe("readsOf", () => {
  it("lists inputs once per place, without those left out", () => {
    const b = new GraphBuilder();
    b.node("Clip", ["x", "", "x"], ["y"]);
    expect(readsOf(b.nodes[0]!)).toEqual(["x", "x"]);
  });

  it("finds what subgraphs capture, at any depth and as their outputs", () => {
    const deep = graphAttribute((b) => {
      b.node("Neg", ["deep"], ["d"]);
      b.output("d");
    });
    const then = graphAttribute((b) => {
      b.node("Exp", ["near"], ["t"]);
      b.nodes.push({ ...ifNode(deep, deep), outputs: ["u"] });
      b.output("u");
    });
    const otherwise = graphAttribute((b) => b.output("passed"));
    expect(readsOf(ifNode(then, otherwise))).toEqual(expect.arrayContaining(["c", "near", "deep", "passed"]));
  });
});

describe("nodesBetween", () => {
  const graph = forked().graph("g");

  it("gives what the outputs depend on, each node once, in graph order", () => {
    expect(outputsOf(nodesBetween(graph, new Set(), ["y"]))).toEqual(["a", "b", "z", "k", "sum", "y"]);
    expect(outputsOf(nodesBetween(graph, new Set(), ["z", "b"]))).toEqual(["a", "b", "z"]);
  });

  it("stops at the boundary, and only there", () => {
    expect(outputsOf(nodesBetween(graph, new Set(["a"]), ["y"]))).toEqual(["b", "z", "k", "sum", "y"]);
    expect(outputsOf(nodesBetween(graph, new Set(["b", "z"]), ["y"]))).toEqual(["k", "sum", "y"]);
    expect(nodesBetween(graph, new Set(["y"]), ["y"])).toEqual([]);
  });

  it("gives nothing for inputs, constants and values that are not there", () => {
    expect(nodesBetween(graph, new Set(), ["x", "w", "nowhere"])).toEqual([]);
  });

  it("keeps a node that only a subgraph reads", () => {
    const b = forked();
    const branch = graphAttribute((inner) => {
      inner.node("Neg", ["unused"], ["i"]);
      inner.output("i");
    });
    b.nodes.push({ ...ifNode(branch, branch), outputs: ["chosen"] });
    expect(outputsOf(nodesBetween(b.graph("g"), new Set(), ["chosen"]))).toEqual(["unused", "chosen"]);
  });
});

describe("buildPrefix", () => {
  it("keeps the nodes and initializers that the outputs need, and the order asked for", () => {
    const model = modelOf(forked());
    const { graph, opsets } = buildPrefix(model, ["b", "a"]);
    expect(outputsOf(graph.nodes)).toEqual(["a", "b"]);
    expect([...graph.initializers.keys()]).toEqual([]);
    expect(graph.outputs.map((output) => output.name)).toEqual(["b", "a"]);
    expect(graph.inputs).toEqual(model.graph.inputs);
    expect(opsets).toBe(model.opsets);
    expect([...buildPrefix(model, ["y"]).graph.initializers.keys()]).toEqual(["w"]);
  });

  it("leaves the model as it is", () => {
    const model = modelOf(forked());
    buildPrefix(model, ["a"]);
    expect(model).toEqual(modelOf(forked()));
  });

  it("says of an output's type what the file says, and leaves the others to the runtime", () => {
    const model = modelOf(forked());
    const typed = { ...model.graph, valueInfo: [{ name: "a", elemType: 1, shape: ["n"] }] };
    expect(buildPrefix({ ...model, graph: typed }, ["y", "a", "z"]).graph.outputs).toEqual([
      { name: "y", elemType: 1, shape: [2] },
      { name: "a", elemType: 1, shape: ["n"] },
      { name: "z", elemType: 0, shape: undefined },
    ]);
  });

  it("gives inputs, constants, inner values and appended nodes in one run", async () => {
    const extra = new GraphBuilder();
    extra.node("Mul", ["a", "z"], ["more"]);
    const outputs = ["x", "idle", "more", "a", "y"];
    const { graph } = buildPrefix(modelOf(forked()), outputs, extra.nodes);
    const [x, idle, more, a, y] = await runGraph(graph, { x: vector(0, -1) }, outputs);
    const sigmoids = [0.5, 1 / (1 + Math.E)];
    expectClose(x!.data, [0, -1], "x");
    expectClose(idle!.data, [7, 7], "idle");
    expectClose(a!.data, sigmoids, "a");
    expectClose(more!.data, [0, sigmoids[1]!], "more");
    const expected = [Math.exp(sigmoids[0]!) * Math.tanh(0.5), (Math.exp(sigmoids[1]!) + 1) * Math.tanh(2)];
    expectClose(y!.data, expected, "y");
  });

  it("leaves appended nodes out that no output needs", () => {
    const extra = new GraphBuilder();
    extra.node("Mul", ["a", "z"], ["more"]);
    expect(outputsOf(buildPrefix(modelOf(forked()), ["a"], extra.nodes).graph.nodes)).toEqual(["a"]);
  });

  it("refuses an output that is no value of the graph", () => {
    const build = () => buildPrefix(modelOf(forked()), ["a", "nowhere"]);
    expect(build).toThrow(WhyboxError);
    expect(build).toThrow(
      expect.objectContaining({
        code: "internal",
        message: expect.stringContaining('"nowhere"'),
        details: { value: "nowhere" },
      }),
    );
  });
});

describe("buildTail", () => {
  const inputsOf = (graph: Graph) => graph.inputs.map((input) => input.name);

  it("takes in the taps and what goes around them; constants are computed again", () => {
    const { model, crossing } = buildTail(modelOf(forked()), ["a"], ["y"]);
    expect(crossing).toEqual(["z"]);
    expect(inputsOf(model.graph)).toEqual(["a", "z"]);
    expect(outputsOf(model.graph.nodes)).toEqual(["b", "k", "sum", "y"]);
    expect([...model.graph.initializers.keys()]).toEqual(["w"]);
  });

  it("has the image as an input where a node behind the tap reads it", () => {
    const b = forked();
    b.node("Add", ["y", "x"], ["again"]);
    expect([...buildTail(modelOf(b), ["a"], ["again"]).crossing].sort()).toEqual(["x", "z"]);
  });

  it("does not compute a tap behind another tap", () => {
    const { model, crossing } = buildTail(modelOf(forked()), ["a", "sum"], ["y"]);
    expect(crossing).toEqual([]);
    expect(inputsOf(model.graph)).toEqual(["a", "sum"]);
    expect(outputsOf(model.graph.nodes)).toEqual(["k", "y"]);
  });

  it("is the whole model behind the image", () => {
    const model = modelOf(forked());
    const tail = buildTail(model, ["x"], ["y"]);
    expect(tail.crossing).toEqual([]);
    expect(tail.model.graph.nodes).toEqual(nodesBetween(model.graph, new Set(), ["y"]));
  });

  it("types crossing values as the file does", () => {
    const model = modelOf(forked());
    const valueInfo = [{ name: "z", elemType: 10, shape: [2] }];
    const tail = buildTail({ ...model, graph: { ...model.graph, valueInfo } }, ["a"], ["y"]);
    expect(tail.model.graph.inputs).toEqual([
      { name: "a", elemType: 1, shape: undefined },
      { name: "z", elemType: 10, shape: undefined },
    ]);
  });

  const { model, head, layers } = miniYolo();
  const images = randomTensor([1, 3, 64, 96], randomSource(4), 0, 1);
  const outputs = [head.output];

  it.each([0, 4, 9, 10, 12, 16, 17, 20])(
    "gives the predictions from layer %i and what goes around it",
    async (layer) => {
      const taps = [layers[layer]!];
      const { model: tail, crossing } = buildTail(model, taps, outputs);
      const cut = [...taps, ...crossing];
      const [expected, ...values] = await runGraph(buildPrefix(model, [...outputs, ...cut]).graph, { images });
      const [found] = await runGraph(tail.graph, Object.fromEntries(cut.map((name, i) => [name, values[i]!])));
      expect(found!.dims).toEqual([1, 3 * (8 * 12 + 4 * 6 + 2 * 3), 9]);
      expectClose(found!.data, expected!.data, "predictions");
      // The tail hangs on its tap: with another value there it says something else.
      const moved = { dims: values[0]!.dims, data: values[0]!.data.map((value) => value + 1) };
      const [other] = await runGraph(
        tail.graph,
        Object.fromEntries(cut.map((name, i) => [name, i === 0 ? moved : values[i]!])),
      );
      expect(other!.data.some((value, i) => Math.abs(value - expected!.data[i]!) > 1e-2)).toBe(true);
    },
  );
});

it("refuses an output that does not depend on the tap", () => {
  const b = new GraphBuilder();
  b.input("x", [2]);
  b.node("Sigmoid", ["x"], ["a"]);
  b.node("Neg", ["a"], ["y"]);
  b.node("Neg", ["x"], ["z"]);
  expect(() => buildTail(modelOf(b), ["a"], ["y", "z"])).toThrow(/"z" does not depend on a/);
});

describe("repeatAlongBatch", () => {
  it("repeats the maps that go around the tap for each of its activations", async () => {
    const b = new GraphBuilder();
    b.input("x", [1, 2, 2, 3]);
    b.node("Sigmoid", ["x"], ["a"]);
    b.node("Neg", ["x"], ["z"]);
    b.node("Concat", ["a", "z"], ["y"], { axis: 1 });
    const tail = repeatAlongBatch(buildTail(modelOf(b), ["a"], ["y"]), "a", new Set(["z"]));
    const random = randomSource(6);
    const a = randomTensor([3, 2, 2, 3], random);
    const z = randomTensor([1, 2, 2, 3], random);
    const [y] = await runGraph(tail.model.graph, { a, z });
    const each = [0, 1, 2].flatMap((n) => [...a.data.subarray(12 * n, 12 * (n + 1)), ...z.data]);
    expect(y!.dims).toEqual([3, 4, 2, 3]);
    expectClose(y!.data, Float32Array.from(each), "repeated");
  });
});
