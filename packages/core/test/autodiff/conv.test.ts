import { describe, expect, it } from "vitest";
import { buildBackward } from "../../src/autodiff/backward.js";
import type { AttributeLiteral } from "../../src/onnx/attributes.js";
import { GraphBuilder } from "../../src/onnx/builder.js";
import { sizeOf } from "../../src/tensor/tensor.js";
import { checkVjp } from "../support/check-vjp.js";
import { randomSource } from "../support/random.js";

interface WindowCase {
  readonly x: readonly number[];
  readonly w: readonly number[];
  readonly attributes?: Readonly<Record<string, AttributeLiteral>>;
}

function weights(dims: readonly number[]): Float32Array {
  const random = randomSource(3);
  return Float32Array.from({ length: sizeOf(dims) }, () => 2 * random() - 1);
}

/** Checks the op with its weight as an initializer, and again with a computed one (no constant to look at). */
async function checkBoth(op: string, { x, w, attributes = {} }: WindowCase): Promise<void> {
  await checkVjp({
    build: (b, v) => b.op(op, [v.x!, b.floats(w, weights(w))], attributes),
    inputs: { x: { dims: x } },
  });
  await checkVjp({
    build: (b, v) => b.op(op, [v.x!, v.w!], { ...attributes, kernel_shape: w.slice(2) }),
    inputs: { x: { dims: x }, w: { dims: w } },
    wanted: ["x"],
  });
}

const conv: Readonly<Record<string, WindowCase>> = {
  "defaults, 1 × 1": { x: [1, 3, 5, 7], w: [4, 3, 1, 1] },
  "3 × 3 padded": { x: [1, 3, 7, 5], w: [4, 3, 3, 3], attributes: { pads: [1, 1, 1, 1] } },
  "no padding, batch 2": { x: [2, 3, 7, 5], w: [5, 3, 3, 2] },
  "asymmetric pads, dilated": {
    x: [1, 2, 11, 7],
    w: [3, 2, 3, 2],
    attributes: { pads: [2, 0, 1, 3], dilations: [2, 3] },
  },
  "more padding than the kernel reaches": { x: [1, 2, 5, 7], w: [3, 2, 2, 1], attributes: { pads: [3, 2, 2, 1] } },
  groups: { x: [1, 6, 5, 7], w: [9, 2, 3, 3], attributes: { group: 3, pads: [1, 1, 1, 1] } },
  depthwise: { x: [2, 5, 7, 5], w: [5, 1, 3, 3], attributes: { group: 5, pads: [1, 1, 1, 1] } },
  "stride 2, as in YOLO": { x: [1, 3, 8, 6], w: [4, 3, 3, 3], attributes: { strides: [2, 2], pads: [1, 1, 1, 1] } },
  "stride 2, odd sizes": { x: [1, 3, 7, 11], w: [4, 3, 3, 3], attributes: { strides: [2, 2], pads: [1, 1, 1, 1] } },
  "6 × 6 stride 2 pad 2": { x: [1, 3, 13, 16], w: [4, 3, 6, 6], attributes: { strides: [2, 2], pads: [2, 2, 2, 2] } },
  "stride larger than the kernel": { x: [1, 2, 11, 13], w: [3, 2, 2, 1], attributes: { strides: [3, 5] } },
  "strides that do not divide, groups, dilated": {
    x: [1, 4, 17, 13],
    w: [6, 2, 3, 2],
    attributes: { strides: [3, 2], pads: [0, 2, 3, 1], dilations: [2, 3], group: 2 },
  },
  "mixed strides": { x: [2, 2, 7, 8], w: [3, 2, 3, 3], attributes: { strides: [1, 2], pads: [1, 0, 1, 2] } },
  SAME_UPPER: { x: [1, 2, 7, 5], w: [3, 2, 2, 4], attributes: { auto_pad: "SAME_UPPER" } },
  SAME_LOWER: { x: [1, 2, 7, 5], w: [3, 2, 2, 4], attributes: { auto_pad: "SAME_LOWER" } },
  "SAME_UPPER, strided": { x: [1, 2, 8, 11], w: [3, 2, 3, 4], attributes: { auto_pad: "SAME_UPPER", strides: [2, 3] } },
  "SAME_LOWER, strided": { x: [1, 2, 8, 11], w: [3, 2, 3, 4], attributes: { auto_pad: "SAME_LOWER", strides: [2, 3] } },
  "SAME_UPPER, stride beyond the kernel": {
    x: [1, 2, 8, 11],
    w: [3, 2, 1, 2],
    attributes: { auto_pad: "SAME_UPPER", strides: [3, 4] },
  },
  "VALID, strided": { x: [1, 2, 8, 11], w: [3, 2, 3, 4], attributes: { auto_pad: "VALID", strides: [2, 3] } },
  "one spatial axis": { x: [1, 3, 11], w: [4, 3, 3], attributes: { strides: [2], pads: [1, 0] } },
  "one spatial axis, stride 1": { x: [2, 3, 11], w: [4, 3, 3], attributes: { dilations: [3], pads: [1, 0] } },
  "three spatial axes": {
    x: [1, 2, 5, 4, 3],
    w: [3, 2, 3, 2, 1],
    attributes: { strides: [2, 1, 1], pads: [1, 0, 0, 1, 1, 0] },
  },
};

