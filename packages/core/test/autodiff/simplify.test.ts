import { describe, expect, it } from "vitest";
import { buildBackward } from "../../src/autodiff/backward.js";
import { simplify } from "../../src/autodiff/simplify.js";
import { GraphBuilder, type Value } from "../../src/onnx/builder.js";
import { nodesBetween } from "../../src/onnx/cut.js";
import { GraphIndex } from "../../src/onnx/graph.js";
import type { Graph, Node } from "../../src/onnx/model.js";
import { expectClose } from "../support/check-vjp.js";
import { runGraph } from "../support/ort.js";
import { randomSource } from "../support/random.js";
import { randomTensor } from "../support/tensors.js";

/** A graph of seeds g, h and factors a, b, c; `make` returns its outputs. */
function graphOf(make: (b: GraphBuilder) => Value | Value[], dims: Readonly<Record<string, readonly number[]>> = {}) {
  const b = new GraphBuilder("m");
  for (const name of ["g", "h", "a", "b", "c"]) b.input(name, dims[name] ?? []);
  for (const output of [make(b)].flat()) b.output(output);
  return b.graph("g");
}

const seeds = ["g", "h"];
const prefix = "f/";

/** What is left of the graph after simplifying, as the backward model prunes it. */
function simplified(graph: Graph): Graph {
  const outputs = graph.outputs.map((output) => output.name);
  const after = simplify(graph, seeds, prefix);
  return { ...after, nodes: nodesBetween(after, new Set(), outputs) };
}

/** The nodes that work on cotangents. */
function onCotangents(graph: Graph): Node[] {
  const linear = new GraphIndex(graph).descendants(seeds);
  return graph.nodes.filter((node) => node.outputs.some((output) => linear.has(output)));
}

const opsOn = (graph: Graph) => onCotangents(graph).map((node) => node.opType);

/** Every value of a graph of scalars, in float64. */
function evaluate(graph: Graph): Map<Value, number> {
  const values = new Map(graph.inputs.map(({ name }, i) => [name, [1.25, -0.75, 3, -0.5, 2][i]!]));
  for (const { opType, inputs, outputs } of graph.nodes) {
    const [x, y] = inputs.map((input) => {
      const value = values.get(input);
      if (value === undefined) throw new Error(`"${input}" is read before it is computed.`);
      return value;
    });
    const result = opType === "Mul" ? x! * y! : opType === "Add" ? x! + y! : -x!;
    values.set(outputs[0]!, result);
  }
  return values;
}

/** Every value that was there before, and still is, means the same. */
function expectSameValues(before: Graph, after: Graph): void {
  const found = evaluate(after);
  for (const [name, value] of evaluate(before)) {
    if (found.has(name))
      expect(Math.abs(found.get(name)! - value), name).toBeLessThanOrEqual(1e-9 * (1 + Math.abs(value)));
  }
  for (const { name } of before.outputs) expect(found.has(name), name).toBe(true);
}

