import * as ort from "onnxruntime-node";
import { describe, expect, it } from "vitest";
import { createDetector } from "../../src/explain/create-detector.js";
import type { MethodId } from "../../src/methods/method-id.js";
import { encodeModel } from "../../src/onnx/encode.js";
import type { Model } from "../../src/onnx/model.js";
import { floatsOf, floatTensor } from "../../src/onnx/tensors.js";
import { createOrtPort } from "../../src/runtime/ort-port.js";
import { toHalf } from "../support/half.js";
import { MINI_SIZE, tameModel } from "../support/mini-detector.js";
import { noise } from "../support/noise.js";

/** The mini YOLOv5 with one weight of a module that is not a number. */
function broken(module: string): { model: Model; weight: string } {
  const model = tameModel();
  const weight = [...model.graph.initializers.keys()].find(
    (name) => name.startsWith(module) && name.endsWith("weight"),
  )!;
  const values = Float32Array.from(floatsOf(model.graph.initializers.get(weight)!));
  values[0] = Number.NaN;
  const { dims } = model.graph.initializers.get(weight)!;
  const initializers = new Map(model.graph.initializers).set(weight, floatTensor(weight, dims, values));
  return { model: { ...model, graph: { ...model.graph, initializers } }, weight };
}

const [height, width] = MINI_SIZE;
const image = { height, width, data: noise(height * width * 3, 3) };

interface Change {
  readonly change?: (model: Model) => Model;
  readonly method?: MethodId;
}

async function explainBroken(module: string, layer: number, { change, method = "GradCAM" }: Change = {}) {
  const { model: whole, weight } = broken(module);
  const model = change?.(whole) ?? whole;
  const reader = model.graph.nodes.find((node) => node.inputs.includes(weight))!;
  const detector = await createDetector(encodeModel(model), createOrtPort(ort as never), { threads: 1 });
  const options = { layer, method, confidence: 0.01, imageSize: MINI_SIZE };
  const result = await detector.explain(image, options);
  await detector.dispose();
  return { result, reader };
}

describe("values that are not finite", () => {
  it("are traced to the node where they first appear, when they leave no detection", async () => {
    const { result, reader } = await explainBroken("model.1.", 23);
    expect(result.detections).toEqual([]);
    expect(result.empty?.reason).toBe("non-finite");
    expect(result.empty?.message).toContain(
      `predictions are not all finite numbers: they first appear at node "${reader.name}" (Conv`,
    );
  });

  it("are traced in half precision too", async () => {
    const half = (model: Model): Model => ({ ...model, graph: toHalf(model.graph) });
    const { result, reader } = await explainBroken("model.1.", 23, { change: half });
    expect(result.empty?.message).toContain(`they first appear at node "${reader.name}" (Conv`);
  });

  // LayerCAM reads neither activations nor gradients, only a sum over both.
  it.each(["GradCAM", "LayerCAM"] as const)(
    "are named at a layer, when other levels find something: %s",
    async (method) => {
      const { result, reader } = await explainBroken("model.23.", 23, { method });
      expect(result.detections.length).toBeGreaterThan(0);
      expect(result.layers[0]!.message).toContain(`The activations of layer 23 are not all finite numbers`);
      expect(result.layers[0]!.message).toContain(`node "${reader.name}" (Conv`);
      expect(result.empty?.reason).toBe("non-finite");
      expect(result.heatmap.data.every((value) => value === 0)).toBe(true);
    },
  );
});
