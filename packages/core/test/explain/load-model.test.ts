import * as ort from "onnxruntime-node";
import { describe, expect, it } from "vitest";
import { defaultRules } from "../../src/autodiff/rules/index.js";
import type { CreateDetectorOptions } from "../../src/explain/model/create-options.js";
import { loadModel } from "../../src/explain/model/load-model.js";
import { GraphBuilder } from "../../src/onnx/builder.js";
import { encodeModel } from "../../src/onnx/encode.js";
import { DataType, type Graph, type Model, type ValueInfo } from "../../src/onnx/model.js";
import { readOnnx } from "../../src/readers/onnx/read-onnx.js";
import { createOrtPort } from "../../src/runtime/ort-port.js";
import type { RuntimePort, SessionOptions } from "../../src/runtime/port.js";
import { yoloGraph } from "../detector/yolo-graph.js";
import { modelOf } from "../onnx/support.js";
import { toHalf } from "../support/half.js";
import { rejectionOf } from "./error-of.js";

/** A runtime that cannot be used: loading runs nothing. */
const unusable: RuntimePort = {
  description: "none",
  upload: () => Promise.reject(new Error("Nothing is to be uploaded.")),
  createSession: () => Promise.reject(new Error("No session is to be made.")),
};

const load = (model: Model, options: CreateDetectorOptions = {}) => loadModel(model, unusable, options);
const image = (shape: ValueInfo["shape"], name = "images"): ValueInfo => ({ name, elemType: DataType.FLOAT, shape });
const withInputs = (inputs: readonly ValueInfo[]): Model => modelOf({ ...yoloGraph({ size: [64, 96] }), inputs });
const withMetadata = (key: string, value: string): Model => ({
  ...modelOf(yoloGraph()),
  metadata: new Map([[key, value]]),
});

