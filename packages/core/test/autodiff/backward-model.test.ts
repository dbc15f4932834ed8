import { beforeAll, describe, expect, it } from "vitest";
import { buildBackward } from "../../src/autodiff/backward.js";
import type { BackwardModel } from "../../src/autodiff/backward-model.js";
import type { GradRule } from "../../src/autodiff/rule.js";
import { defaultRules } from "../../src/autodiff/rules/index.js";
import { WhyboxError } from "../../src/errors.js";
import { GraphBuilder } from "../../src/onnx/builder.js";
import { buildPrefix, buildTail } from "../../src/onnx/cut.js";
import { GraphIndex } from "../../src/onnx/graph.js";
import { DataType, type Model } from "../../src/onnx/model.js";
import { validateModel } from "../../src/onnx/validate.js";
import type { Tensor } from "../../src/tensor/tensor.js";
import { modelOf } from "../onnx/support.js";
import { backwardModelOf, runBackwardModel } from "../support/backward-run.js";
import { expectClose, joinBackward } from "../support/check-vjp.js";
import { miniYolo } from "../support/mini-yolo.js";
import { openGraph, runGraph, type TestSession } from "../support/ort.js";
import { randomSource } from "../support/random.js";
import { dot, randomTensor, vector } from "../support/tensors.js";

const { model, head, layers, rows } = miniYolo();
const outputs = [head.output];
const random = randomSource(21);
const images = randomTensor([1, 3, 64, 96], random, 0, 1);
/** Rows of P3, P4 and P5: three anchors a cell. */
const COUNTS = [3 * 8 * 12, 3 * 4 * 6, 3 * 2 * 3];
const COLUMNS = 9;
const seed = randomTensor([1, COUNTS.reduce((a, b) => a + b), COLUMNS], random);
/** The image, and layers around strides, shortcuts, pooling, upsampling and joins, down to the head's inputs. */
const TAPS = ["images", ...[0, 2, 6, 8, 9, 10, 13, 17, 20, 23].map((index) => layers[index]!)];

const inputsOf = ({ model: { graph } }: BackwardModel) => graph.inputs.map((input) => input.name);

/** The gradients at all TAPS of the backward pass as rules emit it, in one graph with the forward pass. */
async function joined(): Promise<Map<string, Tensor>> {
  const backward = buildBackward(model.graph, { taps: TAPS, outputs, manySeeds: false });
  const names = TAPS.map((tap) => backward.gradients.get(tap)!);
  const feeds = { images, [backward.seeds.get(head.output)!]: seed };
  const found = await runGraph(joinBackward(model.graph, backward), feeds, names);
  return new Map(TAPS.map((tap, i) => [tap, found[i]!]));
}

