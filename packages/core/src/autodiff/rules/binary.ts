import type { GradRule } from "../rule.js";

const add: GradRule = { op: "Add", broadcasts: true, vjp: (cx) => [cx.cotangent(0), cx.cotangent(0)] };

const sub: GradRule = {
  op: "Sub",
  broadcasts: true,
  vjp(cx) {
    const g = cx.cotangent(0)!;
    return [g, cx.wants(1) ? cx.op("Neg", [g]) : null];
  },
};

const mul: GradRule = {
  op: "Mul",
  broadcasts: true,
  vjp(cx) {
    const g = cx.cotangent(0)!;
    return [1, 0].map((other, i) => (cx.wants(i) ? cx.op("Mul", [g, cx.input(other)]) : null));
  },
};

/** y = a / b: g / b, and −g · y / b. */
const div: GradRule = {
  op: "Div",
  broadcasts: true,
  vjp(cx) {
    const g = cx.cotangent(0)!;
    const b = cx.input(1);
    const slope = () => cx.op("Neg", [cx.op("Div", [cx.output(0), b])]);
    return [cx.wants(0) ? cx.op("Div", [g, b]) : null, cx.wants(1) ? cx.op("Mul", [g, slope()]) : null];
  },
};

const sum: GradRule = { op: "Sum", broadcasts: true, vjp: (cx) => cx.node.inputs.map(() => cx.cotangent(0)) };

const mean: GradRule = {
  op: "Mean",
  broadcasts: true,
  vjp(cx) {
    const count = cx.node.inputs.length;
    const share = count === 1 ? cx.cotangent(0)! : cx.op("Mul", [cx.cotangent(0)!, cx.build.float(1 / count)]);
    return cx.node.inputs.map(() => share);
  },
};

const where: GradRule = {
  op: "Where",
  broadcasts: true,
  differentiable: () => [1, 2],
  vjp(cx) {
    const g = cx.cotangent(0)!;
    const condition = cx.input(0);
    const zero = cx.build.float(0);
    return [
      null,
      cx.wants(1) ? cx.op("Where", [condition, g, zero]) : null,
      cx.wants(2) ? cx.op("Where", [condition, zero, g]) : null,
    ];
  },
};

/** y = x for x > 0, slope · x else. */
const prelu: GradRule = {
  op: "PRelu",
  broadcasts: true,
  vjp(cx) {
    const g = cx.cotangent(0)!;
    const [x, slope, zero] = [cx.input(0), cx.input(1), cx.build.float(0)];
    const factor = () => cx.op("Where", [cx.op("Greater", [x, zero]), cx.build.float(1), slope]);
    return [
      cx.wants(0) ? cx.op("Mul", [g, factor()]) : null,
      cx.wants(1) ? cx.op("Mul", [g, cx.op("Min", [x, zero])]) : null,
    ];
  },
};

/** Ops of several operands that are broadcast against each other. The engine sums the gradients down to the operands' shapes. */
export const binaryRules: readonly GradRule[] = [add, sub, mul, div, sum, mean, where, prelu];
