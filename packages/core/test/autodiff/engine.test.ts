import { describe, expect, it } from "vitest";
import { type BackwardRequest, buildBackward } from "../../src/autodiff/backward.js";
import type { GradRule } from "../../src/autodiff/rule.js";
import { defaultRules } from "../../src/autodiff/rules/index.js";
import { GraphBuilder, type Value } from "../../src/onnx/builder.js";
import { DataType, type Graph } from "../../src/onnx/model.js";
import { errorOf } from "../explain/error-of.js";
import { joinBackward } from "../support/check-vjp.js";
import { runGraph } from "../support/ort.js";

/** A graph of one input `x` of these dims. */
function graphOf(dims: readonly (number | null)[] | undefined, make: (b: GraphBuilder) => Value | Value[]): Graph {
  const b = new GraphBuilder("m");
  b.input("x", dims);
  for (const output of [make(b)].flat()) b.output(output);
  return b.graph("g");
}

/** A node whose output is named. */
function named(b: GraphBuilder, name: string, op: string, inputs: readonly Value[], attributes = {}): Value {
  b.node(op, inputs, [name], attributes, `node ${name}`);
  return name;
}

/** Gradients at x = `data` for seeds of ones. */
async function gradients(graph: Graph, request: Partial<BackwardRequest> & { taps: string[] }, data: number[]) {
  const outputs = graph.outputs.map((output) => output.name);
  const backward = buildBackward(graph, { outputs, manySeeds: false, ...request });
  const x = { dims: [data.length], data: Float32Array.from(data) };
  const values = await runGraph(graph, { x });
  const feeds = {
    x,
    ...Object.fromEntries(
      outputs.map((output, i) => [backward.seeds.get(output)!, { ...values[i]!, data: values[i]!.data.map(() => 1) }]),
    ),
  };
  const names = [...backward.gradients.values()].filter((value) => value !== null);
  const found = names.length > 0 ? await runGraph(joinBackward(graph, backward), feeds, names) : [];
  return Object.fromEntries(
    request.taps.map((tap) => {
      const name = backward.gradients.get(tap)!;
      return [tap, name === null ? null : [...found[names.indexOf(name)]!.data]];
    }),
  );
}

