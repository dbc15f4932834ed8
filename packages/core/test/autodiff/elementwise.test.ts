import { describe, it } from "vitest";
import { checkVjp } from "../support/check-vjp.js";

describe("elementwise rules", () => {
  it("Sigmoid", () => checkVjp({ build: (b, { x }) => b.op("Sigmoid", [x!]), inputs: { x: { dims: [1, 3, 5] } } }));
  it("SiLU", () =>
    checkVjp({ build: (b, { x }) => b.op("Mul", [x!, b.op("Sigmoid", [x!])]), inputs: { x: { dims: [1, 3, 5, 7] } } }));
  it("broadcast", () =>
    checkVjp({
      build: (b, { x, y }) => b.op("Mul", [x!, y!]),
      inputs: { x: { dims: [1, 3, 5, 7] }, y: { dims: [1, 3, 1, 1] } },
    }));
  it("broadcast lower rank", () =>
    checkVjp({
      build: (b, { x, y }) => b.op("Mul", [x!, y!]),
      inputs: { x: { dims: [1, 3, 5, 7] }, y: { dims: [3, 1, 1] } },
    }));
});
