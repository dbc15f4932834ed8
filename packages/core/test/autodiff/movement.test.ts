import { describe, expect, it } from "vitest";
import { buildBackward } from "../../src/autodiff/backward.js";
import { GraphBuilder, type Value } from "../../src/onnx/builder.js";
import { DataType } from "../../src/onnx/model.js";
import { checkVjp, type VjpCase } from "../support/check-vjp.js";

type Build = (b: GraphBuilder, x: Value) => Value | readonly Value[];

/** One input `x`; the rest of the case as in VjpCase. */
function moves(dims: readonly number[], build: Build, rest: Partial<VjpCase> = {}): () => Promise<void> {
  return () => checkVjp({ build: (b, v) => build(b, v.x!), inputs: { x: { dims } }, ...rest });
}

/** Int64 values that are computed in the graph. */
function computed(b: GraphBuilder, values: readonly number[], dims: readonly number[] = [values.length]): Value {
  return b.op("Cast", [b.floats(dims, values)], { to: DataType.INT64 });
}

const refused = { manySeeds: "refused" } as const;

describe("the gradient of Pad", () => {
  const pads = (mode: string, amounts: readonly number[]) => (b: GraphBuilder, x: Value) =>
    b.op("Pad", [x, b.ints(amounts)], { mode });
  it("constant", moves([1, 2, 5, 7], pads("constant", [0, 1, 2, 0, 0, 0, 3, 1])));
  it("constant, batch", moves([1, 2, 5], pads("constant", [1, 0, 2, 0, 1, 0]), refused));
  it("constant, cropping", moves([2, 3, 7, 5], pads("constant", [0, 0, -2, 1, 0, 0, 1, -3])));
  it(
    "constant, axes",
    moves([1, 3, 7, 5], (b, x) => b.op("Pad", [x, b.ints([1, 2, 0, 3]), "", b.ints([-1, 2])])),
  );
  it(
    "constant, a value and computed amounts",
    moves([2, 3, 5], (b, x) => b.op("Pad", [x, computed(b, [0, 1, 2, 0, 0, -3]), b.float(2)])),
  );
  it(
    "computed amounts",
    moves([1, 3, 5], (b, x) => b.op("Pad", [x, computed(b, [0, 1, 2, 0, 0, 3])]), refused),
  );
  it("reflect", moves([1, 2, 5, 7], pads("reflect", [0, 0, 2, 3, 0, 0, 1, 4])));
  it("edge, batch 2", moves([2, 2, 5, 7], pads("edge", [0, 1, 2, 0, 0, 0, 3, 4])));
  it("edge, batch", moves([2, 2, 3], pads("edge", [1, 0, 1, 2, 0, 0])));
  it("wrap", moves([1, 2, 5, 7], pads("wrap", [0, 0, 2, 0, 0, 0, 1, 3])));
  it(
    "reflect, axes",
    moves([1, 2, 5, 7], (b, x) => b.op("Pad", [x, b.ints([1, 2, 0, 3]), "", b.ints([-1, 2])], { mode: "reflect" })),
  );
  it("of a copying mode needs constant amounts", () =>
    expectNoGradient(
      [1, 3, 5],
      (b) => b.op("Pad", ["x", computed(b, [0, 1, 2, 0, 0, 3])], { mode: "edge" }),
      "constant pads",
    ));
});