describe("buildBackward", () => {
  it("sums what meets at a value that is used several times", async () => {
    const graph = graphOf([3], (b) => b.op("Sum", [b.op("Mul", ["x", "x"]), b.op("Neg", ["x"]), b.op("Exp", ["x"])]));
    expect(await gradients(graph, { taps: ["x"] }, [0, 0.5, -2])).toEqual({
      x: [0, 0.5, -2].map((x) => expect.closeTo(2 * x - 1 + Math.exp(x), 5)),
    });
  });

  it("gives total derivatives: a tap gets what flows through a later tap too", async () => {
    const graph = graphOf([2], (b) => {
      const a = named(b, "a", "Mul", ["x", b.float(3)]);
      const c = named(b, "c", "Mul", [a, b.float(5)]);
      return b.op("Add", [a, c]);
    });
    expect(await gradients(graph, { taps: ["a", "c", "x"] }, [1, 2])).toEqual({ a: [6, 6], c: [1, 1], x: [18, 18] });
  });

  it("takes an output as a tap, and never lists one name twice", async () => {
    const graph = graphOf([2], (b) => {
      const a = named(b, "a", "Identity", ["x"]);
      return named(b, "y", "Identity", [a]);
    });
    expect(await gradients(graph, { taps: ["y", "a", "x"] }, [1, 2])).toEqual({ y: [1, 1], a: [1, 1], x: [1, 1] });
    const { gradients: names } = buildBackward(graph, { taps: ["y", "a", "x"], outputs: ["y"], manySeeds: false });
    expect(new Set(names.values()).size).toBe(3);
  });

  it("adds up several outputs, one of them on the way to another", async () => {
    const graph = graphOf([2], (b) => {
      const a = b.op("Mul", ["x", b.float(2)]);
      return [a, b.op("Mul", [a, b.float(10)]), b.op("Neg", [b.float(1)])];
    });
    expect(await gradients(graph, { taps: ["x"] }, [1, 2])).toEqual({ x: [22, 22] });
  });

  it("answers null where no path leads", async () => {
    const graph = graphOf([2], (b) => {
      named(b, "side", "Exp", ["x"]);
      return b.op("Neg", [named(b, "a", "Sin", ["x"])]);
    });
    expect(await gradients(graph, { taps: ["side", "a"] }, [1, 2])).toEqual({ side: null, a: [-1, -1] });
  });

  it("stops at integers, comparisons and flat functions", async () => {
    const graph = graphOf([3], (b) => {
      const floor = b.op("Floor", ["x"]);
      const positive = b.op("Cast", [b.op("Greater", ["x", b.float(0)])], { to: DataType.FLOAT });
      const length = b.op("Cast", [b.op("Size", ["x"])], { to: DataType.FLOAT });
      const whole = b.op("Cast", [b.op("Cast", ["x"], { to: DataType.INT64 })], { to: DataType.FLOAT });
      const [, indices] = b.ops("TopK", ["x", b.ints([3])], 2);
      const order = b.op("Cast", [indices!], { to: DataType.FLOAT });
      return b.op("Mul", ["x", b.op("Sum", [floor, positive, length, whole, order])]);
    });
    // floor 1, positive 1, length 3, whole 1; order 2 0 1 (the indices from the largest down)
    expect(await gradients(graph, { taps: ["x"] }, [1.5, 1.25, 1.75])).toEqual({ x: [8, 6, 7] });
  });

  it("is null behind nothing but stops", async () => {
    const graph = graphOf([2], (b) => b.op("Round", ["x"]));
    expect(await gradients(graph, { taps: ["x"] }, [1, 2])).toEqual({ x: null });
  });

  it("does not go through inputs that a rule calls indifferent", async () => {
    const graph = graphOf([2], (b) =>
      b.op("Where", [b.op("Less", ["x", b.float(1.5)]), b.op("Exp", [b.float(1)]), b.float(1)]),
    );
    expect(await gradients(graph, { taps: ["x"] }, [1, 2])).toEqual({ x: null });
  });

  it("reads forward values and says which", () => {
    const graph = graphOf([1, 2], (b) => {
      const w = b.floats([1, 2], [2, 3], "w");
      return named(b, "y", "Sigmoid", [b.op("Mul", [b.op("Mul", ["x", w]), w])]);
    });
    const { forward, builder } = buildBackward(graph, { taps: ["x"], outputs: ["y"], manySeeds: false });
    expect([...forward].sort()).toEqual(["w", "y"]);
    expect(builder.inputs).toEqual([]);
    expect(builder.outputs).toEqual([]);
  });

  it("gives names that no value of the graph has", () => {
    const b = new GraphBuilder("grad");
    b.input("x", [2]);
    const y = b.op("Sin", [b.op("Exp", ["x"])]);
    b.output(y);
    const { builder } = buildBackward(b.graph("g"), { taps: ["x"], outputs: [y], manySeeds: false });
    const theirs = new Set(b.nodes.flatMap((node) => node.outputs));
    expect(builder.nodes.flatMap((node) => node.outputs).filter((name) => theirs.has(name))).toEqual([]);
  });

  it("keeps no node that no gradient needs", () => {
    const graph = graphOf([2], (b) => named(b, "y", "Mul", [named(b, "a", "Sin", ["x"]), b.op("Exp", ["x"])]));
    const { builder } = buildBackward(graph, { taps: ["a"], outputs: ["y"], manySeeds: false });
    expect(builder.nodes.map((node) => node.opType)).toEqual(["Mul"]);
  });

  it("goes through 100 000 nodes", () => {
    const graph = graphOf([1], (b) => {
      let value = "x";
      for (let i = 0; i < 100_000; i++) value = b.op("Neg", [value]);
      return value;
    });
    const outputs = graph.outputs.map((output) => output.name);
    expect(buildBackward(graph, { taps: ["x"], outputs, manySeeds: false }).builder.nodes.length).toBe(100_000);
  });

  it("makes the shape of a cotangent once, with many seeds too", () => {
    const graph = graphOf([1, 2, null, null], (b) => [
      b.op("GlobalAveragePool", ["x"]),
      b.op("GlobalMaxPool", ["x"]),
      b.op("Reshape", ["x", b.ints([1, -1])]),
    ]);
    const outputs = graph.outputs.map((output) => output.name);
    for (const manySeeds of [false, true]) {
      const { nodes } = buildBackward(graph, { taps: ["x"], outputs, manySeeds }).builder;
      const shapes = nodes.filter((node) => node.opType === "Shape" && node.inputs[0] === "x");
      expect([shapes.length, nodes.filter((node) => node.opType === "Concat").length]).toEqual([1, manySeeds ? 1 : 0]);
    }
  });

  it("un-broadcasts nothing where shapes are seen to agree, whatever the size of the input", () => {
    const graph = graphOf([1, 3, null, null], (b) => {
      const silu = b.op("Mul", ["x", b.op("Sigmoid", ["x"])]);
      const shifted = b.op("Add", [b.op("Mul", [silu, b.floats([3, 1, 1], [1, 2, 3])]), "x"]);
      return b.op("Mul", [shifted, b.float(2)]);
    });
    const outputs = graph.outputs.map((output) => output.name);
    const ops = buildBackward(graph, { taps: ["x"], outputs, manySeeds: true }).builder.nodes.map(
      (node) => node.opType,
    );
    expect(new Set(ops)).toEqual(new Set(["Mul", "Add", "Sub"]));
  });
});

