import { describe, expect, it } from "vitest";
import { buildBackward } from "../../src/autodiff/backward.js";
import { planDifferentiation } from "../../src/autodiff/reachability.js";
import { defaultRules, ruleTable } from "../../src/autodiff/rules/index.js";
import { GraphBuilder, type Value } from "../../src/onnx/builder.js";
import { DataType } from "../../src/onnx/model.js";
import { checkVjp, joinBackward, type VjpCase } from "../support/check-vjp.js";
import { runGraph } from "../support/ort.js";

type Build = (b: GraphBuilder, x: Value) => Value;

function picks(dims: readonly number[], build: Build, rest: Partial<VjpCase> = {}): Promise<void> {
  return checkVjp({ build: (b, { x }) => build(b, x!), inputs: { x: { dims, distinct: true } }, ...rest });
}

/** Int64 values that are computed in the graph. */
function computed(b: GraphBuilder, values: readonly number[], dims: readonly number[]): Value {
  return b.op("Cast", [b.floats(dims, values)], { to: DataType.INT64 });
}

const topK =
  (k: number, attributes: Readonly<Record<string, number>>): Build =>
  (b, x) =>
    b.ops("TopK", [x, b.ints([k])], 2, attributes)[0]!;

describe("the values of TopK agree with differences", () => {
  it.each<[string, readonly number[], Build, Partial<VjpCase>?]>([
    ["the last axis", [1, 3, 11], topK(4, {})],
    ["a middle axis, the smallest, batch 2", [2, 7, 3], topK(3, { axis: 1, largest: 0 })],
    ["from behind, not sorted", [1, 7, 3], topK(5, { axis: -2, sorted: 0 })],
    ["all of them", [1, 5], topK(5, { axis: 1 })],
    ["axis 0", [7, 3], topK(2, { axis: 0 })],
    ["axis 0 with seeds", [1, 3], topK(1, { axis: 0 }), { manySeeds: "refused" }],
  ])("%s: %j", (_, dims, build, rest) => picks(dims, build, rest));

  it("rows gathered by its indices, as a head without NMS picks them", () =>
    checkVjp({
      build: (b, { scores, boxes }) => {
        const best = b.op("ReduceMax", [scores!, b.ints([-1])], { keepdims: 0 });
        const [values, rows] = b.ops("TopK", [best, b.ints([3])], 2);
        const wide = b.op("Expand", [b.op("Unsqueeze", [rows!, b.ints([-1])]), b.ints([1, 1, 4])]);
        const picked = b.op("GatherElements", [boxes!, wide], { axis: 1 });
        return [b.op("Concat", [picked, b.op("Unsqueeze", [values!, b.ints([-1])])], { axis: 2 })];
      },
      inputs: { scores: { dims: [1, 7, 2], distinct: true }, boxes: { dims: [1, 7, 4] } },
    }));

  it("of equal values the first is taken", async () => {
    const b = new GraphBuilder("m");
    b.input("x", [5]);
    const [y] = b.ops("TopK", ["x", b.ints([2])], 2);
    b.output(y!);
    const graph = b.graph("ties");
    const backward = buildBackward(graph, { taps: ["x"], outputs: [y!], manySeeds: false });
    const feeds = {
      x: { dims: [5], data: Float32Array.of(1, 2, 2, 0, 2) },
      [backward.seeds.get(y!)!]: { dims: [2], data: Float32Array.of(3, 4) },
    };
    const [gradient] = await runGraph(joinBackward(graph, backward), feeds, [backward.gradients.get("x")!]);
    expect([...gradient!.data]).toEqual([0, 3, 4, 0, 0]);
  });
});

interface Scatter {
  readonly op: "ScatterND" | "ScatterElements";
  readonly data: readonly number[];
  readonly indices: readonly number[];
  readonly indexDims: readonly number[];
  readonly updates: readonly number[];
  readonly attributes?: Readonly<Record<string, string | number>>;
}

