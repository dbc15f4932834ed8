import { describe, expect, it } from "vitest";
import { GraphBuilder } from "../../src/onnx/builder.js";
import { castHalfInputs } from "../../src/onnx/half-inputs.js";
import { DataType } from "../../src/onnx/model.js";
import { renameValues } from "../../src/onnx/rename.js";
import { validateModel } from "../../src/onnx/validate.js";
import { modelOf, noise, runModel } from "./support.js";

function halfModel(elemType: number) {
  const b = new GraphBuilder();
  b.input("x", ["n", 2], elemType);
  b.input("whybox_cast/x", [1]);
  b.initializers.set("c", {
    name: "c",
    dims: [1],
    dataType: elemType,
    bytes: elemType === DataType.DOUBLE ? new Uint8Array(new Float64Array([3]).buffer) : Uint8Array.of(0, 0x42),
  });
  b.node("Mul", ["x", "c"], ["y"], {}, "mul");
  b.node("Neg", ["y"], ["z"], {}, "neg");
  b.node("Relu", ["whybox_cast/x"], ["plain"]);
  b.output("y", undefined, elemType);
  b.output("z", undefined, elemType);
  b.output("plain");
  return modelOf(b);
}

describe("castHalfInputs", () => {
  it.each([
    ["float16", DataType.FLOAT16],
    ["float64", DataType.DOUBLE],
  ])("takes and gives float32 for %s, under the same names", async (_, elemType) => {
    const model = validateModel(castHalfInputs(halfModel(elemType)));
    expect(model.graph.inputs.map(({ name, elemType: type }) => [name, type])).toEqual([
      ["x", 1],
      ["whybox_cast/x", 1],
    ]);
    expect(model.graph.outputs.map(({ name, elemType: type }) => [name, type])).toEqual([
      ["y", 1],
      ["z", 1],
      ["plain", 1],
    ]);
    const x = noise([2, 2]);
    const { y, z } = await runModel(model, { x, "whybox_cast/x": noise([1]) });
    expect([y!.type, z!.type]).toEqual(["float32", "float32"]);
    (x.data as Float32Array).forEach((value, i) => {
      expect((y!.data as Float32Array)[i]).toBeCloseTo(3 * value, 2);
      expect((z!.data as Float32Array)[i]).toBe(-(y!.data as Float32Array)[i]!);
    });
    expect(model.graph.nodes.map(({ name }) => name)).toEqual(expect.arrayContaining(["mul", "neg"]));
  });

  it("leaves float32 models alone, the same object", () => {
    const model = halfModel(DataType.FLOAT);
    expect(castHalfInputs(model)).toBe(model);
  });

  it("lets an input through that is an output", async () => {
    const b = new GraphBuilder();
    b.input("x", [2], DataType.FLOAT16);
    b.node("Relu", ["x"], ["y"]);
    b.output("x", [2], DataType.FLOAT16);
    b.output("y", [2], DataType.FLOAT16);
    const model = validateModel(castHalfInputs(modelOf(b)));
    expect(model.graph.nodes.map(({ opType }) => opType)).toEqual(["Cast", "Relu", "Cast"]);
    expect(model.graph.outputs.map(({ name, elemType }) => [name, elemType])).toEqual([
      ["x", 1],
      ["y", 1],
    ]);
  });
});

describe("renameValues", () => {
  it("follows a value into subgraphs, where they do not define the name themselves", () => {
    const reading = new GraphBuilder();
    reading.node("Relu", ["x"], ["inner"]);
    reading.output("inner");
    const shadowing = new GraphBuilder();
    shadowing.floats([1], [1], "x");
    shadowing.node("Relu", ["x"], ["inner"]);
    shadowing.output("inner");
    const b = new GraphBuilder();
    b.input("x", [1]);
    b.node("If", ["x"], ["y"]);
    b.output("y");
    const attributes = new Map([
      ["then_branch", { type: "graph", value: reading.graph("reading") } as const],
      ["else_branch", { type: "graph", value: shadowing.graph("shadowing") } as const],
    ]);
    const graph = { ...b.graph("g"), nodes: [{ ...b.nodes[0]!, attributes }] };
    const renamed = renameValues(graph, new Map([["x", "z"]])).nodes[0]!;
    const inputs = [...renamed.attributes.values()].map((a) => (a.type === "graph" ? a.value.nodes[0]!.inputs : []));
    expect([renamed.inputs, ...inputs]).toEqual([["z"], ["z"], ["x"]]);
  });

  it("computes the values of a tensor once, and stores them", () => {
    let times = 0;
    const b = new GraphBuilder();
    b.input("x", [2]);
    const weight = b.weights([2], () => {
      times++;
      return Float32Array.of(3, 4);
    });
    b.node("Mul", ["x", weight], ["y"]);
    b.output("y");
    const tensor = renameValues(b.graph("g"), new Map([[weight, "w"]])).initializers.get("w")!;
    expect([tensor.name, tensor.bytes, tensor.byteLength, times]).toEqual(["w", tensor.bytes, undefined, 1]);
  });
});
