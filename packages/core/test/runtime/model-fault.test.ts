import * as ort from "onnxruntime-node";
import { describe, expect, it } from "vitest";
import { WhyboxError } from "../../src/errors.js";
import { createDetector } from "../../src/explain/create-detector.js";
import { decodeModel } from "../../src/onnx/decode.js";
import { encodeModel } from "../../src/onnx/encode.js";
import { createOrtPort, type OrtModule } from "../../src/runtime/ort-port.js";
import { exportBytes } from "../support/exports.js";

/** A runtime that refuses to open the models that `refuses` picks. */
function broken(words: string, refuses: (model: Uint8Array) => boolean = () => true) {
  const module = ort as unknown as OrtModule;
  const create: OrtModule["InferenceSession"]["create"] = (model, options) =>
    refuses(model) ? Promise.reject(new Error(words)) : module.InferenceSession.create(model, options);
  return createOrtPort({ ...module, Tensor: module.Tensor, InferenceSession: { create } });
}

const open = (port: ReturnType<typeof broken>, name = "v8-wide") =>
  createDetector(exportBytes(name), port).then(
    () => "opened",
    (error: unknown) => error as WhyboxError,
  );

describe("a runtime that does not work is not the model's fault", () => {
  it.each([
    [
      "no available backend found. ERR: [wasm] violates the following Content Security policy",
      /cannot start.*wasm-unsafe-eval/,
    ],
    ["no available backend found. ERR: [wasm] TypeError: Failed to fetch", /cannot start.*\.wasm or \.mjs file/],
    ["std::bad_alloc", /could not open the model: std::bad_alloc/],
  ])("%s", async (words, message) => {
    for (const name of ["v8-wide", "v8-batch-2"]) {
      const error = await open(broken(words), name);
      expect(error).toBeInstanceOf(WhyboxError);
      expect(error).toMatchObject({ code: "runtime", message: expect.stringMatching(message) });
    }
  });

  it("but one that refuses this model is", async () => {
    const port = broken("no kernel for Foo", (model) => decodeModel(model).graph.nodes.length > 1);
    const error = await open(port);
    expect(error).toMatchObject({ code: "unsupported-model", message: expect.stringMatching(/separately.*no kernel/) });
  });

  it("nor is a lack of memory", async () => {
    const port = broken("Failed to allocate memory", (model) => decodeModel(model).graph.nodes.length > 1);
    expect(await open(port)).toMatchObject({ code: "runtime" });
  });
});

describe("a segmentation model that lost its prototypes", () => {
  it("is one, without masks", async () => {
    const model = decodeModel(exportBytes("11-seg"));
    const outputs = model.graph.outputs.slice(0, 1);
    const metadata = new Map([...model.metadata, ["task", "segment"]]);
    const bytes = encodeModel({ ...model, metadata, graph: { ...model.graph, outputs } });
    const detector = await createDetector(bytes, createOrtPort(ort as never), { threads: 1 });
    expect(detector.facts.head.task).toBe("segment");
    expect(detector.facts.head.source).toMatch(/no output with their prototypes/);
    const image = { height: 64, width: 64, data: new Uint8Array(3 * 64 * 64).fill(90) };
    const { detections } = await detector.explain(image, { confidence: 0.01, maxDetections: 2 });
    expect(detections[0]).not.toHaveProperty("keypoints");
    expect(detections[0]).not.toHaveProperty("mask");
    await expect(detector.explain(image, { backprop: ["mask"] })).rejects.toMatchObject({ code: "usage" });
    await detector.dispose();
  });
});
