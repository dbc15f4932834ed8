import { describe, expect, it } from "vitest";
import type { Detection } from "../../src/detector/detection.js";
import { loadModel } from "../../src/explain/model/load-model.js";
import type { LoadedModel } from "../../src/explain/model/loaded-model.js";
import { planExplain } from "../../src/explain/plan/explain-plan.js";
import { resolveMethod } from "../../src/methods/index.js";
import { countingPort, tameModel } from "../support/mini-detector.js";

const mini = await loadModel(tameModel(), countingPort(), {});
/** The same graph, where neither names nor structure tell the layers. */
const bare: LoadedModel = { ...mini, layers: [] };
const on = (level: number, index = level) => ({ level, index }) as Detection;
const one = [on(0), on(1), on(2)];

const routes = (id: string, group: readonly Detection[] = one, loaded = mini, layers?: readonly number[]) => {
  const asked = layers?.map((index) => loaded.layers[index]!);
  const plan = planExplain(loaded, {
    method: resolveMethod(id),
    layers: asked,
    eigenSmooth: false,
    manySeeds: false,
    masks: false,
    fewRows: false,
  });
  return plan.route(group).map((part) => ({
    detections: part.detections.map((detection) => detection.index),
    layers: part.layers.map((layer) => layer.index ?? layer.name),
  }));
};

describe("auto", () => {
  it("level: the head input of the level that found the detection", () => {
    expect(routes("GradCAM")).toEqual([
      { detections: [0], layers: [17] },
      { detections: [1], layers: [20] },
      { detections: [2], layers: [23] },
    ]);
    expect(routes("GradCAM", [on(2, 0), on(0, 1), on(2, 2)])).toEqual([
      { detections: [1], layers: [17] },
      { detections: [0, 2], layers: [23] },
    ]);
  });

  it("stage: the backbone's last map of the level's stride", () => {
    expect(routes("ODAM").map(({ layers }) => layers)).toEqual([[4], [6], [9]]);
  });

  it("taps: several depths, the last block that of the own level; fewer for the fast choice", () => {
    expect(routes("tap-fusion").map(({ layers }) => layers)).toEqual([
      [4, 6, 9, 13, 16],
      [4, 6, 9, 13, 19],
      [4, 6, 9, 13, 22],
    ]);
    expect(routes("tap-fusion-fast").map(({ layers }) => layers)).toEqual([
      [6, 9, 13],
      [6, 9, 13],
      [6, 9, 13],
    ]);
  });

  it("falls back to the head input where the graph has no listed layers", () => {
    for (const id of ["GradCAM", "ODAM", "tap-fusion"]) {
      expect(routes(id, one, bare).map(({ layers }) => layers)).toEqual(bare.head.levels.map(({ inputs }) => inputs));
    }
  });

  it("of no detection is no route, and no backward pass", () => {
    expect(routes("GradCAM", [])).toEqual([]);
    expect(
      planExplain(mini, {
        method: resolveMethod("GradCAM"),
        layers: undefined,
        eigenSmooth: false,
        manySeeds: false,
        masks: false,
        fewRows: false,
      }).auto,
    ).toBe(true);
  });
});

describe("layers asked for", () => {
  it("are read by all detections together", () => {
    expect(routes("GradCAM", one, mini, [17, 20])).toEqual([{ detections: [0, 1, 2], layers: [17, 20] }]);
    expect(routes("tap-fusion", one, mini, [9])).toEqual([{ detections: [0, 1, 2], layers: [9] }]);
    expect(routes("GradCAM", [], mini, [17])).toEqual([]);
  });

  it("are tapped once when named twice", () => {
    const twice = [mini.layers[17]!, mini.layers[17]!];
    expect(
      planExplain(mini, {
        method: resolveMethod("GradCAM"),
        layers: twice,
        eigenSmooth: false,
        manySeeds: false,
        masks: false,
        fewRows: false,
      }).layers,
    ).toEqual([mini.layers[17]]);
  });
});

describe("what is asked of the graph", () => {
  const plan = (id: string) =>
    planExplain(mini, {
      method: resolveMethod(id),
      layers: undefined,
      eigenSmooth: false,
      manySeeds: false,
      masks: false,
      fewRows: false,
    });

  it("methods on pixels read the input, methods on the network nothing", () => {
    expect(plan("gradient").layers.map(({ value }) => value)).toEqual(["images"]);
    expect(routes("gradient")).toEqual([{ detections: [0, 1, 2], layers: ["images"] }]);
    for (const id of ["D-RISE", "DetClassProbabilityMap"]) {
      expect(plan(id).forward.outputs).toEqual([mini.head.output]);
      expect(routes(id)).toEqual([{ detections: [0, 1, 2], layers: [] }]);
    }
  });

  it("activations alone save nothing for a backward pass", () => {
    const inputs = mini.head.levels.flatMap(({ inputs }) => inputs);
    expect(plan("KPCA-CAM").forward.outputs).toEqual([mini.head.output, ...inputs]);
    expect(plan("KPCA-CAM").main.backward({ layers: plan("KPCA-CAM").layers, levels: [0] })).not.toBeNull();
  });

  it("a scatter matrix is one more output for each layer", () => {
    const { main, forward } = plan("EigenCAM");
    expect([...main.scatters.keys()]).toEqual([...main.activations.keys()]);
    expect(forward.outputs).toEqual([mini.head.output, ...main.activations.values(), ...main.scatters.values()]);
  });

  it("tails, curvature, biases and guided gradients ask for what they need", () => {
    const grad = new Set(plan("GradCAM").forward.outputs);
    expect(plan("AblationCAM").main.tail(plan("AblationCAM").layers[0]!).saved).toEqual([]);
    const shapley = plan("ShapleyCAM");
    const { crossing, saved } = shapley.main.tail(shapley.layers[0]!);
    expect(saved.length).toBeGreaterThan(0);
    expect(crossing.filter((name) => !shapley.forward.outputs.includes(name))).toEqual([]);
    expect(plan("FullGrad").forward.outputs.length).toBeGreaterThan(grad.size);
    expect(plan("GradCAM").guided).toBeUndefined();
    expect(plan("GuidedGradCAM").guided).toBeDefined();
    expect(plan("GuidedGradCAM").guided!.key).not.toBe(plan("gradient").main.key);
  });
});
