import { describe, it } from "vitest";
import type { GraphBuilder, Value } from "../../src/onnx/builder.js";
import { checkVjp } from "../support/check-vjp.js";

/** softmax(q·kᵀ / √d)·v, with the heads as a batch axis. */
function attention(b: GraphBuilder, q: Value, k: Value, v: Value, size: number): Value {
  const scores = b.op("Mul", [
    b.op("MatMul", [q, b.op("Transpose", [k], { perm: [0, 1, 3, 2] })]),
    b.float(size ** -0.5),
  ]);
  return b.op("MatMul", [b.op("Softmax", [scores], { axis: -1 }), v]);
}

describe("blocks of the newer networks agree with differences, one seed and many", () => {
  for (const batch of [1, 2]) {
    it(`attention of three tensors, batch ${batch}`, () =>
      checkVjp({
        build: (b, { q, k, v }) => attention(b, q!, k!, v!, 5),
        inputs: { q: { dims: [batch, 2, 3, 5] }, k: { dims: [batch, 2, 7, 5] }, v: { dims: [batch, 2, 7, 2] } },
      }));

    it(`attention within an image, as in C2PSA: one Split into q, k and v, batch ${batch}`, () =>
      checkVjp({
        build: (b, { x }) => {
          const heads = b.op("Reshape", [x!, b.ints([0, 2, 8, -1])]);
          const [q, k, v] = b.ops("Split", [heads, b.ints([2, 2, 4])], 3, { axis: 2 });
          const scores = b.op("MatMul", [b.op("Transpose", [q!], { perm: [0, 1, 3, 2] }), k!]);
          const soft = b.op("Softmax", [b.op("Mul", [scores, b.float(2 ** -0.5)])], { axis: -1 });
          const mixed = b.op("MatMul", [v!, b.op("Transpose", [soft], { perm: [0, 1, 3, 2] })]);
          return b.op("Reshape", [mixed, b.ints([0, 8, 3, 5])]);
        },
        inputs: { x: { dims: [batch, 16, 3, 5] } },
      }));

    it(`a transformer layer: LayerNormalization, attention, Gelu by Erf, batch ${batch}`, () =>
      checkVjp({
        build: (b, { x }) => {
          const weight = (rows: number, columns: number) =>
            b.floats(
              [rows, columns],
              Array.from({ length: rows * columns }, (_, i) => Math.sin(3 * i + rows)),
            );
          const heads = (value: Value) =>
            b.op("Transpose", [b.op("Reshape", [value, b.ints([0, 0, 2, 3])])], { perm: [0, 2, 1, 3] });
          const [q, k, v] = [0, 1, 2].map(() => heads(b.op("MatMul", [x!, weight(6, 6)])));
          const mixed = b.op("Transpose", [attention(b, q!, k!, v!, 3)], { perm: [0, 2, 1, 3] });
          const sum = b.op("Add", [x!, b.op("Reshape", [mixed, b.ints([0, 0, 6])])]);
          const ones = b.floats([6], [1, 2, 0.5, -1, 1, 1.5]);
          const normal = b.op("LayerNormalization", [sum, ones, b.floats([6], [0, 1, 2, 0, 0, 1])], { axis: -1 });
          const h = b.op("MatMul", [normal, weight(6, 4)]);
          const bell = b.op("Add", [b.op("Erf", [b.op("Div", [h, b.float(Math.SQRT2)])]), b.float(1)]);
          return b.op("Mul", [b.op("Mul", [h, bell]), b.float(0.5)]);
        },
        inputs: { x: { dims: [batch, 5, 6] } },
        tolerance: 3e-3,
      }));

    it(`distances from a distribution over bins, as YOLOv8's head has them, batch ${batch}`, () =>
      checkVjp({
        build: (b, { x }) => {
          const bins = b.op("Transpose", [b.op("Reshape", [x!, b.ints([0, 4, 5, -1])])], { perm: [0, 2, 1, 3] });
          const weight = b.floats([1, 5, 1, 1], [0, 1, 2, 3, 4]);
          const distances = b.op("Conv", [b.op("Softmax", [bins], { axis: 1 }), weight], { kernel_shape: [1, 1] });
          const [start, end] = b.ops("Split", [b.op("Reshape", [distances, b.ints([0, 4, 7])])], 2, {
            axis: 1,
            num_outputs: 2,
          });
          return b.op("Concat", [b.op("Sub", [b.float(2), start!]), b.op("Add", [b.float(2), end!])], { axis: 1 });
        },
        inputs: { x: { dims: [batch, 20, 7] } },
      }));
  }

  it("rotated boxes: Sin, Cos and Atan of an angle", () =>
    checkVjp({
      build: (b, { x }) => {
        const [angle, dx, dy] = b.ops("Split", [x!], 3, { axis: 1, num_outputs: 3 });
        const [cos, sin] = [b.op("Cos", [angle!]), b.op("Sin", [angle!])];
        const along = b.op("Sub", [b.op("Mul", [dx!, cos]), b.op("Mul", [dy!, sin])]);
        const across = b.op("Add", [b.op("Mul", [dx!, sin]), b.op("Mul", [dy!, cos])]);
        return b.op("Concat", [along, across, b.op("Atan", [along])], { axis: 1 });
      },
      inputs: { x: { dims: [1, 3, 7] } },
    }));

  it("deformable attention: GridSample at places that the queries choose, weighted by their Softmax", () =>
    checkVjp({
      build: (b, { values, q }) => {
        const weight = (columns: number) =>
          b.floats(
            [4, columns],
            Array.from({ length: 4 * columns }, (_, i) => 0.05 * Math.sin(7 * i + columns)),
          );
        const offsets = b.op("Reshape", [b.op("MatMul", [q!, weight(6)]), b.ints([0, 0, 3, 2])]);
        // Around the middle of a pixel's quarter, so that differences stay between centres.
        const grid = b.op("Add", [offsets, b.floats([2], [0.2, -0.3])]);
        const sampled = b.op("GridSample", [values!, grid], { padding_mode: "zeros", align_corners: 0 });
        const shares = b.op("Softmax", [b.op("MatMul", [q!, weight(3)])], { axis: -1 });
        const rows = b.op("Reshape", [sampled, b.ints([0, 2, 7, 3])]);
        const weighted = b.op("Mul", [rows, b.op("Unsqueeze", [shares, b.ints([1])])]);
        return b.op("Transpose", [b.op("ReduceSum", [weighted, b.ints([-1])], { keepdims: 0 })], { perm: [0, 2, 1] });
      },
      inputs: { values: { dims: [1, 2, 3, 5] }, q: { dims: [1, 7, 4], range: [-0.5, 0.5] } },
    }));
});