describe("the gradient of Conv", () => {
  for (const [name, spec] of Object.entries(conv)) it(name, () => checkBoth("Conv", spec));

  it("with a bias", () =>
    checkVjp({
      build: (b, { x }) => b.op("Conv", [x!, b.floats([2, 3, 3, 3], weights([2, 3, 3, 3])), b.floats([2], [1, 2])]),
      inputs: { x: { dims: [1, 3, 5, 7] } },
    }));
});

const transposed: Readonly<Record<string, WindowCase>> = {
  "defaults, batch 2": { x: [2, 3, 5, 4], w: [3, 4, 3, 2] },
  "2 × 2 stride 2, as in segmentation heads": { x: [1, 3, 5, 7], w: [3, 4, 2, 2], attributes: { strides: [2, 2] } },
  "strides, pads, output padding": {
    x: [1, 3, 5, 4],
    w: [3, 2, 4, 3],
    attributes: { strides: [3, 2], pads: [1, 0, 2, 1], output_padding: [2, 1] },
  },
  "groups, dilated": {
    x: [1, 4, 5, 3],
    w: [4, 3, 3, 2],
    attributes: { group: 2, dilations: [2, 3], strides: [1, 2], pads: [1, 1, 0, 2] },
  },
  VALID: { x: [1, 2, 5, 4], w: [2, 3, 3, 2], attributes: { auto_pad: "VALID", strides: [2, 3] } },
  "one spatial axis": { x: [1, 3, 7], w: [3, 2, 4], attributes: { strides: [2], pads: [1, 2] } },
};

describe("the gradient of ConvTranspose", () => {
  for (const [name, spec] of Object.entries(transposed)) it(name, () => checkBoth("ConvTranspose", spec));

  it.each([
    ["output_shape", { output_shape: [9, 9] }],
    ["auto_pad", { auto_pad: "SAME_UPPER" }],
  ])("says that %s is not supported", (word, attributes) => {
    const graph = graphOf((b) =>
      b.op("ConvTranspose", ["x", b.floats([1, 1, 3, 3], weights([1, 1, 3, 3]))], attributes),
    );
    expect(() => pullBack(graph)).toThrowError(
      expect.objectContaining({ code: "no-gradient", message: expect.stringContaining(word) }),
    );
  });
});

describe("convolutions that cannot be differentiated", () => {
  it("name the weight that depends on the layer", () => {
    const graph = graphOf((b) => b.op("Conv", ["x", "x"]));
    expect(() => pullBack(graph)).toThrowError(
      expect.objectContaining({
        code: "no-gradient",
        message: expect.stringMatching(/input 1 .*depends on the layer/),
      }),
    );
  });

  it("need a kernel of known size", () => {
    const graph = graphOf((b) => b.op("Conv", ["x", b.op("Neg", [b.floats([1, 1, 3, 3], weights([1, 1, 3, 3]))])]));
    expect(() => pullBack(graph)).toThrowError(
      expect.objectContaining({ code: "no-gradient", message: expect.stringContaining("kernel_shape") }),
    );
  });

  it.each([
    ["strides", [0, 1]],
    ["dilations", [1]],
    ["pads", [1, 1]],
    ["pads", [-1, 0, 0, 0]],
    ["kernel_shape", [3, 0]],
  ])("report broken %s %j", (attribute, values) => {
    const graph = graphOf((b) =>
      b.op("Conv", ["x", b.floats([1, 1, 3, 3], weights([1, 1, 3, 3]))], { [attribute]: values }),
    );
    expect(() => pullBack(graph)).toThrowError(
      expect.objectContaining({
        code: "bad-input",
        message: expect.stringContaining(`${attribute} is [${values.join(", ")}]`),
      }),
    );
  });
});

function graphOf(build: (b: GraphBuilder) => string) {
  const b = new GraphBuilder("m");
  b.input("x", [1, 1, 7, 7]);
  b.output(build(b));
  return b.graph("test");
}

function pullBack(graph: ReturnType<typeof graphOf>): void {
  buildBackward(graph, { taps: ["x"], outputs: [graph.outputs[0]!.name], manySeeds: false });
}

describe("a convolution whose weight does not fit", () => {
  it.each([
    ["another kernel", [4, 3, 3, 3], { kernel_shape: [1, 1] }],
    ["groups that do not divide its outputs", [4, 3, 1, 1], { group: 3 }],
    ["too few dims", [4], {}],
    ["too many dims", [4, 3, 1, 1, 1], { kernel_shape: [1, 1] }],
  ])("is refused: %s", (_, dims, attributes) => {
    const b = new GraphBuilder();
    const y = b.op("Conv", [b.input("x", [1, 3, 4, 4]), b.floats(dims, weights(dims))], attributes);
    b.output(y);
    const build = () => buildBackward(b.graph("test"), { taps: ["x"], outputs: [y], manySeeds: false });
    expect(build).toThrow(expect.objectContaining({ code: "bad-input", message: expect.stringContaining("dims [4") }));
  });
});