describe("the backward model of a small YOLO", () => {
  let expected: Map<string, Tensor>;
  beforeAll(async () => {
    expected = await joined();
  });

  for (const forwardValues of ["saved", "recomputed"] as const) {
    it.each(TAPS)(
      `gives the gradient of one graph without a cut at %s, forward values ${forwardValues}`,
      async (tap) => {
        const backward = backwardModelOf(model, { taps: [tap], outputs, forwardValues });
        const gradients = await runBackwardModel(model, backward, { images }, { [head.output]: seed });
        const found = gradients.get(tap)!;
        expect(found.dims).toEqual(expected.get(tap)!.dims);
        expectClose(found.data, expected.get(tap)!.data, tap);
      },
    );
  }

  // Behind the pools, where nothing has kinks and a step is small for the activations.
  it.each([9, 10, 13, 17, 20])(
    "gives the derivative that differences through ONNX Runtime give, at layer %i",
    async (layer) => {
      const tap = layers[layer]!;
      const tail = await openTail(tap);
      const gradient = (
        await runBackwardModel(
          model,
          backwardModelOf(model, { taps: [tap], outputs }),
          { images },
          { [head.output]: seed },
        )
      ).get(tap)!;
      for (let i = 0; i < 3; i++) {
        const direction = randomTensor(gradient.dims, random).data;
        const h = 1e-2;
        const differences = ((await tail.along(direction, h)) - (await tail.along(direction, -h))) / (2 * h);
        const scale = Math.hypot(...gradient.data.map((g, j) => g * direction[j]!));
        expect(Math.abs(dot(gradient.data, direction) - differences) / scale).toBeLessThan(1e-2);
      }
      await tail.session.release();
    },
  );

  it("gives several taps in one pass, each what it gives alone", async () => {
    const backward = backwardModelOf(model, { taps: TAPS, outputs });
    const gradients = await runBackwardModel(model, backward, { images }, { [head.output]: seed });
    expect([...gradients.keys()]).toEqual(TAPS);
    for (const tap of TAPS) expectClose(gradients.get(tap)!.data, expected.get(tap)!.data, tap);
  });

  it("takes seeds per level, which together give what the whole output gives", async () => {
    const tap = layers[10]!;
    const backward = backwardModelOf(model, { taps: [tap], outputs: rows });
    expect([...backward.seeds.keys()]).toEqual(rows);
    let start = 0;
    const parts = COUNTS.map((count) => {
      const from = COLUMNS * start;
      start += count;
      return { dims: [1, count, COLUMNS], data: seed.data.slice(from, COLUMNS * start) };
    });
    const seeds = Object.fromEntries(rows.map((name, i) => [name, parts[i]!]));
    const gradients = await runBackwardModel(model, backward, { images }, seeds);
    expectClose(gradients.get(tap)!.data, expected.get(tap)!.data, tap);
  });

  it("reads the values of the levels that carry the score, and no more", () => {
    const convs = head.levels.flatMap((level) => level.convOutputs);
    const saved = (levels: number[]) =>
      backwardModelOf(model, { taps: [layers[17]!], outputs: levels.map((level) => rows[level]!) }).saved;
    const index = new GraphIndex(model.graph);
    const read = (levels: number[]) => {
      const names = new Set(saved(levels));
      return convs.filter((conv) => [...index.descendants([conv])].some((name) => names.has(name)));
    };
    expect(read([0])).toEqual([convs[0]]);
    expect(read([0, 1, 2])).toEqual(convs);
    for (const name of saved([0])) expect(saved([0, 1, 2])).toContain(name);
  });

  it("is null at a layer that no path leads from, and still serves the others", async () => {
    const taps = [layers[23]!, layers[17]!];
    const backward = backwardModelOf(model, { taps, outputs: [rows[0]!] });
    expect(backward.gradients.get(layers[23]!)).toBeNull();
    expect(backward.model.graph.outputs.map((output) => output.name)).toEqual([backward.gradients.get(layers[17]!)]);
    const part = { dims: [1, COUNTS[0]!, COLUMNS], data: seed.data.slice(0, COUNTS[0]! * COLUMNS) };
    const gradients = await runBackwardModel(model, backward, { images }, { [rows[0]!]: part });
    expect(gradients.get(layers[23]!)).toBeNull();
    expect(gradients.get(layers[17]!)!.data.some((value) => value !== 0)).toBe(true);
  });

  it("saves outputs of expensive ops and shapes, and runs the cheap ops again", () => {
    const backward = backwardModelOf(model, { taps: [layers[9]!], outputs });
    const made = new Map(model.graph.nodes.flatMap((node) => node.outputs.map((output) => [output, node.opType])));
    const shapes = backward.forwardNodes.flatMap((node) => node.outputs);
    const values = backward.saved.filter((name) => !shapes.includes(name));
    expect(new Set(values.map((name) => made.get(name)))).toEqual(new Set(["Conv", "Transpose"]));
    expect(new Set(backward.forwardNodes.map((node) => node.opType))).toEqual(new Set(["Shape"]));
    expect(new Set(inputsOf(backward))).toEqual(new Set([...backward.seeds.values(), ...backward.saved]));
    expect(inputsOf(backward).length).toBe(1 + backward.saved.length);
    const rerun = backward.model.graph.nodes
      .filter((node) => model.graph.nodes.includes(node))
      .map((node) => node.opType);
    expect(rerun).toContain("Sigmoid");
    expect(rerun).not.toContain("Conv");
    const types = new Map(backward.model.graph.inputs.map((input) => [input.name, input.elemType]));
    expect(shapes.map((name) => types.get(name))).toEqual(shapes.map(() => DataType.INT64));
    expect(values.map((name) => types.get(name))).toEqual(values.map(() => DataType.FLOAT));
  });

  it("takes nothing from behind the tap when forward values are recomputed", () => {
    const tap = layers[9]!;
    const backward = backwardModelOf(model, { taps: [tap], outputs, forwardValues: "recomputed" });
    const shapes = backward.forwardNodes.flatMap((node) => node.outputs);
    const allowed = new Set([tap, ...buildTail(model, [tap], outputs).crossing]);
    expect(backward.saved.filter((name) => !shapes.includes(name) && !allowed.has(name))).toEqual([]);
    const rerun = backward.model.graph.nodes
      .filter((node) => model.graph.nodes.includes(node))
      .map((node) => node.opType);
    expect(rerun).toContain("Conv");
  });

  it.each(["saved", "recomputed"] as const)("is a sound model, forward values %s", (forwardValues) => {
    const backward = backwardModelOf(model, { taps: TAPS, outputs, forwardValues }).model;
    expect(validateModel(backward).graph.nodes).toEqual(backward.graph.nodes);
  });

  it("carries only the constants that it reads", () => {
    const { graph } = backwardModelOf(model, { taps: [layers[23]!], outputs: [rows[2]!] }).model;
    const reads = new Set(graph.nodes.flatMap((node) => node.inputs));
    const constants = [...graph.initializers.keys()];
    expect(constants.filter((name) => !reads.has(name))).toEqual([]);
    // The weights of the one convolution come flipped, under a name of their own.
    expect(constants.filter((name) => name.startsWith("model."))).toEqual(["model.24.anchor_scale.2"]);
  });

  it("pulls three seeds back at once as one by one", async () => {
    const tap = layers[20]!;
    const many = backwardModelOf(model, { taps: [tap], outputs, manySeeds: true });
    expect(many.manySeeds).toBe(true);
    const seeds = randomTensor([3, ...seed.dims.slice(1)], random);
    const together = (await runBackwardModel(model, many, { images }, { [head.output]: seeds })).get(tap)!;
    const one = backwardModelOf(model, { taps: [tap], outputs });
    for (let n = 0; n < 3; n++) {
      const data = seeds.data.slice(n * seed.data.length, (n + 1) * seed.data.length);
      const alone = (await runBackwardModel(model, one, { images }, { [head.output]: { dims: seed.dims, data } })).get(
        tap,
      )!;
      expectClose(together.data.slice(n * alone.data.length, (n + 1) * alone.data.length), alone.data, `seed ${n}`);
    }
  });
});