describe("un-broadcasting without knowing the rank", () => {
  const graph = (dims: readonly null[] | undefined) => {
    const b = new GraphBuilder("m");
    b.input("a", dims);
    b.input("b", undefined);
    b.output(b.op("Mul", ["a", "b"]));
    return b.graph("g");
  };

  it.each([
    [
      [2, 3],
      [2, 3],
    ],
    [[2, 3], [3]],
    [[3], [2, 3]],
    [
      [1, 3],
      [2, 1],
    ],
    [[], [2, 1]],
    [[2, 0], [1]],
  ])("%j × %j", async (a, b) => {
    const model = graph(undefined);
    const [y] = model.outputs.map((output) => output.name);
    const backward = buildBackward(model, { taps: ["a", "b"], outputs: [y!], manySeeds: false });
    const ones = (dims: readonly number[]) => ({
      dims,
      data: new Float32Array(dims.reduce((n, d) => n * d, 1)).fill(1),
    });
    const [value] = await runGraph(model, { a: ones(a), b: ones(b) });
    const feeds = { a: ones(a), b: ones(b), [backward.seeds.get(y!)!]: ones(value!.dims) };
    const found = await runGraph(joinBackward(model, backward), feeds, [...backward.gradients.values()] as string[]);
    for (const [gradient, dims] of [
      [found[0]!, a],
      [found[1]!, b],
    ] as const) {
      expect(gradient.dims).toEqual(dims);
      // Every element of an operand stands for as many elements of the product.
      const times = value!.data.length / Math.max(1, gradient.data.length);
      expect([...gradient.data]).toEqual([...gradient.data].map(() => times));
    }
  });

  it("refuses many seeds, and says why", () => {
    const model = graph([null, null]);
    const [y] = model.outputs.map((output) => output.name);
    const backward = buildBackward(model, { taps: ["a"], outputs: [y!], manySeeds: true });
    expect(backward.manySeeds).toBe(false);
    expect(backward.refusals).toEqual([expect.stringMatching(/Mul .*"a" is of unknown rank/)]);
  });
});

describe("many seeds", () => {
  it("refuses values whose axis 0 is no batch of one", () => {
    const batch = graphOf([2, 3], (b) => b.op("Sin", ["x"]));
    const outputs = batch.outputs.map((output) => output.name);
    const backward = buildBackward(batch, { taps: ["x"], outputs, manySeeds: true });
    expect(backward.manySeeds).toBe(false);
    expect(backward.refusals[0]).toContain("size 2");
    const scalar = graphOf([], (b) => b.op("Sin", ["x"]));
    const names = scalar.outputs.map((output) => output.name);
    expect(buildBackward(scalar, { taps: ["x"], outputs: names, manySeeds: true }).refusals[0]).toContain("scalar");
  });

  it.each(["batch", null, 1])(
    "refuses an axis 0 that is the batch (%s) times another axis, as computed from a shape",
    (batch) => {
      const b = new GraphBuilder("m");
      b.input("x", [batch, 4, 3]);
      const shape = b.op("Shape", ["x"]);
      const [n, c] = [0, 1].map((axis) => b.op("Gather", [shape, b.ints([axis])])) as [string, string];
      const rows = b.op("Reshape", ["x", b.op("Concat", [b.op("Mul", [n, c]), b.ints([3])], { axis: 0 })]);
      const y = b.op("Reshape", [b.op("Sin", [rows]), b.op("Concat", [n, b.ints([-1])], { axis: 0 })]);
      b.output(y);
      const backward = buildBackward(b.graph("g"), { taps: ["x"], outputs: [y], manySeeds: true });
      expect(backward.manySeeds).toBe(false);
      expect(backward.refusals[0]).toContain("size 4");
    },
  );

  it("keeps the seed axis of an operand whose batch is written as 1, beside one whose batch is not", async () => {
    const b = new GraphBuilder("m");
    b.input("x", [null, 2, 3]);
    b.input("w", [1, 2, 1]);
    b.node("Mul", ["x", "w"], ["y"]);
    b.output("y");
    const graph = b.graph("g");
    const backward = buildBackward(graph, { taps: ["w"], outputs: ["y"], manySeeds: true });
    expect(backward.manySeeds).toBe(true);
    const feeds = {
      x: { dims: [1, 2, 3], data: Float32Array.of(1, 2, 3, 4, 5, 6) },
      w: { dims: [1, 2, 1], data: Float32Array.of(1, 1) },
      [backward.seeds.get("y")!]: { dims: [2, 2, 3], data: Float32Array.of(1, 1, 1, 1, 1, 1, 2, 2, 2, 0, 0, 1) },
    };
    const [gradient] = await runGraph(joinBackward(graph, backward), feeds, [backward.gradients.get("w")!]);
    expect(gradient).toEqual({ dims: [2, 2, 1], data: Float32Array.of(6, 15, 12, 6) });
  });

  it("is false when not asked for", () => {
    const graph = graphOf([1, 3], (b) => b.op("Sin", ["x"]));
    const outputs = graph.outputs.map((output) => output.name);
    const { manySeeds, refusals } = buildBackward(graph, { taps: ["x"], outputs, manySeeds: false });
    expect({ manySeeds, refusals }).toEqual({ manySeeds: false, refusals: [] });
  });
});

