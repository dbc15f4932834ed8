import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createTape, type Scalar, type Tape } from "../../src/scores/tape.js";

/** d f / d (x, y) at (x, y). */
function slopes(f: (tape: Tape, x: Scalar, y: Scalar) => Scalar, x: number, y: number): [number, number] {
  const tape = createTape();
  const [a, b] = [tape.leaf(x), tape.leaf(y)];
  const gradient = tape.gradient(f(tape, a, b));
  return [gradient[a.id]!, gradient[b.id]!];
}

const functions: Readonly<Record<string, (tape: Tape, x: Scalar, y: Scalar) => Scalar>> = {
  add: (t, x, y) => t.add(x, y),
  sub: (t, x, y) => t.sub(x, y),
  mul: (t, x, y) => t.mul(x, y),
  div: (t, x, y) => t.div(x, y),
  max: (t, x, y) => t.max(x, y),
  min: (t, x, y) => t.min(x, y),
  clampMin: (t, x, y) => t.add(t.clampMin(x, 1.5), y),
  "log, exp": (t, x, y) => t.log(t.add(t.exp(x), t.exp(y))),
  "sum, reuse": (t, x, y) => t.sum([x, t.mul(x, x), t.mul(x, y), t.constant(3)]),
};

describe("tape", () => {
  for (const [name, f] of Object.entries(functions)) {
    it(`${name}: against central differences`, () => {
      const number = fc.double({ min: 0.25, max: 4, noNaN: true });
      const property = fc.property(number, number, (x, y) => {
        // Kinks have no slope to compare with.
        fc.pre(Math.abs(x - y) > 1e-3 && Math.abs(x - 1.5) > 1e-3);
        const h = 1e-5;
        const value = (a: number, b: number) => {
          const tape = createTape();
          return f(tape, tape.leaf(a), tape.leaf(b)).value;
        };
        const [dx, dy] = slopes(f, x, y);
        expect(dx).toBeCloseTo((value(x + h, y) - value(x - h, y)) / (2 * h), 5);
        expect(dy).toBeCloseTo((value(x, y + h) - value(x, y - h)) / (2 * h), 5);
      });
      fc.assert(property, { seed: 1 });
    });
  }

  it("shares the gradient at ties of max and min", () => {
    expect(slopes((t, x, y) => t.max(x, y), 2, 2)).toEqual([0.5, 0.5]);
    expect(slopes((t, x, y) => t.min(x, y), 2, 2)).toEqual([0.5, 0.5]);
  });

  it("passes the gradient of clampMin at the bound itself", () => {
    expect(slopes((t, x) => t.clampMin(x, 0), 0, 1)[0]).toBe(1);
    expect(slopes((t, x) => t.clampMin(x, 0), -1e-9, 1)[0]).toBe(0);
  });

  it("rounds to float32 with slope one", () => {
    const tape = createTape();
    const x = tape.leaf(0.1);
    const rounded = tape.float32(x);
    expect(rounded.value).toBe(Math.fround(0.1));
    expect(tape.gradient(rounded)[x.id]).toBe(1);
  });

  it("gives constants no gradient, and results of constants neither", () => {
    const tape = createTape();
    const x = tape.leaf(2);
    const three = tape.mul(tape.constant(1), tape.constant(3));
    expect(three).toEqual({ value: 3, id: -1 });
    expect([...tape.gradient(three)]).toEqual([0]);
    expect(tape.gradient(tape.mul(three, x))[x.id]).toBe(3);
  });

  it("makes no NaN of a zero that meets an infinite slope", () => {
    expect(slopes((t, x, y) => t.mul(t.log(x), t.sub(y, y)), 0, 1)[0]).toBe(0);
  });
});
