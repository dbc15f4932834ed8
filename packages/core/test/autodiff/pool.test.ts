import { describe, it } from "vitest";
import type { AttributeLiteral } from "../../src/onnx/attributes.js";
import { checkVjp } from "../support/check-vjp.js";

interface PoolCase {
  readonly x: readonly number[];
  readonly attributes: Readonly<Record<string, AttributeLiteral>>;
}

const windows: Readonly<Record<string, PoolCase>> = {
  "5 × 5 stride 1, as in SPPF": { x: [1, 3, 7, 6], attributes: { kernel_shape: [5, 5], pads: [2, 2, 2, 2] } },
  "2 × 2 stride 2": { x: [1, 3, 8, 6], attributes: { kernel_shape: [2, 2], strides: [2, 2] } },
  "no padding, batch 2": { x: [2, 3, 7, 5], attributes: { kernel_shape: [3, 2] } },
  "strides that do not divide": {
    x: [1, 2, 11, 13],
    attributes: { kernel_shape: [3, 4], strides: [2, 5], pads: [1, 2, 0, 1] },
  },
  ceil_mode: {
    x: [1, 3, 8, 11],
    attributes: { kernel_shape: [3, 3], strides: [2, 3], pads: [1, 0, 1, 1], ceil_mode: 1 },
  },
  dilations: {
    x: [2, 2, 11, 9],
    attributes: { kernel_shape: [3, 2], strides: [1, 2], dilations: [2, 3], pads: [1, 1, 2, 0] },
  },
  "stride beyond the kernel": { x: [1, 2, 11, 9], attributes: { kernel_shape: [2, 1], strides: [4, 3] } },
  SAME_UPPER: { x: [1, 2, 8, 11], attributes: { kernel_shape: [3, 2], strides: [2, 3], auto_pad: "SAME_UPPER" } },
  SAME_LOWER: { x: [1, 2, 8, 11], attributes: { kernel_shape: [3, 2], strides: [2, 3], auto_pad: "SAME_LOWER" } },
  "SAME_LOWER, stride 1": { x: [1, 2, 5, 7], attributes: { kernel_shape: [2, 4], auto_pad: "SAME_LOWER" } },
  VALID: { x: [1, 2, 8, 11], attributes: { kernel_shape: [3, 2], strides: [2, 3], auto_pad: "VALID" } },
  "one spatial axis": { x: [1, 3, 11], attributes: { kernel_shape: [3], strides: [2], pads: [1, 0] } },
  "three spatial axes": { x: [1, 2, 5, 4, 3], attributes: { kernel_shape: [2, 3, 1], pads: [1, 1, 0, 0, 1, 0] } },
};

describe("the gradient of MaxPool", () => {
  for (const [name, { x, attributes }] of Object.entries(windows)) {
    it(name, () =>
      checkVjp({ build: (b, v) => b.op("MaxPool", [v.x!], attributes), inputs: { x: { dims: x, distinct: true } } }),
    );
  }
});

describe("the gradient of AveragePool", () => {
  for (const [name, { x, attributes }] of Object.entries(windows)) {
    for (const count_include_pad of [0, 1]) {
      it(`${name}, count_include_pad ${count_include_pad}`, () =>
        checkVjp({
          build: (b, v) => b.op("AveragePool", [v.x!], { ...attributes, count_include_pad }),
          inputs: { x: { dims: x } },
        }));
    }
  }
});

describe("the gradients of global pools", () => {
  it.each([[[1, 3, 5, 7]], [[2, 3, 7]], [[1, 2, 3, 2, 5]]])("GlobalAveragePool of %j", (dims) =>
    checkVjp({ build: (b, { x }) => b.op("GlobalAveragePool", [x!]), inputs: { x: { dims } } }),
  );
  it.each([[[1, 3, 5, 7]], [[2, 3, 7]], [[1, 2, 3, 2, 5]]])("GlobalMaxPool of %j", (dims) =>
    checkVjp({ build: (b, { x }) => b.op("GlobalMaxPool", [x!]), inputs: { x: { dims, distinct: true } } }),
  );
});
