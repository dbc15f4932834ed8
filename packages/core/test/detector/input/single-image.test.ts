import { describe, expect, it } from "vitest";
import { type BatchShapes, singleImage } from "../../../src/detector/input/single-image.js";
import { GraphBuilder, type Value } from "../../../src/onnx/builder.js";
import { DataType } from "../../../src/onnx/model.js";
import { intsOf } from "../../../src/onnx/tensors.js";
import { modelOf } from "../../onnx/support.js";
import { runGraph } from "../../support/ort.js";

type Change = (b: GraphBuilder, x: Value) => Value;

const IMAGE = Float32Array.from({ length: 12 }, (_, i) => i + 1);

/** A model with a batch of three images, converted to one image. */
function single(change: Change, shapes: BatchShapes = "exact") {
  const b = new GraphBuilder("");
  const x = b.input("x", [3, 3, 2, 2]);
  b.output(change(b, x), [3, "rows"]);
  return singleImage(modelOf(b.graph("g")), 3, shapes).graph;
}

describe("singleImage", () => {
  it.each<[string, Change, readonly number[]]>([
    ["Reshape", (b, x) => b.op("Reshape", [x, b.ints([3, -1])]), [1, 12]],
    ["Reshape, of a size that is the batch's too", (b, x) => b.op("Reshape", [x, b.ints([3, 3, 4])]), [1, 3, 4]],
    [
      "a shape put together",
      (b, x) => {
        const sides = b.op("Slice", [b.op("Shape", [x]), b.ints([1]), b.ints([4]), b.ints([0])]);
        return b.op("Reshape", [x, b.op("Concat", [b.ints([3]), sides], { axis: 0 })]);
      },
      [1, 3, 2, 2],
    ],
    [
      "a constant spread over the batch",
      (b, x) => b.op("Add", [x, b.op("Expand", [b.floats([1, 1, 1, 1], [0]), b.ints([3, 1, 2, 2])])]),
      [1, 3, 2, 2],
    ],
    [
      "a constant repeated",
      (b, x) => b.op("Add", [x, b.op("Tile", [b.floats([1, 1, 1, 1], [0]), b.ints([3, 1, 1, 1])])]),
      [1, 3, 2, 2],
    ],
    ["a map resized", (b, x) => b.op("Resize", [x, "", "", b.ints([3, 3, 2, 2])], { mode: "nearest" }), [1, 3, 2, 2]],
  ])("makes one image of %s", async (_, change, dims) => {
    const graph = single(change);
    expect(graph.inputs[0]!.shape).toEqual([1, 3, 2, 2]);
    const [found] = await runGraph(graph, { x: { dims: [1, 3, 2, 2], data: IMAGE } });
    expect(found!.dims).toEqual(dims);
    expect([...found!.data]).toEqual([...IMAGE]);
  });

  it("leaves constants alone, and other uses of the same numbers", async () => {
    const graph = single((b, x) => {
      const three = b.ints([3]);
      // [3, 2] of a grid, and the number 3 as an end, share their constants with shapes of the batch.
      const grid = b.op("Reshape", [b.floats([6], [1, 1, 1, 1, 1, 1]), b.ints([3, 2])]);
      const channels = b.op("Slice", [x, b.ints([0]), three, b.ints([1])]);
      const rows = b.op("Reshape", [channels, b.op("Concat", [three, b.ints([-1, 2])], { axis: 0 })]);
      return b.op("Add", [rows, b.op("ReduceSum", [grid])]);
    });
    const [found] = await runGraph(graph, { x: { dims: [1, 3, 2, 2], data: IMAGE } });
    expect(found!.dims).toEqual([1, 6, 2]);
    expect([...found!.data]).toEqual([...IMAGE].map((value) => value + 6));
  });

  it("makes one image of areas that lie one after another, when asked", async () => {
    const areas: Change = (b, x) => {
      const parts = b.op("Mul", [b.op("Reshape", [x, b.ints([6, 1, 6])]), b.float(1)]);
      return b.op("Reshape", [parts, b.ints([3, 3, 2, 2])]);
    };
    const [found] = await runGraph(single(areas, "multiples"), { x: { dims: [1, 3, 2, 2], data: IMAGE } });
    expect(found!.dims).toEqual([1, 3, 2, 2]);
    expect([...found!.data]).toEqual([...IMAGE]);
    const left = single(areas);
    expect(intsOf(left.initializers.get(left.nodes[0]!.inputs[1]!)!)).toEqual([6, 1, 6]);
  });

  it("leaves shapes of another batch, and vectors that are no shape", () => {
    const graph = single((b, x) => {
      const floats = b.floats([1], [3], "three");
      return b.op("Mul", [b.op("Reshape", [x, b.ints([9, -1])]), floats]);
    });
    expect(intsOf(graph.initializers.get(graph.nodes[0]!.inputs[1]!)!)).toEqual([9, -1]);
    expect(graph.initializers.get("three")!.dataType).toBe(DataType.FLOAT);
  });
});
