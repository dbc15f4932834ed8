import { describe, expect, it } from "vitest";
import { channelsOf, normalisationOf, rangeOf } from "../../../src/detector/input/normalisation.js";
import { GraphBuilder, type Value } from "../../../src/onnx/builder.js";
import { GraphIndex } from "../../../src/onnx/graph.js";
import { DataType } from "../../../src/onnx/model.js";

type Change = (b: GraphBuilder, x: Value) => Value;

const each = (b: GraphBuilder, values: readonly number[]): Value => b.floats([1, 3, 1, 1], values);
const MEANS = [123.675, 116.28, 103.53];
const STDS = [58.395, 57.12, 57.375];
const shares = (values: readonly number[]): number[] => values.map((value) => value / 255);

/** What is read of a graph that does `change` to its pixels, then something that is no normalisation. */
function read(change: Change) {
  const b = new GraphBuilder("");
  const x = b.input("x", [1, 3, 8, 8]);
  b.output(b.op("Relu", [change(b, x)]));
  return normalisationOf(new GraphIndex(b.graph("g")), "x");
}

const cases: readonly [string, Change, 1 | 255 | undefined, "rgb" | "bgr" | undefined][] = [
  ["nothing", (_, x) => x, undefined, undefined],
  ["a division by 255", (b, x) => b.op("Div", [x, b.float(255)]), 255, undefined],
  ["a factor of 1/255", (b, x) => b.op("Mul", [b.float(1 / 255), x]), 255, undefined],
  [
    "planes made of channels last, then a division",
    (b, x) => b.op("Div", [b.op("Transpose", [x], { perm: [0, 3, 1, 2] }), b.float(255)]),
    255,
    undefined,
  ],
  ["-1..1 of bytes", (b, x) => b.op("Sub", [b.op("Div", [x, b.float(127.5)]), b.float(1)]), 255, undefined],
  ["-1..1 of shares", (b, x) => b.op("Sub", [b.op("Mul", [x, b.float(2)]), b.float(1)]), 1, undefined],
  ["a subtraction from 1", (b, x) => b.op("Sub", [b.float(1), x]), 1, undefined],
  ["means of bytes, and no more", (b, x) => b.op("Sub", [x, each(b, [...MEANS].reverse())]), 255, "bgr"],
  [
    "means and deviations of bytes",
    (b, x) => b.op("Div", [b.op("Sub", [x, each(b, MEANS)]), each(b, STDS)]),
    255,
    "rgb",
  ],
  [
    "means and deviations of shares",
    (b, x) => b.op("Div", [b.op("Sub", [x, each(b, shares(MEANS))]), each(b, shares(STDS))]),
    1,
    "rgb",
  ],
  [
    "a negative mean added",
    (b, x) =>
      b.op("Add", [
        x,
        each(
          b,
          MEANS.map((mean) => -mean),
        ),
      ]),
    255,
    "rgb",
  ],
  [
    "shares made bytes, and means of bytes",
    (b, x) => b.op("Div", [b.op("Sub", [b.op("Mul", [x, b.float(255)]), each(b, MEANS)]), each(b, STDS)]),
    1,
    "rgb",
  ],
  [
    "BGR made RGB, and means of RGB",
    (b, x) => b.op("Sub", [b.op("Gather", [x, b.ints([2, 1, 0])], { axis: 1 }), each(b, MEANS)]),
    255,
    "bgr",
  ],
  [
    "means of BGR, then made RGB by a slice",
    (b, x) => {
      const centred = b.op("Sub", [x, each(b, [...MEANS].reverse())]);
      return b.op("Slice", [centred, b.ints([2]), b.ints([-9]), b.ints([1]), b.ints([-1])]);
    },
    255,
    "bgr",
  ],
  [
    "a cast to double precision",
    (b, x) => b.op("Div", [b.op("Cast", [x], { to: DataType.DOUBLE }), b.float(255)]),
    255,
    undefined,
  ],
  [
    "a division in half precision",
    (b, x) => {
      const half = { name: "half", dims: [], dataType: DataType.FLOAT16, bytes: Uint8Array.of(0xf8, 0x5b) };
      b.initializers.set("half", half);
      return b.op("Div", [b.op("Cast", [x], { to: DataType.FLOAT16 }), "half"]);
    },
    255,
    undefined,
  ],
  ["two branches", (b, x) => b.op("Add", [b.op("Div", [x, b.float(255)]), b.op("Abs", [x])]), undefined, undefined],
  ["a share of its own", (b, x) => b.op("Div", [b.float(255), x]), undefined, undefined],
  ["a number for each column", (b, x) => b.op("Mul", [x, b.floats([8], new Float32Array(8))]), undefined, undefined],
  ["half of the image", (b, x) => b.op("Slice", [x, b.ints([0]), b.ints([4]), b.ints([2])]), undefined, undefined],
];

describe("normalisationOf", () => {
  it.each(cases)("reads %s", (_, change, range, channels) => {
    const found = read(change);
    expect(rangeOf(found)).toBe(range);
    expect(channelsOf(found, range ?? 1)).toBe(channels);
  });

  it("gives gain and shift for each channel", () => {
    const { gain, shift } = read((b, x) => b.op("Div", [b.op("Sub", [x, each(b, [1, 2, 3])]), each(b, [2, 4, 8])]));
    expect(gain).toEqual([0.5, 0.25, 0.125]);
    expect(shift).toEqual([-0.5, -0.5, -0.375]);
  });
});