describe("the gradient of Slice", () => {
  const sliced =
    (starts: readonly number[], ends: readonly number[], axes?: readonly number[], steps?: readonly number[]) =>
    (b: GraphBuilder, x: Value) =>
      b.op("Slice", [x, b.ints(starts), b.ints(ends), axes ? b.ints(axes) : "", steps ? b.ints(steps) : ""]);
  it("one axis", moves([1, 5, 7], sliced([2], [4], [1])));
  it("axes from behind, ends past the axis", moves([2, 5, 7], sliced([1, 3], [4, 100], [-2, -1])));
  it("negative starts and ends", moves([1, 5, 7], sliced([-4, -100], [-1, -2], [1, 2])));
  it("no axes given, axis 0 whole", moves([1, 5, 7], sliced([0, 2], [2 ** 63, 4])));
  it("axis 0", moves([1, 5, 7], sliced([0], [1], [0]), refused));
  it("axis 0, batch 3", moves([3, 5, 2], sliced([1, 0], [2, 3])));
  it("step 2, as in Focus", moves([1, 3, 8, 6], sliced([0, 1], [2 ** 63, 2 ** 63], [2, 3], [2, 2])));
  it("steps and a plain cut", moves([2, 5, 11, 7], sliced([1, 2, -1], [4, 10, -100], [1, 2, 3], [1, 3, -2])));
  it("backwards", moves([1, 7, 3], sliced([-2], [0], [1], [-1])));
  it("starts past the end give nothing to pull back", moves([1, 5, 3], sliced([7], [9], [1])));
  it(
    "computed starts and ends",
    moves([1, 5, 11], (b, x) =>
      b.op("Slice", [x, computed(b, [-4, 2]), computed(b, [5, 9]), b.ints([1, 2]), b.ints([1, 3])]),
    ),
  );
  it(
    "int32 starts",
    moves(
      [1, 5, 11],
      (b, x) => {
        const narrow = (value: number) => b.op("Cast", [b.floats([1], [value])], { to: DataType.INT32 });
        b.initializers.set("axes", {
          name: "axes",
          dims: [1],
          dataType: DataType.INT32,
          bytes: new Uint8Array(4).fill(255),
        });
        const axes = "axes"; // -1
        return b.op("Slice", [x, narrow(-7), narrow(9), axes]);
      },
      {},
    ),
  );
  it("needs constant axes and steps", async () => {
    await expectNoGradient(
      [1, 5],
      (b) => b.op("Slice", ["x", b.ints([1]), b.ints([2]), computed(b, [1])]),
      "constant axes",
    );
    const steps: Build = (b) => b.op("Slice", ["x", b.ints([1]), b.ints([2]), b.ints([1]), computed(b, [1])]);
    await expectNoGradient([1, 5], steps, "constant steps");
  });
});

describe("the gradient of Split", () => {
  it(
    "all parts",
    moves([1, 7, 3], (b, x) => b.ops("Split", [x, b.ints([2, 4, 1])], 3, { axis: 1 })),
  );
  it(
    "a part that nothing flows into",
    moves([1, 7, 3], (b, x) => {
      const [first, , last] = b.ops("Split", [x, b.ints([2, 4, 1])], 3, { axis: -2 });
      return [first!, last!];
    }),
  );
  it(
    "num_outputs, the last smaller, batch 2",
    moves([2, 5, 7], (b, x) => b.ops("Split", [x], 3, { axis: -1, num_outputs: 3 })[2]!),
  );
  it(
    "axis 0",
    moves([3, 2], (b, x) => b.ops("Split", [x, b.ints([1, 2])], 2)),
  );
  it(
    "one part",
    moves([1, 3], (b, x) => b.ops("Split", [x, b.ints([3])], 1, { axis: 1 })),
  );
  it(
    "axis 0 with seeds",
    moves([1, 3], (b, x) => b.ops("Split", [x, b.ints([1])], 1, { axis: 0 }), refused),
  );
});

describe("the gradient of Concat", () => {
  const three = { x: { dims: [1, 2, 5] }, y: { dims: [1, 4, 5] }, z: { dims: [1, 1, 5] } };
  const build: VjpCase["build"] = (b, { x, y, z }) => b.op("Concat", [x!, y!, z!], { axis: -2 });
  it("all inputs", () => checkVjp({ build, inputs: three }));
  it("one input", () => checkVjp({ build, inputs: three, wanted: ["y"] }));
  it("two inputs", () => checkVjp({ build, inputs: three, wanted: ["x", "z"] }));
  it(
    "twice the same",
    moves([1, 3, 5], (b, x) => b.op("Concat", [x, x], { axis: 1 })),
  );
  it(
    "alone",
    moves([1, 3, 5], (b, x) => b.op("Concat", [x], { axis: 1 })),
  );
  it("axis 0", () =>
    checkVjp({
      build: (b, { x, y }) => b.op("Concat", [x!, y!], { axis: 0 }),
      inputs: { x: { dims: [2, 3] }, y: { dims: [1, 3] } },
    }));
  it(
    "axis 0 with seeds",
    moves(
      [1, 5],
      (b, x) => b.op("Concat", [x, b.floats([2, 5], [1, 2, 3, 4, 5, 6, 7, 8, 9, 0])], { axis: -2 }),
      refused,
    ),
  );
});