function scatters({ op, data, indices, indexDims, updates, attributes }: Scatter, rest: Partial<VjpCase> = {}) {
  return checkVjp({
    build: (b, { data, updates }) => b.op(op, [data!, computed(b, indices, indexDims), updates!], attributes),
    inputs: { data: { dims: data }, updates: { dims: updates } },
    ...rest,
  });
}

describe("ScatterND and ScatterElements agree with differences", () => {
  const rows: Scatter = { op: "ScatterND", data: [5, 3], indices: [4, -4], indexDims: [2, 1], updates: [2, 3] };
  const cells: Scatter = {
    op: "ScatterND",
    data: [2, 4, 3],
    indices: [0, 3, 1, 1],
    indexDims: [2, 2],
    updates: [2, 3],
  };
  const along: Scatter = {
    op: "ScatterElements",
    ...{ data: [1, 5, 2], indices: [4, 0, 1, -2], indexDims: [1, 2, 2], updates: [1, 2, 2] },
    attributes: { axis: 1 },
  };
  const front: Scatter = {
    op: "ScatterElements",
    ...{ data: [3, 2], indices: [2, 0], indexDims: [1, 2], updates: [1, 2], attributes: {} },
  };
  it.each([
    ["rows", rows],
    ["cells", cells],
    ["along an axis", along],
    ["along axis 0", front],
    ["along the last axis, batch 2", { ...along, data: [2, 5, 7], attributes: { axis: -1 } }],
  ])("%s", (_, spec) => scatters(spec));

  it.each([
    ["rows", { ...rows, indices: [4, 4] }],
    ["along an axis", { ...along, indices: [4, 0, 4, 0] }],
  ])("adding, two of them to one place: %s", (_, spec) =>
    scatters({ ...spec, attributes: { ...spec.attributes, reduction: "add" } }),
  );

  it.each(["data", "updates"])("only the %s", (wanted) => scatters(along, { wanted: [wanted] }));

  it("ScatterND with seeds", () =>
    scatters({ ...cells, data: [1, 4, 3], indices: [0, 3, 0, 1] }, { wanted: ["data"], manySeeds: "refused" }));
  it("ScatterElements along axis 0 with seeds", () =>
    scatters({ ...front, data: [1, 2], indices: [0, 0] }, { manySeeds: "refused" }));

  it("columns written in place, as YOLOv5 decodes its boxes", () =>
    checkVjp({
      build: (b, { x }) => {
        const places = [0, 1, 2, 3, 4].flatMap((row) => [0, 1].flatMap((column) => [0, row, column]));
        const scaled = b.op("Mul", [b.op("Slice", [x!, b.ints([0]), b.ints([2]), b.ints([2])]), b.float(2.5)]);
        return b.op("ScatterND", [x!, computed(b, places, [1, 5, 2, 3]), scaled]);
      },
      inputs: { x: { dims: [1, 5, 4] } },
      manySeeds: "refused",
    }));

  it.each([
    ["ScatterND", "max"],
    ["ScatterElements", "mul"],
  ])("%s with reduction %s is refused beforehand", (op, reduction) => {
    const b = new GraphBuilder("m");
    const y = b.op(op, [b.input("x", [3, 2]), b.ints([0]), b.input("u", [1, 2])], { reduction });
    b.output(y);
    const { blocked } = planDifferentiation(b.graph("g"), ["x"], [y], ruleTable(defaultRules));
    expect(blocked).toEqual([{ op, count: 1, nodes: [y], reason: expect.stringContaining(reduction) }]);
  });
});

describe("Trilu agrees with differences", () => {
  it.each([
    ["upper", {}, undefined],
    ["lower", { upper: 0 }, undefined],
    ["upper from the second diagonal", {}, 1],
    ["lower to below the first", { upper: 0 }, -1],
  ] as const)("%s", (_, attributes, k) =>
    checkVjp({
      build: (b, { x }) => b.op("Trilu", k === undefined ? [x!] : [x!, b.int(k)], attributes),
      inputs: { x: { dims: [1, 3, 5] } },
    }),
  );
});
