import { describe, expect, it } from "vitest";
import { unsupportedHead } from "../../src/detector/heads/refuse-head.js";
import { GraphBuilder } from "../../src/onnx/builder.js";

/** What is said about a graph whose outputs are no head. */
function said(image: readonly (number | string)[], write: (b: GraphBuilder, input: string) => void): string {
  const b = new GraphBuilder();
  write(b, b.input("images", image));
  return unsupportedHead(b.graph("g"), []).message;
}

const OPEN = ["n", 3, "h", "w"];

describe("what a model without a head looks like", () => {
  it("a map as fine as the image: segmentation, text detection", () => {
    const text = said(OPEN, (b, input) => {
      const small = b.op("Conv", [input, b.floats([4, 3, 2, 2], new Float32Array(48))], { strides: [2, 2] });
      const up = b.op("ConvTranspose", [small, b.floats([4, 1, 2, 2], new Float32Array(16))], { strides: [2, 2] });
      b.output(b.op("Sigmoid", [up]), ["n", 1, "h", "w"]);
    });
    expect(text).toMatch(/is a map as fine as the image/);
    expect(text).not.toMatch(/raw maps/);
  });

  it("the same where only the sizes tell it", () => {
    const text = said([1, 3, 144, 256], (b, input) => {
      const rows = b.op("Reshape", [input, b.ints([1, -1])]);
      b.output(b.op("Reshape", [rows, b.ints([1, 3, 144, 256])]), [1, 3, 144, 256]);
    });
    expect(text).toMatch(/is a map as fine as the image/);
  });

  it("the steps of a text", () => {
    const text = said(OPEN, (b, input) => b.output(b.op("Softmax", [input]), ["n", "t", 6625]));
    expect(text).toMatch(/class probabilities for each step of a sequence/);
  });

  it("several vectors, even if another reason is close", () => {
    const b = new GraphBuilder();
    const input = b.input("images", OPEN);
    b.output(b.op("Relu", [input]), ["n", 4]);
    b.output(b.op("Relu", [input]), ["n", 2, 1, 1]);
    const miss = { output: "x", reason: "its levels have 3 maps", close: true };
    expect(unsupportedHead(b.graph("g"), [miss]).message).toMatch(/numbers for the whole image .* as a classifier/);
  });

  it("raw maps of levels, but no table of that rank", () => {
    const strided = (b: GraphBuilder, input: string): string =>
      b.op("Conv", [input, b.floats([18, 3, 8, 8], new Float32Array(18 * 192))], { strides: [8, 8] });
    const map = said([1, 3, 64, 96], (b, input) => b.output(strided(b, input), [1, 18, 8, 12]));
    expect(map).toMatch(/raw maps of the detection levels/);
    const open = said(OPEN, (b, input) => b.output(strided(b, input), ["n", 18, "y", "x"]));
    expect(open).toMatch(/raw maps of the detection levels/);
    const points = said([1, 3, 64, 96], (b, input) => b.output(b.op("Relu", [strided(b, input)]), [1, 1, 17, 3]));
    expect(points).toMatch(/No output is a supported detection head/);
  });
});
