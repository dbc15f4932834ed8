import * as ort from "onnxruntime-node";
import { expect, it } from "vitest";
import { prepend } from "../../src/detector/input/prepend.js";
import { createDetector } from "../../src/explain/create-detector.js";
import { GraphBuilder } from "../../src/onnx/builder.js";
import { encodeModel } from "../../src/onnx/encode.js";
import { readModel } from "../../src/readers/read-model.js";
import { createOrtPort } from "../../src/runtime/ort-port.js";
import { deployedBytes } from "../support/deployed.js";
import { noise } from "../support/noise.js";

const port = createOrtPort(ort as never);
const image = { height: 64, width: 96, data: noise(64 * 96 * 3, 7) };

it.each([
  ["[3, H, W]", [3, 64, 96], (_build: GraphBuilder, input: string) => input],
  [
    "[H, W, 3]",
    [64, 96, 3],
    (build: GraphBuilder, input: string) => build.op("Transpose", [input], { perm: [2, 0, 1] }),
  ],
] as const)(
  "explains a model whose image is %s, without a batch axis, like the one with it",
  async (_, shape, planes) => {
    const model = readModel(deployedBytes("v8-split"));
    const info = { ...model.graph.inputs[0]!, shape };
    const alone = prepend(model, info, (build, input) =>
      build.op("Unsqueeze", [planes(build, input), build.ints([0])]),
    );
    const results = [];
    for (const bytes of [encodeModel(alone), encodeModel(model)]) {
      const detector = await createDetector(bytes, port, { threads: 1 });
      results.push(await detector.explain(image, { method: "LayerCAM", confidence: 0.01, maxDetections: 2 }));
      await detector.dispose();
    }
    const [found, wanted] = results;
    expect(found!.detections.map(({ boxInput }) => boxInput)).toEqual(
      wanted!.detections.map(({ boxInput }) => boxInput),
    );
    expect(found!.heatmap.data).toEqual(wanted!.heatmap.data);
  },
);

it("refuses maps of several boxes per cell that belong to no known family", async () => {
  const build = new GraphBuilder("n");
  build.input("image", [1, 3, 64, 96]);
  const tables: [string[], string[]] = [[], []];
  for (const stride of [8, 16]) {
    const attributes = { kernel_shape: [stride, stride], strides: [stride, stride] };
    for (const [kind, channels] of [32, 2].entries()) {
      const weights = build.floats([channels, 3, stride, stride], new Float32Array(channels * 3 * stride * stride));
      const map = build.op("Conv", ["image", weights], attributes);
      const last = build.op("Transpose", [map], { perm: [0, 2, 3, 1] });
      tables[kind]!.push(build.op("Reshape", [last, build.ints([1, -1, channels / 2])]));
    }
  }
  build.node("Concat", tables[0], ["regressors"], { axis: 1 });
  build.node("Concat", tables[1], ["classificators"], { axis: 1 });
  build.output("regressors", [1, 240, 16]);
  build.output("classificators", [1, 240, 1]);
  const model = { ...readModel(deployedBytes("v8-split")), graph: build.graph("n"), metadata: new Map() };
  const refused = createDetector(encodeModel(model), port, { threads: 1 });
  await expect(refused).rejects.toThrow(/maps of 32 and 2 channels with 2 boxes per cell, and no family/);
});
