import { describe, expect, it } from "vitest";
import { buildBackward } from "../../src/autodiff/backward.js";
import type { AttributeLiteral } from "../../src/onnx/attributes.js";
import { GraphBuilder, type Value } from "../../src/onnx/builder.js";
import { DataType } from "../../src/onnx/model.js";
import { checkVjp } from "../support/check-vjp.js";

type Attributes = Readonly<Record<string, AttributeLiteral>>;

const byScales = (scales: readonly number[], attributes: Attributes) => (b: GraphBuilder, x: Value) =>
  b.op("Resize", [x, "", b.floats([scales.length], scales)], attributes);

const bySizes = (sizes: readonly number[], attributes: Attributes) => (b: GraphBuilder, x: Value) =>
  b.op("Resize", [x, "", "", b.ints(sizes)], attributes);

function check(
  dims: readonly number[],
  build: (b: GraphBuilder, x: Value) => Value,
  manySeeds?: "refused",
): Promise<void> {
  return checkVjp({ build: (b, v) => build(b, v.x!), inputs: { x: { dims } }, ...(manySeeds ? { manySeeds } : {}) });
}

const mappings = ["half_pixel", "half_pixel_symmetric", "pytorch_half_pixel", "align_corners", "asymmetric"];

describe("the gradient of Resize, nearest", () => {
  it("twice as large, as in YOLO", () =>
    check(
      [1, 3, 5, 7],
      byScales([1, 1, 2, 2], { mode: "nearest", coordinate_transformation_mode: "asymmetric", nearest_mode: "floor" }),
    ));
  for (const coordinate_transformation_mode of mappings) {
    for (const nearest_mode of ["round_prefer_floor", "round_prefer_ceil", "floor", "ceil"]) {
      const attributes = { mode: "nearest", coordinate_transformation_mode, nearest_mode };
      it(`${coordinate_transformation_mode}, ${nearest_mode}`, async () => {
        await check([1, 2, 3, 5], byScales([1, 1, 2, 3], attributes));
        await check([1, 2, 5, 7], byScales([1, 1, 1.7, 0.6], attributes));
        await check([2, 2, 5, 7], bySizes([2, 2, 7, 3], attributes));
      });
    }
  }
});

describe("the gradient of Resize, linear and cubic", () => {
  for (const mode of ["linear", "cubic"]) {
    for (const coordinate_transformation_mode of mappings) {
      it(`${mode}, ${coordinate_transformation_mode}`, async () => {
        const attributes = { mode, coordinate_transformation_mode };
        await check([1, 2, 5, 7], byScales([1, 1, 2, 1.5], attributes));
        await check([2, 2, 5, 7], byScales([1, 1, 0.7, 3], attributes));
        await check([1, 3, 7, 5], bySizes([1, 3, 4, 9], attributes));
      });
    }
  }
  it("cubic with its options", () =>
    check(
      [1, 2, 5, 7],
      byScales([1, 1, 2.3, 0.8], { mode: "cubic", cubic_coeff_a: { float: -0.5 }, exclude_outside: 1 }),
    ));
});

describe("the gradient of Resize", () => {
  it("tf_half_pixel_for_nn", () =>
    check(
      [1, 2, 5, 7],
      byScales([1, 1, 2, 0.6], { mode: "nearest", coordinate_transformation_mode: "tf_half_pixel_for_nn" }),
    ));
  it("one spatial axis", () => check([1, 3, 7], byScales([1, 1, 2], { mode: "nearest" })));
  it("one spatial axis, linear", () => check([1, 3, 7], byScales([1, 1, 1.5], { mode: "linear" })));
  it("listed axes", () => check([1, 3, 5, 7], byScales([1.5, 2], { mode: "linear", axes: [2, 3] })));
  it("listed axes from behind, one only", () => check([1, 3, 5, 7], bySizes([11], { mode: "nearest", axes: [-2] })));
  it("channels", () => check([2, 3, 5], byScales([1, 2, 1.5], { mode: "nearest" })));
  it("a middle axis", () => check([2, 3, 5, 4, 7], byScales([1, 1, 1.5, 1, 1], { mode: "nearest" })));
  it("the batch, with seeds", () => check([1, 3], byScales([2, 1.5], { mode: "nearest" }), "refused"));
  it("scales of 1", () => check([1, 3, 5, 7], byScales([1, 1, 1, 1], { mode: "nearest" })));
  it("computed sizes", () =>
    check([1, 3, 5, 7], (b, x) =>
      b.op("Resize", [x, "", "", b.op("Cast", [b.floats([4], [1, 3, 9, 4])], { to: DataType.INT64 })], {
        mode: "linear",
      }),
    ));
  it("computed scales", () =>
    check(
      [1, 3, 5, 7],
      (b, x) => b.op("Resize", [x, "", b.op("Abs", [b.floats([4], [1, 1, 2, 1.5])])], { mode: "linear" }),
      undefined,
    ));

  it.each<[string, Attributes]>([
    ["antialias", { mode: "linear", antialias: 1 }],
    ["keep_aspect_ratio_policy", { mode: "linear", keep_aspect_ratio_policy: "not_larger" }],
    ["tf_crop_and_resize", { mode: "linear", coordinate_transformation_mode: "tf_crop_and_resize" }],
  ])("says that %s is not supported", (word, attributes) => {
    expect(() => pullBack([1, 1, 5, 5], bySizes([1, 1, 3, 3], attributes))).toThrowError(
      expect.objectContaining({ code: "no-gradient", message: expect.stringContaining(word) }),
    );
  });

  it("needs to know the rank", () => {
    const blind = (b: GraphBuilder, x: Value) => b.op("Resize", [x, "", b.op("Abs", [b.floats([4], [1, 1, 2, 2])])]);
    expect(() => pullBack(undefined, blind)).toThrowError(
      expect.objectContaining({ code: "no-gradient", message: expect.stringContaining("rank") }),
    );
  });
});

function pullBack(dims: readonly number[] | undefined, build: (b: GraphBuilder, x: Value) => Value): void {
  const b = new GraphBuilder("m");
  b.input("x", dims);
  const y = build(b, "x");
  b.output(y);
  buildBackward(b.graph("test"), { taps: ["x"], outputs: [y], manySeeds: false });
}
