import { describe, expect, it } from "vitest";
import { defaultRules } from "../../src/autodiff/rules/index.js";
import type { Layer } from "../../src/detector/layer.js";
import { listLayers } from "../../src/detector/layers.js";
import { WhyboxError } from "../../src/errors.js";
import { createReach, dependentLevels } from "../../src/explain/model/reach.js";
import type { PlanContext } from "../../src/explain/plan/backward-plan.js";
import { joinPlans, type PlanRequest, planTaps } from "../../src/explain/plan/tap-plan.js";
import { GraphBuilder } from "../../src/onnx/builder.js";
import { encodeModel } from "../../src/onnx/encode.js";
import { DataType, type Graph, type Model } from "../../src/onnx/model.js";
import { readOnnx } from "../../src/readers/onnx/read-onnx.js";
import { yoloGraph } from "../detector/yolo-graph.js";
import { modelOf } from "../onnx/support.js";
import { anchorHead } from "../support/anchor-head.js";
import { asinh } from "../support/asinh-rule.js";
import { halfTensor, toHalf } from "../support/half.js";
import { miniYolo } from "../support/mini-yolo.js";
import { runGraph } from "../support/ort.js";
import { errorOf } from "./error-of.js";

const images = { dims: [1, 3, 64, 96], data: new Float32Array(3 * 64 * 96).fill(0.5) };

function contextOf(model: Model): PlanContext {
  const head = anchorHead(model.graph);
  return { model, head, rules: defaultRules, forwardValues: undefined, reach: createReach(model.graph, head) };
}

function layersOf({ model, head }: PlanContext, ...indices: number[]) {
  const layers = listLayers(model.graph, head);
  return indices.map((index) => layers[index]!);
}

function asked(layers: readonly Layer[], gradients: boolean): PlanRequest {
  return { layers, activations: true, gradients, manySeeds: false, tails: false };
}

/** A zero-weight YOLOv5 as an export with --half writes it, read as any file is. */
const half = () => contextOf(readOnnx(encodeModel(modelOf(toHalf(yoloGraph({ size: [64, 96] }))))));

/** The model with another op in place of the activation that makes `value`. */
function withOp(model: Model, value: string, opType: string): Model {
  const nodes = model.graph.nodes.map((node) =>
    node.outputs[0] === value ? { ...node, opType, inputs: node.inputs.slice(0, 1) } : node,
  );
  return { ...model, graph: { ...model.graph, nodes } };
}

describe("planTaps, refusing", () => {
  it("refuses gradients of a model that is bfloat16 inside, and says how to export it", () => {
    const context = half();
    const layers = layersOf(context, 17);
    const info = { name: layers[0]!.value, elemType: DataType.BFLOAT16, shape: undefined };
    const model = { ...context.model, graph: { ...context.model.graph, valueInfo: [info] } };
    expect(errorOf(() => planTaps({ ...context, model }, asked(layers, true)))).toMatchObject({
      code: "unsupported-model",
      message: expect.stringMatching(
        /computes in bfloat16 \(".*"\)\. Gradients need float32, float16 or double.*Export the model/,
      ),
      details: { value: layers[0]!.value, type: "bfloat16" },
    });
    expect(() => planTaps({ ...context, model }, asked(layers, false))).not.toThrow();
  });

  it("gives activations of a model that is float16 inside, as float32", async () => {
    const context = half();
    const [layer] = layersOf(context, 17);
    const plan = planTaps(context, asked([layer!], false));
    const output = plan.activations.get(layer!.value)!;
    expect(output).not.toBe(layer!.value);
    const [map, rows] = await runGraph(joinPlans(context, [plan]).buildForward().graph, { images }, [
      output,
      context.head.output,
    ]);
    expect(map!.data).toBeInstanceOf(Float32Array);
    expect(map!.dims).toEqual([1, 2, 8, 12]);
    expect(rows!.dims).toEqual([1, 378, 8]);
  });

  it("differentiates in float32 where only a prediction convolution is float16", () => {
    const { model } = miniYolo();
    const context = contextOf(halfConv(model));
    const layers = layersOf(context, 17);
    const { inputs, initializers } = planTaps(context, asked(layers, true)).backward({ layers, levels: [2] })!.model
      .model.graph;
    const types = [...inputs.map(({ elemType }) => elemType), ...[...initializers.values()].map((w) => w.dataType)];
    expect(types).toContain(DataType.FLOAT);
    expect(types).not.toContain(DataType.FLOAT16);
  });

  it("names every op without a rule between a layer and the predictions, in one error", () => {
    const mini = miniYolo();
    const layers = [mini.layers[18]!, mini.layers[21]!];
    const context = contextOf(withOp(withOp(mini.model, layers[0]!, "Asinh"), layers[1]!, "Acosh"));
    expect(errorOf(() => planTaps(context, asked(layersOf(context, 9), true)))).toMatchObject({
      code: "no-gradient",
      message: expect.stringMatching(/(Asinh.*Acosh|Acosh.*Asinh).*Choose a layer nearer/s),
    });
    // From behind the ops the same model can be explained, and without gradients from everywhere.
    expect(() => planTaps(context, asked(layersOf(context, 23), true))).not.toThrow();
    expect(() => planTaps(context, asked(layersOf(context, 9), false))).not.toThrow();
  });

  it("differentiates an op whose rule is given", () => {
    const mini = miniYolo();
    const context = contextOf(withOp(mini.model, mini.layers[18]!, "Asinh"));
    const more = { ...context, rules: [...defaultRules, asinh] };
    expect(() => planTaps(context, asked(layersOf(context, 9), true))).toThrow(WhyboxError);
    expect(
      planTaps(more, asked(layersOf(more, 9), true)).backward({ layers: layersOf(more, 9), levels: [0, 1, 2] }),
    ).not.toBeNull();
  });
});

