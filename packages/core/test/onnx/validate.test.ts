import { describe, expect, it } from "vitest";
import { GraphBuilder } from "../../src/onnx/builder.js";
import { DataType } from "../../src/onnx/model.js";
import { normalise } from "../../src/onnx/normalise.js";
import { validateModel } from "../../src/onnx/validate.js";
import { badInput, sound } from "./sound-model.js";
import { modelOf } from "./support.js";

describe("validateModel", () => {
  const relu = (b: GraphBuilder, from: string, to: string) => b.node("Relu", [from], [to]);
  const built = (build: (b: GraphBuilder) => void) => {
    const b = new GraphBuilder();
    build(b);
    return modelOf(b, 13);
  };
  const io = (b: GraphBuilder) => {
    b.input("x", [1]);
    b.output("y");
  };
  const emptyWeight = { name: "w", dims: [2], dataType: DataType.FLOAT, bytes: new Uint8Array(0) };

  const wrong: [string, (b: GraphBuilder) => void, RegExp][] = [
    ["no nodes", io, /has no nodes/],
    ["no outputs", (b) => relu(b, "", "y"), /has no outputs/],
    [
      "an output that nothing computes",
      (b) => {
        io(b);
        relu(b, "x", "z");
      },
      /Output "y" of graph "test" is computed by no node/,
    ],
    [
      "a dangling input",
      (b) => {
        io(b);
        relu(b, "nowhere", "y");
      },
      /reads "nowhere"/,
    ],
    [
      "a value of two nodes",
      (b) => {
        io(b);
        relu(b, "x", "y");
        relu(b, "x", "y");
      },
      /Value "y" is defined twice, the second time by node 1, "y" \(Relu\)/,
    ],
    [
      "a node that overwrites an initializer",
      (b) => {
        io(b);
        b.floats([1], [1], "y");
        relu(b, "x", "y");
      },
      /Value "y" is defined twice/,
    ],
    [
      "an input twice",
      (b) => {
        io(b);
        b.input("x", [1]);
        relu(b, "x", "y");
      },
      /defined twice, the second time by a graph input/,
    ],
    [
      "an output twice",
      (b) => {
        io(b);
        b.output("y");
        relu(b, "x", "y");
      },
      /lists output "y" twice/,
    ],
    [
      "an input without name",
      (b) => {
        io(b);
        b.input("", [1]);
        relu(b, "x", "y");
      },
      /a graph input has no name/,
    ],
    [
      "a node without op",
      (b) => {
        io(b);
        b.node("", ["x"], ["y"]);
      },
      /has no op_type/,
    ],
    [
      "a cycle",
      (b) => {
        io(b);
        b.node("Add", ["x", "b"], ["a"]);
        relu(b, "a", "b");
        relu(b, "b", "y");
      },
      /cycle through node/,
    ],
    [
      "a node that reads itself",
      (b) => {
        io(b);
        b.node("Add", ["x", "y"], ["y"]);
      },
      /cycle through node "y"/,
    ],
    [
      "an initializer without values",
      (b) => {
        io(b);
        b.initializers.set("w", emptyWeight);
        b.node("Add", ["x", "w"], ["y"]);
      },
      /"w" has dims \[2\] and no values/,
    ],
    [
      "a constant without values",
      (b) => {
        io(b);
        b.node("Constant", [], ["y"], { value: { tensor: emptyWeight } });
      },
      /attribute "value" has dims \[2\]/,
    ],
  ];
  it.each(wrong)("refuses %s", (_, build, message) => {
    expect(() => validateModel(built(build))).toThrow(badInput(message));
  });

  it("refuses weights in another file that nobody added", () => {
    const model = built((b) => {
      io(b);
      b.initializers.set("w", { ...emptyWeight, external: new Map([["location", "w.bin"]]) });
      b.node("Add", ["x", "w"], ["y"]);
    });
    const expected = {
      code: "unsupported-model",
      message: expect.stringMatching(/"w\.bin"/),
    };
    expect(() => validateModel(model)).toThrow(expect.objectContaining(expected));
  });

  it("refuses sparse weights", () => {
    const graph = { ...sound(21), unknown: [Uint8Array.of(0x7a, 0)] };
    const expected = { code: "unsupported-model", message: expect.stringMatching(/sparse/) };
    expect(() => validateModel(modelOf(graph))).toThrow(expect.objectContaining(expected));
  });

  it("takes a sound model as it is, order included", () => {
    const model = modelOf(sound(), 8);
    expect(validateModel(model)).toEqual(model);
  });

  it("orders a node behind what its subgraph captures", () => {
    const graph = sound();
    const moved = [graph.nodes.at(-1)!, ...graph.nodes.slice(0, -1)];
    const { nodes } = validateModel(modelOf({ ...graph, nodes: moved }, 8)).graph;
    const place = (opType: string) => nodes.findIndex((node) => node.opType === opType);
    expect(place("If")).toBeGreaterThan(place("Slice"));
    expect(nodes.find(({ opType }) => opType === "If")!.inputs).toEqual(["flag"]);
  });

  it("checks what subgraphs read", () => {
    const graph = sound();
    const without = graph.nodes.filter(({ opType }) => opType !== "Slice" && opType !== "Upsample");
    expect(() => validateModel(modelOf({ ...graph, nodes: without }, 8))).toThrow(badInput(/reads "scaled"/));
  });

  it("takes initializers among the inputs, as old files list them", () => {
    const model = built((b) => {
      io(b);
      b.input("w", [1]);
      b.floats([1], [1], "w");
      b.node("Add", ["x", "w"], ["y"]);
    });
    expect(normalise(validateModel(model)).graph.inputs.map(({ name }) => name)).toEqual(["x"]);
  });
});