/** The score ⟨seed, predictions⟩ as a function of the value at a tap. */
async function openTail(
  tap: string,
): Promise<{ session: TestSession; along(direction: Float32Array, h: number): Promise<number> }> {
  const { model: tail, crossing } = buildTail(model, [tap], outputs);
  const [value, ...crossed] = await runGraph(buildPrefix(model, [tap, ...crossing]).graph, { images });
  const others = Object.fromEntries(crossing.map((name, i) => [name, crossed[i]!]));
  const session = await openGraph(tail.graph);
  const along = async (direction: Float32Array, h: number): Promise<number> => {
    const moved = { dims: value!.dims, data: value!.data.map((x, i) => x + h * direction[i]!) };
    const [y] = await session.run({ [tap]: moved, ...others }, outputs);
    return dot(y!.data, seed.data);
  };
  return { session, along };
}

describe("buildBackwardModel", () => {
  function small(make: (b: GraphBuilder) => void): Model {
    const b = new GraphBuilder("m");
    b.input("x", ["n"]);
    make(b);
    b.output("y");
    return modelOf(b);
  }

  const square = small((b) => b.node("Mul", ["x", "x"], ["y"]));

  it("saves an input that the rules read", async () => {
    const backward = backwardModelOf(square, { taps: ["x"], outputs: ["y"] });
    expect(backward.saved).toEqual(["x"]);
    const gradients = await runBackwardModel(square, backward, { x: vector(1, -2, 3) }, { y: vector(1, 10, 100) });
    expect(gradients).toEqual(new Map([["x", vector(2, -40, 600)]]));
  });

  it("saves integers as integers", async () => {
    const largest = small((b) => b.node("Gather", ["x", b.op("ArgMax", ["x"], { axis: 0 })], ["y"], { axis: 0 }));
    const backward = backwardModelOf(largest, { taps: ["x"], outputs: ["y"] });
    const gradients = await runBackwardModel(largest, backward, { x: vector(1, 5, 2) }, { y: vector(7) });
    expect(gradients).toEqual(new Map([["x", vector(0, 7, 0)]]));
  });

  it("needs nothing of the forward pass where the derivative is constant", () => {
    const negative = small((b) => b.node("Neg", ["x"], ["y"]));
    const backward = backwardModelOf(negative, { taps: ["x"], outputs: ["y"] });
    expect([backward.saved, backward.forwardNodes]).toEqual([[], []]);
    expect(inputsOf(backward)).toEqual([...backward.seeds.values()]);
  });

  it("lists a shape once that several nodes of the backward pass ask for", async () => {
    const asinh: GradRule = {
      op: "Asinh",
      vjp(cx) {
        const x = cx.input(0);
        const size = cx.op("Cast", [cx.op("Shape", [x])], { to: DataType.FLOAT });
        const first = cx.op("Cast", [cx.op("Shape", [x], { end: 1 })], { to: DataType.FLOAT });
        return [cx.op("Mul", [cx.cotangent(0)!, cx.op("Add", [size, first])])];
      },
    };
    const twice = small((b) => b.node("Add", [b.op("Asinh", ["x"]), b.op("Asinh", ["x"])], ["y"]));
    const backward = backwardModelOf(twice, { taps: ["x"], outputs: ["y"], rules: [...defaultRules, asinh] });
    expect(backward.saved).toEqual(expect.arrayContaining(["whybox/shape:/x", "whybox/shape:1/x"]));
    expect(new Set(backward.saved).size).toBe(backward.saved.length);
    expect(backward.forwardNodes.flatMap((node) => node.outputs)).toEqual(backward.saved);
    expect(inputsOf(backward)).toEqual([...backward.seeds.values(), ...backward.saved]);
    const gradients = await runBackwardModel(twice, backward, { x: vector(1, 2, 3) }, { y: vector(1, 10, 100) });
    expect(gradients).toEqual(new Map([["x", vector(12, 120, 1200)]]));
  });

  it.each(["whybox/factor/0", "whybox/shape:/z"])(
    "leaves a name alone that the model uses itself: %s",
    async (name) => {
      const gradient = (slope: string) => {
        const named = small((b) => {
          b.node("Sigmoid", ["x"], [slope]);
          b.node("Mul", ["x", slope], ["silu"]);
          b.node("Mul", ["silu", "silu"], ["z"]);
          b.node("ReduceSum", ["z"], ["y"]);
        });
        const backward = backwardModelOf(named, { taps: ["x"], outputs: ["y"] });
        return runBackwardModel(named, backward, { x: vector(1, -2, 3) }, { y: vector(1) });
      };
      expect(await gradient(name)).toEqual(await gradient("slope"));
    },
  );

  it.each([false, true])("has no seed for a value that no tap leads to, many seeds %s", async (manySeeds) => {
    const b = new GraphBuilder("m");
    b.input("x", [1, 3]);
    b.input("other", [1, 3]);
    b.node("Neg", ["other"], ["alone"]);
    b.node("MaxPool", [b.op("Unsqueeze", ["x", b.ints([1])])], ["y"], { kernel_shape: [3] });
    for (const output of ["alone", "y"]) b.output(output);
    const backward = backwardModelOf(modelOf(b), { taps: ["x"], outputs: ["alone", "y"], manySeeds });
    expect([...backward.seeds.keys()]).toEqual(["y"]);
    expect(inputsOf(backward)).toEqual([...backward.seeds.values(), ...backward.saved]);
    expect(backward.manySeeds).toBe(manySeeds);
    const seeds = { dims: [manySeeds ? 2 : 1, 1, 1], data: Float32Array.of(5, 7).slice(0, manySeeds ? 2 : 1) };
    const feeds = {
      x: { dims: [1, 3], data: Float32Array.of(1, 3, 2) },
      other: { dims: [1, 3], data: new Float32Array(3) },
    };
    const gradients = await runBackwardModel(modelOf(b), backward, feeds, { y: seeds });
    expect([...gradients.get("x")!.data]).toEqual([0, 5, 0, 0, 7, 0].slice(0, manySeeds ? 6 : 3));
  });

  it("gives the seed back where the tap is what is scored", async () => {
    const { model: backward, saved, seeds, gradients } = backwardModelOf(square, { taps: ["y"], outputs: ["y"] });
    expect(saved).toEqual([]);
    const found = await runGraph(backward.graph, { [seeds.get("y")!]: vector(4, 5) }, [gradients.get("y")!]);
    expect(found).toEqual([vector(4, 5)]);
  });

  it("does on cotangents only what depends on them, and nothing that no gradient reads", () => {
    const silu = small((b) => b.node("Mul", ["x", b.op("Sigmoid", ["x"])], ["y"]));
    const backward = backwardModelOf(silu, { taps: ["x"], outputs: ["y"] });
    const { nodes, outputs: ends } = backward.model.graph;
    const linear = new GraphIndex(backward.model.graph).descendants(backward.seeds.values());
    expect(nodes.filter((node) => linear.has(node.outputs[0]!)).map((node) => node.opType)).toEqual(["Mul"]);
    const reads = new Set([...nodes.flatMap((node) => node.inputs), ...ends.map((output) => output.name)]);
    expect(nodes.filter((node) => !reads.has(node.outputs[0]!))).toEqual([]);
  });

  it("falls back to one seed a run where an op cannot carry several", async () => {
    const b = new GraphBuilder("m");
    b.input("x", [2, 3]);
    b.node("Neg", [b.op("Reshape", ["x", b.ints([6])])], ["y"]);
    b.output("y");
    const flat = modelOf(b);
    const backward = backwardModelOf(flat, { taps: ["x"], outputs: ["y"], manySeeds: true });
    expect(backward.manySeeds).toBe(false);
    const found = await runGraph(backward.model.graph, { [backward.seeds.get("y")!]: vector(1, 2, 3, 4, 5, 6) });
    expect(found).toEqual([{ dims: [2, 3], data: Float32Array.of(-1, -2, -3, -4, -5, -6) }]);
  });

  it("names every op without a rule in one error", () => {
    const odd = small((b) => b.node("Asinh", [b.op("Det", [b.op("Exp", ["x"])])], ["y"]));
    const build = () => backwardModelOf(odd, { taps: ["x"], outputs: ["y"] });
    expect(build).toThrow(WhyboxError);
    expect(build).toThrow(
      expect.objectContaining({ code: "no-gradient", message: expect.stringMatching(/Asinh.*Det|Det.*Asinh/s) }),
    );
    expect(() => backwardModelOf(odd, { taps: ["y"], outputs: ["y"] })).not.toThrow();
  });
});