describe("the gradient of Gather", () => {
  const by = (axis: number, indices: readonly number[], dims?: readonly number[]) => (b: GraphBuilder, x: Value) =>
    b.op("Gather", [x, dims ? computed(b, indices, dims) : b.ints(indices)], { axis });
  it(
    "one index",
    moves([1, 5, 7], (b, x) => b.op("Gather", [x, b.int(3)], { axis: 1 })),
  );
  it(
    "one index from behind",
    moves([1, 5, 7], (b, x) => b.op("Gather", [x, b.int(-1)], { axis: -1 })),
  );
  it("a run", moves([2, 5, 7], by(1, [1, 2, 3])));
  it("any order, with repeats, last axis", moves([1, 5, 7], by(-1, [6, 0, 2, 2, -1])));
  it("middle axis", moves([2, 5, 7, 2], by(-2, [3, 3, 1])));
  it("computed indices of rank 2", moves([1, 5, 7], by(1, [4, 0, 0, 2, 1, -2], [2, 3])));
  it("axis 0", moves([5, 3], by(0, [4, 0, 4])));
  it("axis 0 with seeds", moves([1, 3], by(0, [0]), refused));
});

describe("the gradients of GatherElements and GatherND", () => {
  const table = [3, 0, 0, 1, 2, 2, -1, 0, 3, 3, 1, 0];
  it(
    "GatherElements",
    moves([1, 4, 3], (b, x) => b.op("GatherElements", [x, computed(b, table, [1, 4, 3])], { axis: 1 })),
  );
  it(
    "GatherElements of fewer rows",
    moves([2, 4, 3], (b, x) => b.op("GatherElements", [x, computed(b, table.slice(0, 6), [1, 2, 3])], { axis: -2 })),
  );
  it(
    "GatherElements along axis 0",
    moves([1, 2], (b, x) => b.op("GatherElements", [x, computed(b, [0, 0], [1, 2])], { axis: 0 }), refused),
  );
  it(
    "GatherND",
    moves([2, 4, 3], (b, x) => b.op("GatherND", [x, computed(b, [0, 3, 1, 1, 0, 3], [3, 2])])),
  );
  it(
    "GatherND with seeds",
    moves([1, 4], (b, x) => b.op("GatherND", [x, computed(b, [0, 3], [1, 2])]), refused),
  );
  it("GatherND says that batch_dims are not supported", () =>
    expectNoGradient(
      [2, 3],
      (b) => b.op("GatherND", ["x", computed(b, [0, 1], [2, 1])], { batch_dims: 1 }),
      "batch_dims",
    ));
});

describe("the gradients of reshaping ops", () => {
  it(
    "Reshape",
    moves([1, 6, 5], (b, x) => b.op("Reshape", [x, b.ints([1, 2, -1, 5])])),
  );
  it(
    "Reshape, batch 2",
    moves([2, 6, 5], (b, x) => b.op("Reshape", [x, b.ints([0, -1])])),
  );
  it(
    "Reshape to a computed shape",
    moves([1, 6, 5], (b, x) => b.op("Reshape", [x, computed(b, [1, 3, 10])])),
  );
  it(
    "Reshape away from the batch",
    moves([1, 6, 5], (b, x) => b.op("Reshape", [x, b.ints([3, 10])]), refused),
  );
  it(
    "Flatten",
    moves([1, 3, 5], (b, x) => b.op("Flatten", [x])),
  );
  it(
    "Flatten, batch 2",
    moves([2, 3, 5], (b, x) => b.op("Flatten", [x], { axis: 2 })),
  );
  it(
    "Flatten away from the batch",
    moves([1, 3, 5], (b, x) => b.op("Flatten", [x], { axis: -1 }), refused),
  );
  it(
    "Squeeze",
    moves([1, 3, 1, 5], (b, x) => b.op("Squeeze", [x, b.ints([-2])])),
  );
  it(
    "Squeeze all",
    moves([1, 3, 1, 5], (b, x) => b.op("Squeeze", [x]), refused),
  );
  it(
    "Squeeze the batch",
    moves([1, 3, 5], (b, x) => b.op("Squeeze", [x, b.ints([0])]), refused),
  );
  it(
    "Unsqueeze",
    moves([1, 3, 5], (b, x) => b.op("Unsqueeze", [x, b.ints([-1, 2])])),
  );
  it(
    "Unsqueeze in front",
    moves([1, 3, 5], (b, x) => b.op("Unsqueeze", [x, b.ints([0])])),
  );
});

