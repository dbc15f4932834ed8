import { expect } from "vitest";
import { GraphBuilder } from "../../src/onnx/builder.js";
import { DataType, type Graph } from "../../src/onnx/model.js";

/** Matches the error of a broken file. */
export function badInput(message: RegExp) {
  return expect.objectContaining({ code: "bad-input", message: expect.stringMatching(message) });
}

/** A small sound model of an opset: a subgraph, typed tensors, and up to opset 8 attributes of most types. */
export function sound(opset = 8): Graph {
  const inner = new GraphBuilder("inner");
  inner.node("Mul", ["scaled", "w"], ["inner_y"]);
  inner.output("inner_y");
  const b = new GraphBuilder("outer");
  b.input("x", ["n", 3, null]);
  b.input("flag", [], DataType.BOOL);
  b.floats([3, 1], [1, 2, 3], "w");
  b.node("Softmax", ["x"], ["soft"], { axis: 1 }, "softmax");
  if (opset < 9) {
    b.node("Clip", ["soft"], ["clipped"], { min: { float: 0 }, max: { float: 0.5 } });
    b.node("Slice", ["clipped"], ["scaled"], { starts: [0], ends: [2 ** 63], axes: [1] });
    b.node("Upsample", ["scaled"], ["up"], { scales: { floats: [1, 1, 1] }, mode: "nearest" });
  } else {
    b.node("Clip", ["soft", b.float(0), b.float(0.5)], ["clipped"]);
    b.node("Slice", ["clipped", b.ints([0]), b.ints([2 ** 63]), b.ints([1])], ["scaled"]);
    b.node("Resize", ["scaled", "", b.floats([3], [1, 1, 1])], ["up"], { mode: "nearest" });
  }
  b.node("If", ["flag"], ["y"], {}, "if");
  b.output("y");
  const branch = { type: "graph", value: inner.graph("branch") } as const;
  const graph = b.graph("main");
  const attributes = new Map([
    ["then_branch", branch],
    ["else_branch", branch],
  ]);
  return { ...graph, nodes: graph.nodes.map((node) => (node.opType === "If" ? { ...node, attributes } : node)) };
}