describe("loadModel", () => {
  it("finds head, layers, names, stride and input", async () => {
    const loaded = await load(modelOf(yoloGraph({ classes: 2 })));
    expect(loaded.head.levels.map((level) => level.name)).toEqual(["P3", "P4", "P5"]);
    expect(loaded.layers.map((layer) => layer.index)).toEqual(Array.from({ length: 24 }, (_, index) => index));
    expect(loaded.classNames).toEqual(["class0", "class1"]);
    expect([loaded.stride, loaded.inputName, loaded.input.sides]).toEqual([32, "images", [undefined, undefined]]);
    expect(loaded.rules).toBe(defaultRules);
  });

  it("tells the size that a model fixes, and none where one side is open", async () => {
    expect((await load(modelOf(yoloGraph({ size: [64, 96] })))).input.sides).toEqual([64, 96]);
    expect((await load(withInputs([image([1, 3, 64, "width"])]))).input.sides).toEqual([64, undefined]);
    expect((await load(withInputs([image([1, 3, "height", 96])]))).input.sides).toEqual([undefined, 96]);
  });

  it("takes names and stride of the options or the metadata", async () => {
    expect((await load(modelOf(yoloGraph()), { names: ["a", "b", "c"] })).classNames).toEqual(["a", "b", "c"]);
    expect((await load(withMetadata("names", "{0: 'x', 1: 'y', 2: 'z'}"))).classNames).toEqual(["x", "y", "z"]);
    expect((await load(withMetadata("stride", "64"))).stride).toBe(64);
  });

  it("takes the metadata beside a file without names, and leaves a file with names as it is", async () => {
    const metadata = { names: "['a', 'b', 'c']", stride: "64" };
    const beside = await load(modelOf(yoloGraph()), { metadata });
    expect([beside.classNames, beside.classNamesFrom, beside.stride]).toEqual([["a", "b", "c"], "beside", 64]);
    const given = await load(modelOf(yoloGraph()), { metadata, names: ["d", "e", "f"] });
    expect([given.classNames, given.classNamesFrom, given.stride]).toEqual([["d", "e", "f"], "options", 64]);
    const own = await load(withMetadata("names", "{0: 'x', 1: 'y', 2: 'z'}"), { metadata });
    expect([own.classNames, own.classNamesFrom, own.stride]).toEqual([["x", "y", "z"], "metadata", 32]);
    expect((await load(withMetadata("stride", "32"), { metadata })).stride).toBe(32);
    expect((await load(modelOf(yoloGraph()), { metadata: { stride: "64" } })).stride).toBe(32);
    const wrong = rejectionOf(load(modelOf(yoloGraph()), { metadata: { names: "['a']" } }));
    expect((await wrong).message).toMatch(/3 class columns, and the metadata\.yaml beside the model gives 1 name\./);
  });

  it("hands the session's key and options to the runtime, and only the options that are given", async () => {
    const asked: SessionOptions[] = [];
    const port: RuntimePort = {
      ...unusable,
      createSession: async (_, options) => {
        asked.push(options);
        return { inputNames: [], outputNames: [], run: async () => ({}), release: async () => {} };
      },
    };
    const model = modelOf(yoloGraph());
    for (const options of [{}, { threads: 2 }, { executionProviders: ["cpu"] }]) {
      const loaded = await loadModel(model, port, { names: ["a", "b", "c"], ...options });
      await loaded.sessions.get("key", () => model);
    }
    const key = "key";
    expect(asked).toEqual([{ key }, { key, threads: 2 }, { key, executionProviders: ["cpu"] }]);
    expect(asked.map((options) => Object.keys(options).length)).toEqual([1, 2, 2]);
  });

  it("takes a float16 model: its input and output are float32 once read", async () => {
    const model = readOnnx(encodeModel(modelOf(toHalf(yoloGraph({ size: [64, 96] })))));
    expect(await load(model)).toMatchObject({ inputName: "images", input: { sides: [64, 96] } });
  });

  it.each<[string, ValueInfo["shape"]]>([
    ["of unknown shape", undefined],
    ["of unknown sizes", [null, null, null, null]],
    ["of named sizes", ["batch", "channels", "height", "width"]],
  ])("takes an image input %s", async (_, shape) => {
    expect((await load(withInputs([image(shape)]))).inputName).toBe("images");
  });

  const bytes = (shape: ValueInfo["shape"], elemType: number): ValueInfo => ({ ...image(shape), elemType });
  it.each<[string, ValueInfo[], string, RegExp]>([
    ["no input", [], "none", /the image as its only input/],
    [
      "two images",
      [image([1, 3, 64, 96]), image([1, 3, 64, 96], "before")],
      "images [1, 3, 64, 96]; before [1, 3, 64, 96]",
      /the image as its only input/,
    ],
    ["one channel", [image([1, 1, 64, 96])], "images [1, 1, 64, 96]", /three colour channels/],
    ["one channel, last", [image([1, 64, 96, 1])], "images [1, 64, 96, 1]", /three colour channels/],
    ["four channels", [image([1, 4, "h", "w"])], "images [1, 4, h, w]", /three colour channels/],
    ["three axes and no colours", [image([1, 64, 96])], "images [1, 64, 96]", /three colour channels/],
    ["five axes", [image([1, 1, 3, 64, 96])], "images [1, 1, 3, 64, 96]", /has 4 axes .* this input has 5/],
    ["signed bytes", [bytes([1, 3, 64, 96], DataType.INT8)], "images int8 [1, 3, 64, 96]", /type are not supported/],
    ["an empty side", [image([1, 3, 0, 96])], "images [1, 3, 0, 96]", /are out of range/],
    ["a boundless side", [image([1, 3, 64, 2 ** 40])], `images [1, 3, 64, ${2 ** 40}]`, /are out of range/],
    ["a boundless batch", [image([2 ** 40, 3, 64, 96])], `images [${2 ** 40}, 3, 64, 96]`, /are out of range/],
  ])("refuses a model with %s, and says what it has and what is expected", async (_, inputs, described, advice) => {
    const { code, message, details } = await rejectionOf(load(withInputs(inputs)));
    expect(code).toBe("unsupported-model");
    expect(message).toContain(`inputs are: ${described}. Expected one image, [1, 3, H, W] or [1, H, W, 3], of floats`);
    expect(message).toMatch(advice);
    expect(details).toEqual({ inputs: inputs.map(({ name, shape }) => ({ name, shape })) });
  });

  it("leaves out inputs of a few numbers, and what is made with them of the predictions", async () => {
    const graph = yoloGraph({ size: [64, 96] });
    const b = new GraphBuilder("scaled");
    const sizes = { name: "sizes", elemType: DataType.INT64, shape: [1, 2] };
    const scaled = b.op("Mul", ["output0", b.op("ReduceMax", [b.op("Cast", ["sizes"], { to: DataType.FLOAT })])]);
    const nodes = [...graph.nodes, ...b.nodes];
    const outputs = [...graph.outputs, { name: scaled, elemType: DataType.FLOAT, shape: undefined }];
    for (const inputs of [
      [...graph.inputs, sizes],
      [sizes, ...graph.inputs],
    ]) {
      const { model, inputName, ports } = await load(modelOf({ ...graph, nodes, inputs, outputs }));
      expect(inputName).toBe("images");
      expect(model.graph.inputs.map(({ name }) => name)).toEqual(["images"]);
      expect(model.graph.nodes).toEqual(graph.nodes);
      expect(model.graph.outputs.map(({ name }) => name)).toEqual(["output0"]);
      expect(ports.inputs).toEqual(inputs);
    }
  });

  it("refuses a model whose predictions depend on another input", async () => {
    const graph = yoloGraph({ size: [64, 96] });
    const b = new GraphBuilder("scaled");
    b.node("Mul", ["images", "gain"], ["brighter"]);
    const nodes = [
      ...b.nodes,
      ...graph.nodes.map((node) => ({
        ...node,
        inputs: node.inputs.map((input) => (input === "images" ? "brighter" : input)),
      })),
    ];
    const inputs = [...graph.inputs, image([1], "gain")];
    const { code, message } = await rejectionOf(load(modelOf({ ...graph, nodes, inputs })));
    expect(code).toBe("unsupported-model");
    expect(message).toContain("inputs are: images [1, 3, 64, 96]; gain [1]. Expected one image");
    expect(message).toContain("Export it with the image as its only input.");
  });

  it("refuses a model without a detection head", async () => {
    const graph: Graph = yoloGraph({ size: [64, 96] });
    const [{ outputs }] = graph.nodes as [(typeof graph.nodes)[number]];
    const stem = modelOf({ ...graph, outputs: [{ name: outputs[0]!, elemType: 1, shape: undefined }] });
    expect(await rejectionOf(loadModel(stem, createOrtPort(ort as never), {}))).toMatchObject({
      code: "unsupported-model",
    });
  });

  it.each<[string, () => Promise<unknown>, RegExp]>([
    [
      "more names than classes",
      () => load(modelOf(yoloGraph()), { names: ["a", "b", "c", "d"] }),
      /3 class columns, and the option names gives 4 names/,
    ],
    [
      "no names for three classes",
      () => load(modelOf(yoloGraph()), { names: [] }),
      /3 class columns, and the option names gives 0 names/,
    ],
    [
      "too few names in the metadata",
      () => load(withMetadata("names", "['a']")),
      /3 class columns, and the model.s metadata gives 1 name\./,
    ],
    ["metadata that is no list of names", () => load(withMetadata("names", "{0: }")), /name/],
  ])("refuses %s", async (_, call, says) => {
    const { code, message } = await rejectionOf(call());
    expect(code).toBe("bad-input");
    expect(message).toMatch(says);
  });
});