describe("the gradients of repeating ops", () => {
  it(
    "Expand",
    moves([1, 3, 1, 5], (b, x) => b.op("Expand", [x, b.ints([1, 1, 4, 5])])),
  );
  it(
    "Expand to a computed shape",
    moves([2, 1, 5], (b, x) => b.op("Expand", [x, computed(b, [3, 1])])),
  );
  it(
    "Expand to a higher rank",
    moves([3, 1], (b, x) => b.op("Expand", [x, b.ints([2, 3, 4])])),
  );
  it(
    "Tile",
    moves([1, 3, 5], (b, x) => b.op("Tile", [x, b.ints([1, 2, 3])])),
  );
  it(
    "Tile, batch 2, computed repeats",
    moves([2, 3, 5], (b, x) => b.op("Tile", [x, computed(b, [3, 1, 2])])),
  );
  it(
    "Tile with seeds",
    moves([1, 3], (b, x) => b.op("Tile", [x, b.ints([2, 1])]), refused),
  );
});

describe("the gradient of Transpose", () => {
  it(
    "batch kept",
    moves([1, 3, 5, 7], (b, x) => b.op("Transpose", [x], { perm: [0, 2, 3, 1] })),
  );
  it(
    "cyclic, batch 2",
    moves([2, 3, 5, 7], (b, x) => b.op("Transpose", [x], { perm: [1, 2, 3, 0] })),
  );
  it(
    "default",
    moves([2, 3, 5], (b, x) => b.op("Transpose", [x])),
  );
  it(
    "default with seeds",
    moves([1, 3, 5], (b, x) => b.op("Transpose", [x]), refused),
  );
  it(
    "batch moved",
    moves([1, 3, 5], (b, x) => b.op("Transpose", [x], { perm: [1, 0, 2] }), refused),
  );
});

describe("the gradients of channel shuffles", () => {
  for (const mode of ["DCR", "CRD"]) {
    it(
      `DepthToSpace ${mode}`,
      moves([1, 18, 2, 5], (b, x) => b.op("DepthToSpace", [x], { blocksize: 3, mode })),
    );
    it(
      `DepthToSpace ${mode}, batch 2`,
      moves([2, 12, 3, 2], (b, x) => b.op("DepthToSpace", [x], { blocksize: 2, mode })),
    );
  }
  it(
    "SpaceToDepth",
    moves([2, 3, 4, 6], (b, x) => b.op("SpaceToDepth", [x], { blocksize: 2 })),
  );
});

describe("the gradient of BatchNormalization", () => {
  const norm = (b: GraphBuilder, x: Value) =>
    b.op(
      "BatchNormalization",
      [
        x,
        ...[
          [1, -2, 0.5],
          [1, 2, 3],
          [0, -1, 2],
          [0.3, 2, 1.1],
        ].map((v) => b.floats([3], v)),
      ],
      {
        epsilon: { float: 1e-3 },
      },
    );
  it("of an image", moves([1, 3, 5, 2], norm));
  it("of rows, batch 2", moves([2, 3], norm));
  it("says that training is not supported", () =>
    expectNoGradient(
      [1, 1],
      (b) =>
        b.ops("BatchNormalization", ["x", ...[1, 2, 3, 4].map((v) => b.floats([1], [v]))], 3, { training_mode: 1 })[0]!,
      "training_mode",
    ));
});

async function expectNoGradient(dims: readonly number[], build: Build, word: string): Promise<void> {
  const b = new GraphBuilder("m");
  b.input("x", dims);
  const y = build(b, "x") as Value;
  b.output(y);
  const request = { taps: ["x"], outputs: [y], manySeeds: false };
  expect(() => buildBackward(b.graph("test"), request)).toThrowError(
    expect.objectContaining({ code: "no-gradient", message: expect.stringContaining(word) }),
  );
}