describe("simplify", () => {
  const collected: Readonly<Record<string, (b: GraphBuilder) => Value>> = {
    "(g·a)·b": (b) => b.op("Mul", [b.op("Mul", ["g", "a"]), "b"]),
    "b·(a·g)": (b) => b.op("Mul", ["b", b.op("Mul", ["a", "g"])]),
    "((g·a)·b)·c": (b) => b.op("Mul", [b.op("Mul", [b.op("Mul", ["g", "a"]), "b"]), "c"]),
    "g·a + g·b": (b) => b.op("Add", [b.op("Mul", ["g", "a"]), b.op("Mul", ["g", "b"])]),
    "a·g + g·b": (b) => b.op("Add", [b.op("Mul", ["a", "g"]), b.op("Mul", ["g", "b"])]),
    "(g·a + g·b) + g·c": (b) =>
      b.op("Add", [b.op("Add", [b.op("Mul", ["g", "a"]), b.op("Mul", ["g", "b"])]), b.op("Mul", ["g", "c"])]),
    "(g·a)·b + g·c": (b) => b.op("Add", [b.op("Mul", [b.op("Mul", ["g", "a"]), "b"]), b.op("Mul", ["g", "c"])]),
    "(g·a + g·b)·c": (b) => b.op("Mul", [b.op("Add", [b.op("Mul", ["g", "a"]), b.op("Mul", ["g", "b"])]), "c"]),
  };
  it.each(Object.entries(collected))("makes one multiplication on cotangents of %s", (_, make) => {
    const graph = graphOf(make);
    const after = simplified(graph);
    expect(opsOn(after)).toEqual(["Mul"]);
    expect(onCotangents(after)[0]!.inputs).toContain("g");
    expectSameValues(graph, after);
  });

  const left: Readonly<Record<string, (b: GraphBuilder) => Value>> = {
    g·a: (b) => b.op("Mul", ["g", "a"]),
    "g + h": (b) => b.op("Add", ["g", "h"]),
    "g·a + h·b, two cotangents": (b) => b.op("Add", [b.op("Mul", ["g", "a"]), b.op("Mul", ["h", "b"])]),
    "g·a + g, one of them no product": (b) => b.op("Add", [b.op("Mul", ["g", "a"]), "g"]),
    "(−(g·a))·b, another op between": (b) => b.op("Mul", [b.op("Neg", [b.op("Mul", ["g", "a"])]), "b"]),
    "p + p": (b) => {
      const p = b.op("Mul", ["g", "a"]);
      return b.op("Add", [p, p]);
    },
    "(a·b)·c + a·c, no cotangent": (b) =>
      b.op("Add", [b.op("Mul", [b.op("Mul", ["a", "b"]), "c"]), b.op("Mul", ["a", "c"])]),
  };
  it.each(Object.entries(left))("leaves %s alone", (_, make) => {
    const graph = graphOf(make);
    expect(simplified(graph).nodes).toEqual(graph.nodes);
  });

  it("does not take a product apart that others read too", () => {
    const graph = graphOf((b) => {
      const p = b.op("Mul", ["g", "a"]);
      return [b.op("Mul", [p, "b"]), b.op("Add", [p, b.op("Mul", ["g", "c"])]), b.op("Neg", [p])];
    });
    expect(simplified(graph).nodes).toEqual(graph.nodes);
  });

  it("keeps a product that is an output itself", () => {
    const graph = graphOf((b) => {
      const p = b.op("Mul", ["g", "a"]);
      return [p, b.op("Mul", [p, "b"])];
    });
    const after = simplified(graph);
    expect(opsOn(after)).toEqual(["Mul", "Mul"]);
    expectSameValues(graph, after);
  });

  it("leaves sums alone that are no pairs", () => {
    const graph = graphOf((b) => b.op("Sum", [b.op("Mul", ["g", "a"]), b.op("Mul", ["g", "b"])]));
    expect(simplified(graph).nodes).toEqual(graph.nodes);
  });

  it("keeps everything of the graph but its nodes", () => {
    const graph = graphOf(collected["(g·a)·b"]!);
    expect({ ...simplify(graph, seeds, prefix), nodes: [] }).toEqual({ ...graph, nodes: [] });
  });

  it("changes no value of any graph, and never puts work on cotangents", () => {
    let fewer = 0;
    for (let seed = 1; seed <= 300; seed++) {
      const graph = randomGraph(seed);
      const after = simplified(graph);
      expectSameValues(graph, simplify(graph, seeds, prefix));
      expectSameValues(graph, after);
      expect(opsOn(after).length, `graph ${seed}`).toBeLessThanOrEqual(opsOn(graph).length);
      if (opsOn(after).length < opsOn(graph).length) fewer++;
    }
    expect(fewer).toBeGreaterThan(100);
  });

  it("broadcasts as before: factors of other shapes, several seeds", async () => {
    const dims = { g: [3, 2, 4, 5], h: [3, 2, 4, 5], a: [2, 1, 5], b: [1, 2, 4, 1], c: [] };
    const graph = graphOf(
      (b) => [
        b.op("Add", [b.op("Mul", [b.op("Mul", ["g", "a"]), "b"]), b.op("Mul", ["g", "c"])]),
        b.op("Mul", ["a", b.op("Mul", ["h", "b"])]),
      ],
      dims,
    );
    const after = simplified(graph);
    expect(opsOn(after)).toEqual(["Mul", "Mul"]);
    const random = randomSource(9);
    const feeds = Object.fromEntries(Object.entries(dims).map(([name, shape]) => [name, randomTensor(shape, random)]));
    const expected = await runGraph(graph, feeds);
    const found = await runGraph(after, feeds);
    found.forEach((tensor, i) => {
      expect(tensor.dims).toEqual(expected[i]!.dims);
      expectClose(tensor.data, expected[i]!.data, `output ${i}`);
    });
  });

  it("makes SiLU's backward pass one multiplication", () => {
    const b = new GraphBuilder("m");
    b.input("x", [1, 4]);
    b.node("Mul", ["x", b.op("Sigmoid", ["x"])], ["y"]);
    b.output("y");
    const {
      builder,
      gradients,
      seeds: made,
    } = buildBackward(b.graph("silu"), { taps: ["x"], outputs: ["y"], manySeeds: false });
    const graph: Graph = { ...builder.graph("backward"), outputs: [] };
    const linearIn = (one: Graph) => {
      const linear = new GraphIndex(one).descendants(made.values());
      const needed = nodesBetween(one, new Set(), [gradients.get("x")!]);
      return needed.filter((node) => linear.has(node.outputs[0]!)).map((node) => node.opType);
    };
    expect(linearIn(graph).length).toBeGreaterThan(2);
    expect(linearIn(simplify(graph, made.values(), prefix))).toEqual(["Mul"]);
  });
});

/** Sums, products and signs at random: linear in the seeds, as a backward pass is. */
function randomGraph(seed: number): Graph {
  const random = randomSource(seed);
  return graphOf((b) => {
    const linear = ["g", "h"];
    const factors = ["a", "b", "c"];
    const pick = (from: readonly Value[]) => from[Math.floor(random() * from.length)]!;
    for (let i = 0; i < 12; i++) {
      const kind = random();
      const pair = random() < 0.5 ? [pick(linear), pick(factors)] : [pick(factors), pick(linear)];
      if (kind < 0.5) linear.push(b.op("Mul", pair));
      else if (kind < 0.8) linear.push(b.op("Add", [pick(linear), pick(linear)]));
      else if (kind < 0.9) linear.push(b.op("Neg", [pick(linear)]));
      else factors.push(b.op(random() < 0.5 ? "Mul" : "Add", [pick(factors), pick(factors)]));
    }
    return linear.slice(-2);
  });
}