describe("planTaps", () => {
  const context = contextOf(miniYolo().model);
  const { head } = context;

  it("asks the forward session for predictions, activations and what the backward pass needs", async () => {
    const layers = layersOf(context, 17, 20);
    const plan = planTaps(context, asked(layers, true));
    expect([...plan.activations]).toEqual(layers.map(({ value }) => [value, value]));
    const backward = plan.backward({ layers, levels: [0, 1, 2] })!;
    const wanted = [head.output, ...plan.activations.values(), ...backward.model.saved];
    expect([...plan.outputs].sort()).toEqual([...new Set(wanted)].sort());
    expect(
      joinPlans(context, [plan])
        .buildForward()
        .graph.outputs.map((output) => output.name),
    ).toEqual(plan.outputs);
    const [map] = await runGraph(joinPlans(context, [plan]).buildForward().graph, { images }, [layers[0]!.value]);
    expect(map!.dims.slice(2)).toEqual([8, 12]);
  });

  it("saves nothing without gradients", () => {
    const [layer] = layersOf(context, 17);
    expect(planTaps(context, asked([layer!], false)).outputs).toEqual([head.output, layer!.value]);
    expect(planTaps(context, asked([], false)).outputs).toEqual([head.output]);
  });

  it("names plans apart by layers and by whether there are gradients", () => {
    const keys = [
      planTaps(context, asked(layersOf(context, 17), true)),
      planTaps(context, asked(layersOf(context, 17), false)),
      planTaps(context, asked(layersOf(context, 17, 20), true)),
      planTaps(context, asked([], false)),
    ].map((plan) => plan.key);
    expect(new Set(keys).size).toBe(4);
  });

  it("makes each backward pass once, and never needs more for fewer levels than the forward session gives", () => {
    const layers = layersOf(context, 17);
    const plan = planTaps(context, asked(layers, true));
    const whole = plan.backward({ layers, levels: [0, 1, 2] })!;
    expect(plan.backward({ layers, levels: [0, 1, 2] })).toBe(whole);
    for (const levels of [[0], [1], [0, 2]]) {
      const part = plan.backward({ layers, levels })!;
      expect(part.key).not.toBe(whole.key);
      expect([...part.model.seeds.keys()]).toEqual(levels.map((level) => head.levels[level]!.rows));
      expect(part.model.saved.filter((name) => !plan.outputs.includes(name))).toEqual([]);
      expect(part.model.model.graph.nodes.length).toBeLessThan(whole.model.model.graph.nodes.length);
    }
  });

  it("has no backward pass where no path leads from the layer to the levels", () => {
    const layers = layersOf(context, 23);
    const plan = planTaps(context, asked(layers, true));
    expect(plan.backward({ layers, levels: [0, 1] })).toBeNull();
    expect(plan.backward({ layers, levels: [2] })).not.toBeNull();
  });

  it("puts one seed on the whole output where the levels' rows cannot be had alone", () => {
    const whole = contextOf(scaled(context.model.graph));
    expect(whole.head.levels.map((level) => level.rows)).toEqual([undefined, undefined, undefined]);
    const layers = layersOf(whole, 17);
    const { seeds } = planTaps(whole, asked(layers, true)).backward({ layers, levels: [0] })!.model;
    expect([...seeds.keys()]).toEqual([whole.head.output]);
  });

  it.each([
    [9, [0, 1, 2]],
    [17, [0, 1, 2]],
    [20, [1, 2]],
    [23, [2]],
  ])("knows which levels layer %i feeds", (layer, levels) => {
    expect([...dependentLevels(context, layersOf(context, layer)[0]!)]).toEqual(levels);
  });
});

/** The prediction convolution of P5 in float16, Casts around it. */
function halfConv(model: Model): Model {
  const { graph } = model;
  const conv = graph.nodes.find((node) => node.name === "/model.24/m.2/Conv")!;
  const [feature, ...weights] = conv.inputs;
  const [output] = conv.outputs;
  const b = new GraphBuilder("half");
  b.node("Cast", [feature!], ["half/in"], { to: DataType.FLOAT16 });
  b.nodes.push({ ...conv, inputs: ["half/in", ...weights] });
  b.node("Cast", [output!], ["half/out"], { to: DataType.FLOAT });
  const readers = graph.nodes.map((node) =>
    node === conv ? node : { ...node, inputs: node.inputs.map((input) => (input === output ? "half/out" : input)) },
  );
  const at = graph.nodes.indexOf(conv);
  const initializers = new Map(graph.initializers);
  for (const name of weights) initializers.set(name, halfTensor(initializers.get(name)!));
  return {
    ...model,
    graph: { ...graph, initializers, nodes: [...readers.slice(0, at), ...b.nodes, ...readers.slice(at + 1)] },
  };
}

/** The model with something done to all rows after they are joined. */
function scaled(graph: Graph): Model {
  const b = new GraphBuilder("scaled");
  b.node("Mul", ["joined", b.float(1)], ["output0"]);
  const nodes = graph.nodes.map((node) => (node.outputs[0] === "output0" ? { ...node, outputs: ["joined"] } : node));
  return modelOf({
    ...graph,
    nodes: [...nodes, ...b.nodes],
    initializers: new Map([...graph.initializers, ...b.initializers]),
  });
}
