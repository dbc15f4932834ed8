import { describe, expect, it } from "vitest";
import { buildBackward } from "../../src/autodiff/backward.js";
import type { AttributeLiteral } from "../../src/onnx/attributes.js";
import { GraphBuilder, type Value } from "../../src/onnx/builder.js";
import { type Attribute, DataType, type Graph } from "../../src/onnx/model.js";
import { checkVjp } from "../support/check-vjp.js";

describe("flat functions add nothing, and differences see the same", () => {
  it.each([
    ["Round", [-1.5, -0.5, 0.5, 1.5]],
    ["Floor", [-1, 0, 1]],
    ["Ceil", [-1, 0, 1]],
    ["Sign", [0]],
  ])("%s", (op, avoid) =>
    checkVjp({
      build: (b, { x }) => b.op("Mul", [x!, b.op("Add", [x!, b.op(op, [x!])])]),
      inputs: { x: { dims: [1, 3, 7], avoid } },
    }),
  );
});

type Build = (b: GraphBuilder) => Value;

/** A graph from float input x [1, 4, 5] to one output. */
function graphOf(build: Build): Graph {
  const b = new GraphBuilder("m");
  b.input("x", [1, 4, 5]);
  b.output(build(b));
  return b.graph("stops");
}

const back = (graph: Graph) =>
  buildBackward(graph, { taps: ["x"], outputs: [graph.outputs[0]!.name], manySeeds: false });

const asFloat = (b: GraphBuilder, value: Value) => b.op("Cast", [value], { to: DataType.FLOAT });
const same = (op: string, attributes: Readonly<Record<string, AttributeLiteral>> = {}): Build => {
  return (b) => asFloat(b, b.op(op, ["x"], attributes));
};
const scalar = (b: GraphBuilder, value: Value) => b.op("ReduceMax", [value], { keepdims: 0 });

describe("what is counted, compared or chosen carries no gradient", () => {
  it.each<[string, Build]>([
    ["ArgMax", same("ArgMax", { axis: 1 })],
    ["ArgMin", same("ArgMin", { axis: -1 })],
    ["NonZero", same("NonZero")],
    ["Shape", same("Shape")],
    ["Size", same("Size")],
    ["IsNaN", same("IsNaN")],
    ["Hardmax", same("Hardmax")],
    ["EyeLike", (b) => b.op("EyeLike", [b.op("Squeeze", ["x", b.ints([0])])])],
    ["ConstantOfShape", (b) => b.op("ConstantOfShape", [b.op("Shape", ["x"])])],
    ["Range", (b) => b.op("Range", [b.float(0), scalar(b, "x"), b.float(1)])],
    ["Greater", (b) => asFloat(b, b.op("Greater", ["x", b.float(0)]))],
    ["And", (b) => asFloat(b, b.op("And", [b.op("IsInf", ["x"]), b.op("LessOrEqual", ["x", b.float(0)])]))],
    ["Cast", (b) => asFloat(b, b.op("Cast", ["x"], { to: DataType.INT64 }))],
    ["TopK's indices", (b) => asFloat(b, b.ops("TopK", ["x", b.ints([2])], 2)[1]!)],
    ["NonMaxSuppression", (b) => asFloat(b, nonMaxSuppression(b))],
  ])("%s", (_, build) => {
    expect(back(graphOf(build)).gradients.get("x")).toBeNull();
  });
});

/** Rows 0 to 3 of x are the corners of boxes. */
function nonMaxSuppression(b: GraphBuilder): Value {
  const boxes = b.op("Transpose", ["x"], { perm: [0, 2, 1] });
  const scores = b.op("Slice", ["x", b.ints([0]), b.ints([1]), b.ints([1])]);
  return b.op("NonMaxSuppression", [boxes, scores, b.ints([3]), b.float(0.5), b.float(0)]);
}

describe("what is read at chosen places carries gradient for the values, none for the places", () => {
  it("Gather at ArgMax", () =>
    checkVjp({
      build: (b, { x }) => {
        const best = b.op("ArgMax", [b.op("ReduceSum", [x!, b.ints([0, 2])], { keepdims: 0 })], { axis: 0 });
        return b.op("Gather", [x!, best], { axis: 1 });
      },
      inputs: { x: { dims: [1, 4, 5], distinct: true } },
    }));

  it("GatherND at the rows that NonMaxSuppression keeps", () =>
    checkVjp({
      build: (b, { x }) => {
        const scores = b.floats([1, 1, 3], [0.9, 0.3, 0.8]);
        const kept = b.op("NonMaxSuppression", [x!, scores, b.ints([3]), b.float(0.5), b.float(0.5)]);
        return b.op("GatherND", [x!, b.op("Gather", [kept, b.ints([0, 2])], { axis: 1 })]);
      },
      inputs: { x: { dims: [1, 3, 4], data: [0, 0, 1, 1, 5, 5, 6, 6, 3, 3, 4, 4.5] } },
      manySeeds: "refused",
    }));
});

/** A graph attribute whose body takes `inputs` and gives what `build` makes. */
function body(inputs: readonly [string, number][], build: (b: GraphBuilder) => readonly Value[]): Attribute {
  const b = new GraphBuilder("body");
  for (const [name, type] of inputs) b.input(name, undefined, type);
  for (const output of build(b)) b.output(output);
  return { type: "graph", value: b.graph("body") };
}

describe("control flow is refused by name before anything is built", () => {
  const withBody = (op: string, inputs: readonly Value[], bodies: Readonly<Record<string, Attribute>>): Graph => {
    const b = new GraphBuilder("m");
    b.input("x", [1, 4, 5]);
    b.input("condition", [], DataType.BOOL);
    b.node(op, inputs, ["y"], {}, "the_node");
    b.output("y");
    const node = { ...b.nodes[0]!, attributes: new Map(Object.entries(bodies)) };
    return { ...b.graph("flow"), nodes: [node] };
  };
  const branch = (op: string) => body([], (b) => [b.op(op, ["x"])]);
  it.each<[string, Graph]>([
    ["If", withBody("If", ["condition"], { then_branch: branch("Relu"), else_branch: branch("Neg") })],
    [
      "Loop",
      withBody("Loop", ["", "condition", "x"], {
        body: body(
          [
            ["i", DataType.INT64],
            ["go", DataType.BOOL],
            ["state", DataType.FLOAT],
          ],
          (b) => [b.op("Identity", ["go"]), b.op("Relu", ["state"])],
        ),
      }),
    ],
    ["Scan", withBody("Scan", ["x"], { body: body([["row", DataType.FLOAT]], (b) => [b.op("Relu", ["row"])]) })],
  ])("%s", (op, graph) => {
    expect(() => back(graph)).toThrow(
      expect.objectContaining({
        code: "no-gradient",
        message: expect.stringContaining(`${op} × 1 (for example "the_node")`),
      }),
    );
  });
});
