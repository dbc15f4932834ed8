import { describe, expect, it } from "vitest";
import { WhyboxError } from "../../src/errors.js";
import { attribute } from "../../src/onnx/attributes.js";
import { GraphBuilder } from "../../src/onnx/builder.js";
import { encodeModel } from "../../src/onnx/encode.js";
import { type Attribute, DataType, type Node } from "../../src/onnx/model.js";
import { formAt, signatureOf } from "../../src/onnx/signatures/signature.js";
import { readOnnx } from "../../src/readers/onnx/read-onnx.js";
import { modelOf } from "./support.js";

type Attributes = Parameters<GraphBuilder["node"]>[3];

interface Case {
  readonly op: string;
  readonly opset?: number;
  readonly inputs?: readonly string[];
  readonly outputs?: readonly string[];
  readonly attributes?: Attributes;
  readonly domain?: string;
  /** Attributes that cannot be written as literals. */
  readonly raw?: readonly (readonly [string, Attribute])[];
}

/** Reads a file in which one node, "bad", stands after a sound one. */
function read({ op, opset = 21, inputs = ["a"], outputs = ["y"], attributes, domain = "", raw = [] }: Case) {
  const b = new GraphBuilder();
  b.input("x", [1, 3, 4, 4]);
  b.floats([3, 3, 1, 1], Array(9).fill(1), "w");
  b.initializers.set("i", { name: "i", dims: [1], dataType: DataType.INT64, bytes: new Uint8Array(8) });
  b.initializers.set("q", { name: "q", dims: [1], dataType: DataType.UINT8, bytes: new Uint8Array(1) });
  b.node("Relu", ["x"], ["a"]);
  b.node(op, inputs, outputs, attributes, "bad");
  for (const output of outputs) if (output !== "") b.output(output);
  if (outputs.every((output) => output === "")) b.output("a");
  const nodes: Node[] = b.nodes.map((node) =>
    node.name === "bad" ? { ...node, domain, attributes: new Map([...node.attributes, ...raw]) } : node,
  );
  const model = modelOf({ ...b.graph("test"), nodes }, opset);
  return readOnnx(encodeModel({ ...model, opsets: new Map([...model.opsets, ["com.microsoft", 1]]) }));
}

function refusal(test: Case): WhyboxError {
  try {
    read(test);
  } catch (error) {
    expect(error).toBeInstanceOf(WhyboxError);
    return error as WhyboxError;
  }
  throw new Error("nothing was thrown");
}

const contrib = { domain: "com.microsoft" };

