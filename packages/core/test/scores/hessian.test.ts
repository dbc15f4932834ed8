import { describe, expect, it } from "vitest";
import { evaluateScore, scoreHessianVector } from "../../src/scores/index.js";
import type { ScoreTarget } from "../../src/scores/score.js";
import { createTape, type Scalar, type Tape } from "../../src/scores/tape.js";
import { plainScores } from "../support/plain-scores.js";
import { randomSource } from "../support/random.js";

type Fn = (tape: Tape, x: Scalar, y: Scalar) => Scalar;

function gradientAt(f: Fn, [x, y]: readonly [number, number]): [number, number] {
  const tape = createTape();
  const [a, b] = [tape.leaf(x), tape.leaf(y)];
  const gradient = tape.gradient(f(tape, a, b));
  return [gradient[a.id]!, gradient[b.id]!];
}

function hessianVector(f: Fn, [x, y]: readonly [number, number], tangent: readonly [number, number]): number[] {
  const tape = createTape();
  const [a, b] = [tape.leaf(x), tape.leaf(y)];
  const moved = tape.hessianVector(f(tape, a, b), (id) => tangent[id]!);
  return [moved[a.id]!, moved[b.id]!];
}

const functions: Readonly<Record<string, Fn>> = {
  "a square": (t, x) => t.mul(x, x),
  mul: (t, x, y) => t.mul(t.mul(x, y), x),
  div: (t, x, y) => t.div(x, t.mul(y, y)),
  "a constant over": (t, x, y) => t.div(t.constant(3), t.mul(x, y)),
  log: (t, x, y) => t.log(t.add(x, t.mul(y, y))),
  exp: (t, x, y) => t.exp(t.sub(x, t.mul(x, y))),
  max: (t, x, y) => t.max(t.mul(x, x), t.mul(y, y)),
  min: (t, x, y) => t.min(t.mul(x, x), t.exp(y)),
  clampMin: (t, x, y) => t.mul(t.clampMin(x, 0.5), t.clampMin(t.mul(y, y), 100)),
  sum: (t, x, y) => t.mul(t.sum([x, y, t.constant(2), t.mul(x, y)]), t.log(x)),
  softmax: (t, x, y) => t.div(t.exp(x), t.add(t.exp(x), t.exp(y))),
};

describe("hessianVector", () => {
  it.each(Object.keys(functions))("%s: against differences of the gradient", (name) => {
    const f = functions[name]!;
    const random = randomSource(4);
    for (let i = 0; i < 20; i++) {
      const [x, y] = [0.6 + random(), 1.7 + random()];
      const tangent = [2 * random() - 1, 2 * random() - 1] as const;
      const h = 1e-5;
      const [up, down] = [1, -1].map((s) => gradientAt(f, [x + s * h * tangent[0], y + s * h * tangent[1]]));
      const found = hessianVector(f, [x, y], tangent);
      for (const k of [0, 1]) {
        const wanted = (up![k]! - down![k]!) / (2 * h);
        expect(Math.abs(found[k]! - wanted)).toBeLessThan(1e-6 * (1 + Math.abs(wanted)));
      }
    }
  });

  it("keeps the shares of a tie as they are", () => {
    // max(x, y)² at x = y = 3 with halves held: the gradient is 2·m·(½, ½), m moves by ½ of the tangent.
    const square =
      (op: "max" | "min"): Fn =>
      (t, x, y) =>
        t.mul(t[op](x, y), t[op](x, y));
    for (const op of ["max", "min"] as const) {
      expect(hessianVector(square(op), [3, 3], [1, 0])).toEqual([0.5, 0.5]);
      expect(hessianVector(square(op), [3, 3], [1, 1])).toEqual([1, 1]);
      expect(hessianVector(square(op), [3, 3], [1, -1])).toEqual([0, 0]);
    }
  });

  it("rounds to float32 without bending", () => {
    const cube: Fn = (t, x) => t.mul(t.mul(t.float32(x), x), x);
    expect(hessianVector(cube, [2, 0], [1, 0])[0]).toBeCloseTo(12, 12);
  });

  it("is zero for what is linear, and for a constant", () => {
    expect(hessianVector((t, x, y) => t.sub(t.add(x, x), y), [1, 2], [1, 1])).toEqual([0, 0]);
    expect(hessianVector((t) => t.constant(3), [1, 2], [1, 1])).toEqual([0, 0]);
  });
});

describe("scoreHessianVector", () => {
  const columns = 9;
  const random = randomSource(8);
  const rows = Array.from({ length: 23 }, () => [
    ...[20 + 6 * random(), 30 + 6 * random(), 12 + 8 * random(), 9 + 8 * random()],
    ...Array.from({ length: 5 }, () => 0.15 + 0.7 * random()),
  ]);
  const data = Float32Array.from(rows.flat());
  const target = (x1: number, y1: number, x2: number, y2: number, classIndex: number, row: number): ScoreTarget => ({
    ...{ boxInput: { frame: "input", x1, y1, x2, y2 }, classIndex, row },
  });
  const targets = [target(16, 25.5, 29, 38, 0, 3), target(14.5, 24, 31, 36, 2, 10), target(15, 27, 27.5, 35, 1, 17)];
  const options = { topk: 23, versus: 1 };
  const tangent = data.map((_, i) => (2 * random() - 1) * (i % columns < 4 ? 1 : 0.05));

  /** d score / d predictions, `[R, C]`. */
  const dense = ({ rows: live, gradient }: { rows: readonly number[]; gradient: Float64Array }): Float64Array => {
    const all = new Float64Array(data.length);
    for (const [i, row] of live.entries()) all.set(gradient.subarray(i * columns, (i + 1) * columns), row * columns);
    return all;
  };

  it.each(plainScores.map((score) => [score.id, score] as const))("%s: against differences", (_, score) => {
    const h = 1 / 256;
    // Predictions are float32: the step that is taken is the one that they can take.
    const [up, down] = [1, -1].map((s) => data.map((value, i) => value + s * h * tangent[i]!)) as [
      Float32Array,
      Float32Array,
    ];
    const taken = up.map((value, i) => (value - down[i]!) / 2 / h);
    const at = (values: Float32Array) =>
      dense(evaluateScore(score, { rows: 23, columns, data: values }, targets, options));
    const [above, below] = [at(up), at(down)];
    const found = dense(scoreHessianVector(score, { rows: 23, columns, data }, targets, options, taken));
    const wanted = above.map((value, i) => (value - below[i]!) / (2 * h));
    const largest = Math.max(1e-3, ...wanted.map(Math.abs));
    for (let i = 0; i < wanted.length; i++) expect(Math.abs(found[i]! - wanted[i]!) / largest).toBeLessThan(5e-3);
  });
});
