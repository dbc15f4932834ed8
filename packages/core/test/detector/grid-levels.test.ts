import { describe, expect, it } from "vitest";
import { commonOrigin, convLevels } from "../../src/detector/heads/grid-levels.js";
import { GraphBuilder } from "../../src/onnx/builder.js";
import { GraphIndex } from "../../src/onnx/graph.js";

/** Convolutions of the given strides and channels on an image, each from the value before it unless it says another, and their sum. */
function graphOf(convs: readonly { stride: number; channels: number; constant?: boolean }[], between?: string) {
  const b = new GraphBuilder();
  b.input("images", [1, 3, 64, 64]);
  const outputs = convs.map(({ stride, channels, constant = true }, i) => {
    const weights = constant ? b.floats([channels, 3, 1, 1], new Float32Array(3 * channels)) : b.op("Relu", ["images"]);
    b.node("Conv", ["images", weights], [`conv${i}`], { strides: [stride, stride] });
    return `conv${i}`;
  });
  const flat = outputs.map((value) => b.op("Reshape", [value, b.ints([1, -1])]));
  const joined = b.op("Concat", between === undefined ? flat : flat.map((value) => b.op(between, [value])), {
    axis: 1,
  });
  return { index: new GraphIndex(b.graph("g")), joined };
}

describe("convLevels", () => {
  it("puts the prediction convolutions of a stride together, finest first", () => {
    const { index, joined } = graphOf([
      { stride: 16, channels: 4 },
      { stride: 8, channels: 4 },
      { stride: 8, channels: 2 },
      { stride: 16, channels: 2 },
    ]);
    expect(convLevels(index, joined)).toEqual([
      {
        stride: 8,
        input: "images",
        convs: [
          { value: "conv1", channels: 4 },
          { value: "conv2", channels: 2 },
        ],
      },
      {
        stride: 16,
        input: "images",
        convs: [
          { value: "conv0", channels: 4 },
          { value: "conv3", channels: 2 },
        ],
      },
    ]);
  });

  it.each([
    [
      "an op that no decoding has",
      graphOf([{ stride: 8, channels: 4 }], "Erf"),
      /unexpected in the decoding of boxes: node .*Erf/,
    ],
    ["no stride", graphOf([{ stride: 1, channels: 4 }]), /stride of convolution .* is unknown/],
    ["weights that are computed", graphOf([{ stride: 8, channels: 4, constant: false }]), /are not constant/],
    [
      "levels that differ",
      graphOf([
        { stride: 8, channels: 4 },
        { stride: 16, channels: 5 },
      ]),
      /of 4 and 5 channels/,
    ],
    ["too many of a stride", graphOf(Array(13).fill({ stride: 8, channels: 1 })), /13 convolutions of stride 8/],
    [
      "too many strides",
      graphOf(Array.from({ length: 9 }, (_, i) => ({ stride: i + 2, channels: 1 }))),
      /convolutions of 9 strides/,
    ],
  ])("says why there are none: %s", (_, { index, joined }, says) => {
    expect(convLevels(index, joined)).toMatch(says);
  });

  it("says so where nothing is computed by a convolution", () => {
    const b = new GraphBuilder();
    const value = b.op("Identity", [b.floats([1], [1])]);
    expect(convLevels(new GraphIndex(b.graph("g")), value)).toBe("it is not computed from a convolution");
  });
});

describe("commonOrigin", () => {
  it("is the last value that all depend on, and none where there is no such", () => {
    const b = new GraphBuilder();
    b.input("images", [1, 3, 64, 64]);
    b.input("other", [1, 3, 64, 64]);
    const weights = b.floats([1, 3, 1, 1], new Float32Array(3));
    const stem = b.op("Relu", ["images"]);
    const [left, right] = [b.op("Sigmoid", [stem]), b.op("Tanh", [stem])];
    const convs = [left, right, "other"].map((input) => b.op("Conv", [input, weights]));
    const index = new GraphIndex(b.graph("g"));
    const nodes = convs.map((value) => index.producer(value)!);
    expect(commonOrigin(index, nodes.slice(0, 2))).toBe(stem);
    expect(commonOrigin(index, nodes.slice(0, 1))).toBe(left);
    expect(commonOrigin(index, nodes)).toBeUndefined();
  });
});