describe("what the engine refuses", () => {
  const graph = graphOf([3], (b) => {
    const a = named(b, "a", "Det", [named(b, "b", "Asinh", ["x"])]);
    const c = named(b, "c", "Asinh", [a]);
    b.nodes.push({
      opType: "Neg",
      domain: "com.example",
      name: "",
      inputs: [c],
      outputs: ["d"],
      attributes: new Map(),
    });
    named(b, "unrelated", "Acosh", ["x"]);
    return named(b, "y", "ReduceSum", ["d"], { noop_with_empty_axes: 1 });
  });

  it("names every op without a rule at once, and what to do", () => {
    const error = errorOf(() => buildBackward(graph, { taps: ["x"], outputs: ["y"], manySeeds: false }));
    expect(error.code).toBe("no-gradient");
    expect(error.message).toContain('Asinh × 2 (for example "node b"): no gradient rule');
    expect(error.message).toContain('Det × 1 (for example "node a")');
    expect(error.message).toContain('com.example.Neg × 1 (for example "d")');
    expect(error.message).toContain("ReduceSum × 1");
    expect(error.message).not.toContain("Acosh");
    expect(error.message).toMatch(/a layer nearer to the output, or a method that needs no gradients/);
    expect(error.details).toMatchObject({
      blocked: expect.arrayContaining([expect.objectContaining({ op: "Det", nodes: ["node a"] })]),
    });
  });

  it("lets a tap behind them pass", () => {
    const late = graphOf([3], (b) => b.op("Neg", [named(b, "a", "Asinh", ["x"])]));
    const outputs = late.outputs.map((output) => output.name);
    expect(buildBackward(late, { taps: ["a"], outputs, manySeeds: false }).gradients.get("a")).not.toBeNull();
  });

  it("blocks control flow that captures a value with gradient", () => {
    const inner = graphOf([3], (b) => b.op("Neg", ["a"]));
    const outer = graphOf([3], (b) => {
      named(b, "a", "Exp", ["x"]);
      b.nodes.push({
        opType: "If",
        domain: "",
        name: "if",
        inputs: ["condition"],
        outputs: ["y"],
        attributes: new Map([["then_branch", { type: "graph", value: inner }]]),
      });
      return "y";
    });
    const error = errorOf(() => buildBackward(outer, { taps: ["x"], outputs: ["y"], manySeeds: false }));
    expect(error.message).toContain('If × 1 (for example "if")');
  });

  it.each([
    [["nowhere"], ["y"]],
    [["x"], ["nowhere"]],
    [[""], ["y"]],
  ])("taps %j, outputs %j that are not in the graph", (taps, outputs) => {
    const error = errorOf(() => buildBackward(graph, { taps, outputs, manySeeds: false }));
    expect(error.code).toBe("usage");
  });

  const broken = (vjp: GradRule["vjp"]) => {
    const request = { taps: ["x"], outputs: ["y"], manySeeds: false, rules: [{ op: "Sin", vjp }] };
    return errorOf(() =>
      buildBackward(
        graphOf([3], (b) => named(b, "y", "Sin", ["x"])),
        request,
      ),
    );
  };

  it.each<[string, GradRule["vjp"], RegExp]>([
    ["too many gradients", (cx) => [cx.cotangent(0), null], /returned 2 gradients for the 1 inputs/],
    ["an empty name", () => [""], /returned an empty name/],
    ["an output that is not there", (cx) => [cx.output(1)], /reads output 1/],
  ])("a rule that gives %s", (_, vjp, message) => {
    const error = broken(vjp);
    expect(error.code).toBe("internal");
    expect(error.message).toMatch(message);
  });

  it("two rules for one op", () => {
    const twice = [...defaultRules, defaultRules[0]!];
    const error = errorOf(() => buildBackward(graph, { taps: ["x"], outputs: ["y"], manySeeds: false, rules: twice }));
    expect(error.code).toBe("internal");
    expect(error.message).toContain(defaultRules[0]!.op);
  });
});