describe("the signatures of operators", () => {
  const refused: [string, Case, string][] = [
    ["too few inputs", { op: "Conv" }, "found 1 input, expected 2 to 3 inputs"],
    ["too many inputs", { op: "Relu", inputs: ["a", "a"] }, "found 2 inputs, expected 1 input"],
    ["no inputs", { op: "Concat", inputs: [], attributes: { axis: 1 } }, "found 0 inputs, expected 1 input or more"],
    ["a required input left out", { op: "Conv", inputs: ["", "w"] }, "found input 0 left out"],
    ["a part left out", { op: "Concat", inputs: ["a", ""], attributes: { axis: 1 } }, "found input 1 left out"],
    ["a first part left out", { op: "Concat", inputs: ["", "a"], attributes: { axis: 1 } }, "found input 0 left out"],
    ["no outputs", { op: "Relu", outputs: [] }, "found 0 outputs, expected 1 output"],
    ["its output left out", { op: "Relu", outputs: [""] }, "found output 0 left out"],
    ["too many outputs", { op: "Relu", outputs: ["y", "z"] }, "found 2 outputs, expected 1 output"],
    ["an attribute missing", { op: "Concat" }, 'found no attribute "axis", expected one of type int'],
    [
      "a wrong type",
      { op: "Transpose", attributes: { perm: 1 } },
      'found attribute "perm" of type int, expected type ints',
    ],
    ["a wrong element type", { op: "Reshape", inputs: ["a", "w"] }, "found input 1 of type float, expected int64"],
    ["inputs of a newer opset", { op: "Squeeze", opset: 12, inputs: ["a", "i"] }, "found 2 inputs, expected 1 input"],
    ["attributes of an older opset", { op: "Slice", attributes: { starts: [0], ends: [1] } }, "expected 3 to 5 inputs"],
    ["no axes in an old opset", { op: "Unsqueeze", opset: 12 }, 'found no attribute "axes", expected one of type ints'],
    ["a quantised operator", { op: "QLinearConv", inputs: ["q", "w", "q", "q"] }, "found 4 inputs, expected 8 to 9"],
    ["one of the runtime", { op: "QLinearMul", inputs: ["q"], ...contrib }, "found 1 input, expected 7 to 8 inputs"],
    [
      "half a part",
      { op: "QLinearConcat", inputs: ["w", "q", "q", "w"], attributes: { axis: 1 }, ...contrib },
      "3 for",
    ],
  ];
  const window = (attributes: Attributes): Case => ({ op: "Conv", inputs: ["a", "w"], attributes });
  refused.push(
    ["no groups", window({ group: 0 }), "found group 0, expected 1 to 65536"],
    ["groups without end", window({ group: 2 ** 31 - 1 }), "found group 2147483647, expected 1 to 65536"],
    ["steps without end", window({ strides: [1, 2 ** 53] }), "expected 1 to 4096"],
    ["a step backwards", window({ dilations: [-1, 1] }), "found dilations -1, expected 1 to 4096"],
    [
      "a kernel larger than any",
      { op: "MaxPool", attributes: { kernel_shape: [4096, 4096] } },
      "found a kernel of 16777216 values, expected at most 1048576",
    ],
  );
  it.each(refused)("refuse a node with %s", (_, test, message) => {
    const error = refusal(test);
    expect(error.message).toContain(`Node 1, "bad" (${test.op}): `);
    expect(error.message).toContain(message);
    expect(error.message).toMatch(/The file is damaged, or its exporter is faulty: export it again\.$/);
    expect(error.code).toBe("bad-input");
    expect(error.details).toMatchObject({ node: "bad", op: test.op, index: 1 });
  });

  const emptyInts: Attribute = { type: "ints", value: [] };
  const taken: [string, Case][] = [
    ["optional inputs left out", { op: "Resize", inputs: ["a", "", "", "i"] }],
    ["empty names at the end", { op: "Clip", inputs: ["a", "", ""] }],
    ["attributes that nobody knows", { op: "Relu", attributes: { whatever: 1 } }],
    ["operators that nobody knows", { op: "Whatever", inputs: [], attributes: { axis: "x" } }],
    ["operators of other domains", { op: "Whatever", domain: "TRT" }],
    ["operators newer than the opset", { op: "Gelu", opset: 13 }],
    ["a list without elements and type", { op: "Upsample", opset: 8, raw: [["scales", emptyInts]] }],
    ["outputs that nothing reads left out", { op: "Split", outputs: ["", "y"], attributes: { num_outputs: 2 } }],
  ];
  it.each(taken)("take %s", (_, test) => {
    expect(read(test).graph.nodes.length).toBeGreaterThan(0);
  });

  it("drop empty names at the end of the inputs, for which rules have no gradient", () => {
    const { nodes } = read({ op: "Mul", inputs: ["a", "a", ""] }).graph;
    expect(nodes.at(-1)!.inputs).toEqual(["a", "a"]);
  });

  it("refuse a node of another domain that has a standard name, but not its form", () => {
    const error = refusal({ op: "Conv", domain: "custom" });
    expect([error.code, error.message]).toEqual([
      "unsupported-model",
      expect.stringContaining(
        'Node 1, "bad" (Conv) has the name of a standard operator, but is of domain "custom" and has another form: found 1 input',
      ),
    ]);
    expect(read({ op: "Conv", inputs: ["a", "w"], domain: "custom" }).graph.nodes[1]!.domain).toBe("custom");
  });

  it("say in which graph a node is", () => {
    const inner = new GraphBuilder("inner");
    inner.node("Conv", ["x"], ["z"], {}, "bad");
    inner.output("z");
    const b = new GraphBuilder();
    b.input("x", [1]);
    b.input("c", [], DataType.BOOL);
    b.node("If", ["c"], ["y"], {}, "if");
    b.output("y");
    const branch = { type: "graph", value: inner.graph("branch") } as const;
    const graph = b.graph("main");
    const nodes = graph.nodes.map((node) => ({
      ...node,
      attributes: new Map(["then_branch", "else_branch"].map((name) => [name, branch])),
    }));
    expect(() => readOnnx(encodeModel(modelOf({ ...graph, nodes })))).toThrow(
      /^Node 0, "bad" \(Conv\) of graph "branch": found 1 input, expected 2 to 3 inputs\./,
    );
  });

  it("cut long names", () => {
    const b = new GraphBuilder();
    b.input("x", [1]);
    b.node("Conv", ["x"], ["y"], {}, "n".repeat(70_000));
    b.output("y");
    expect(() => readOnnx(encodeModel(modelOf(b)))).toThrow(/^.{1,300}$/);
  });
});

describe("the table", () => {
  it("has the form of each opset", () => {
    const counts = (opset: number) => formAt(signatureOf("", "Slice")!, opset).inputs.length;
    expect([7, 9, 10, 21, 26, 99].map(counts)).toEqual([1, 1, 5, 5, 5, 5]);
    expect(formAt(signatureOf("", "Slice")!, 9).needed).toEqual(["ends", "starts"]);
    expect(formAt(signatureOf("", "Gelu")!, 7).since).toBe(20);
  });

  it("has element types as bits", () => {
    const [data, shape] = formAt(signatureOf("", "Reshape")!, 21).inputs;
    expect(shape!.types).toBe(1 << DataType.INT64);
    for (const type of Object.values(DataType)) expect((data!.types >> type) & 1).toBe(1);
  });

  it("has attributes of the type that attribute() writes", () => {
    expect(signatureOf("", "Concat")!.attributes.get("axis")).toBe("i");
    expect(attribute(1).type).toBe("int");
    expect(signatureOf("ai.onnx.ml", "Scaler")).toBeUndefined();
  });
});
