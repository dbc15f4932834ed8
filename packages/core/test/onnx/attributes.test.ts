import { describe, expect, it } from "vitest";
import {
  attribute,
  floatAttribute,
  floatsAttribute,
  intAttribute,
  intsAttribute,
  stringAttribute,
  tensorAttribute,
} from "../../src/onnx/attributes.js";
import type { Node } from "../../src/onnx/model.js";
import { floatTensor } from "../../src/onnx/tensors.js";

const tensor = floatTensor("t", [], [1]);
const literals = { i: 3, f: { float: 0.5 }, s: "é", is: [1, -2], fs: { floats: [0.5] }, t: { tensor }, none: [] };
const node: Node = {
  opType: "X",
  domain: "",
  name: "the_node",
  inputs: [],
  outputs: [],
  attributes: new Map(Object.entries(literals).map(([key, literal]) => [key, attribute(literal)])),
};

describe("attributes", () => {
  it("are read back as they were written", () => {
    expect(intAttribute(node, "i", 0)).toBe(3);
    expect(floatAttribute(node, "f", 0)).toBe(0.5);
    expect(stringAttribute(node, "s", "")).toBe("é");
    expect(intsAttribute(node, "is")).toEqual([1, -2]);
    expect(floatsAttribute(node, "fs")).toEqual([0.5]);
    expect(tensorAttribute(node, "t")).toBe(tensor);
  });

  it("fall back when the node does not set them", () => {
    expect(intAttribute(node, "no", 7)).toBe(7);
    expect(floatAttribute(node, "no", 7)).toBe(7);
    expect(stringAttribute(node, "no", "x")).toBe("x");
    expect([intsAttribute, floatsAttribute, tensorAttribute].map((read) => read(node, "no"))).toEqual(Array(3));
  });

  it("take an empty list without type as a list of either type", () => {
    expect(intsAttribute(node, "none")).toEqual([]);
    expect(floatsAttribute(node, "none")).toEqual([]);
  });

  it("of another type are an error that names the node", () => {
    const message = expect.stringMatching(/"the_node" \(X\): attribute "f" is float, expected int/);
    expect(() => intAttribute(node, "f", 0)).toThrow(expect.objectContaining({ code: "bad-input", message }));
  });

  it("that are no integers must be written as floats", () => {
    expect(() => attribute(0.5)).toThrow(expect.objectContaining({ code: "internal" }));
  });
});
