import { floatAttribute, stringAttribute } from "../../onnx/attributes.js";
import type { Value } from "../../onnx/builder.js";
import type { GradRule, VjpContext } from "../rule.js";

/** The derivative f'(x) of y = f(x), from x and y. It uses forward values only, so it stays at batch 1 with many seeds. */
type Derivative = (cx: VjpContext, x: Value, y: Value) => Value;

function elementwise(op: string, derivative: Derivative): GradRule {
  return {
    op,
    differentiable: () => [0],
    vjp: (cx) => [cx.op("Mul", [cx.cotangent(0)!, derivative(cx, cx.input(0), cx.output(0))])],
  };
}

/** `positive` where x > 0, else `negative`. */
function byPositive(cx: VjpContext, x: Value, positive: Value, negative: Value): Value {
  return cx.op("Where", [cx.op("Greater", [x, cx.build.float(0)]), positive, negative]);
}

function scaled(cx: VjpContext, x: Value, factor: number): Value {
  return factor === 1 ? x : cx.op("Mul", [x, cx.build.float(factor)]);
}

function plus(cx: VjpContext, x: Value, term: number): Value {
  return cx.op("Add", [x, cx.build.float(term)]);
}

function square(cx: VjpContext, x: Value): Value {
  return cx.op("Mul", [x, x]);
}

function oneMinus(cx: VjpContext, x: Value): Value {
  return cx.op("Sub", [cx.build.float(1), x]);
}

/** ONNX's default alpha and gamma of Selu. */
const SELU = { alpha: 1.6732631921768188, gamma: 1.0507010221481323 };

const selu: Derivative = (cx, x, y) => {
  const gamma = floatAttribute(cx.node, "gamma", SELU.gamma);
  const alpha = floatAttribute(cx.node, "alpha", SELU.alpha);
  return byPositive(cx, x, cx.build.float(gamma), plus(cx, y, alpha * gamma));
};

const hardSigmoid: Derivative = (cx, _x, y) => {
  const inside = cx.op("And", [cx.op("Greater", [y, cx.build.float(0)]), cx.op("Less", [y, cx.build.float(1)])]);
  return cx.op("Where", [inside, cx.build.float(floatAttribute(cx.node, "alpha", 0.2)), cx.build.float(0)]);
};

/** x / 3 + 1/2 between −3 and 3, 0 below, 1 above. */
const hardSwish: Derivative = (cx, x) => {
  const { build } = cx;
  const middle = plus(cx, scaled(cx, x, 1 / 3), 0.5);
  const upper = cx.op("Where", [cx.op("Less", [x, build.float(3)]), middle, build.float(1)]);
  return cx.op("Where", [cx.op("Greater", [x, build.float(-3)]), upper, build.float(0)]);
};

/** With t = tanh(softplus(x)): t + x·(1 − t²)·σ(x). */
const mish: Derivative = (cx, x) => {
  const t = cx.op("Tanh", [cx.op("Softplus", [x])]);
  const bend = cx.op("Mul", [x, cx.op("Mul", [oneMinus(cx, square(cx, t)), cx.op("Sigmoid", [x])])]);
  return cx.op("Add", [t, bend]);
};

/** With s = σ(αx): s + αx·(s − s²). */
const swish: Derivative = (cx, x) => {
  const ax = scaled(cx, x, floatAttribute(cx.node, "alpha", 1));
  const s = cx.op("Sigmoid", [ax]);
  return cx.op("Add", [s, cx.op("Mul", [ax, cx.op("Sub", [s, square(cx, s)])])]);
};

const gelu: Derivative = (cx, x) =>
  stringAttribute(cx.node, "approximate", "none") === "tanh" ? geluTanh(cx, x) : geluExact(cx, x);

/** Φ(x) + x·φ(x), the normal distribution and its density. */
function geluExact(cx: VjpContext, x: Value): Value {
  const Phi = plus(cx, scaled(cx, cx.op("Erf", [scaled(cx, x, Math.SQRT1_2)]), 0.5), 0.5);
  const phi = scaled(cx, cx.op("Exp", [scaled(cx, square(cx, x), -0.5)]), 1 / Math.sqrt(2 * Math.PI));
  return cx.op("Add", [Phi, cx.op("Mul", [x, phi])]);
}

/** y = x·(1 + t)/2 with t = tanh(u), u = c·(x + k·x³): (1 + t)/2 + x·(1 − t²)/2 · c·(1 + 3k·x²). */
function geluTanh(cx: VjpContext, x: Value): Value {
  const c = Math.sqrt(2 / Math.PI);
  const k = 0.044715;
  const xx = square(cx, x);
  const t = cx.op("Tanh", [cx.op("Mul", [x, plus(cx, scaled(cx, xx, c * k), c)])]);
  const du = plus(cx, scaled(cx, xx, 1.5 * c * k), 0.5 * c);
  const bend = cx.op("Mul", [cx.op("Mul", [x, du]), oneMinus(cx, square(cx, t))]);
  return cx.op("Add", [plus(cx, scaled(cx, t, 0.5), 0.5), bend]);
}

/** Where the derivative is discontinuous, its value is PyTorch's: 0 at 0 for Relu and Abs, the slope of the negative side for LeakyRelu and Elu. */
export const elementwiseRules: readonly GradRule[] = [
  elementwise("Sigmoid", (cx, _x, y) => cx.op("Sub", [y, square(cx, y)])),
  elementwise("Tanh", (cx, _x, y) => oneMinus(cx, square(cx, y))),
  elementwise("Relu", (cx, _x, y) => cx.op("Sign", [y])),
  elementwise("LeakyRelu", (cx, x) =>
    byPositive(cx, x, cx.build.float(1), cx.build.float(floatAttribute(cx.node, "alpha", 0.01))),
  ),
  elementwise("Elu", (cx, x, y) =>
    byPositive(cx, x, cx.build.float(1), plus(cx, y, floatAttribute(cx.node, "alpha", 1))),
  ),
  elementwise("Celu", (cx, x, y) =>
    byPositive(cx, x, cx.build.float(1), plus(cx, scaled(cx, y, 1 / floatAttribute(cx.node, "alpha", 1)), 1)),
  ),
  elementwise("Selu", selu),
  elementwise("HardSigmoid", hardSigmoid),
  elementwise("HardSwish", hardSwish),
  elementwise("Softplus", (cx, x) => cx.op("Sigmoid", [x])),
  elementwise("Softsign", (cx, x) => cx.op("Reciprocal", [square(cx, plus(cx, cx.op("Abs", [x]), 1))])),
  elementwise("Mish", mish),
  elementwise("Gelu", gelu),
  elementwise("Swish", swish),
  elementwise("Erf", (cx, x) => scaled(cx, cx.op("Exp", [cx.op("Neg", [square(cx, x)])]), 2 / Math.sqrt(Math.PI))),
  elementwise("Exp", (_cx, _x, y) => y),
  elementwise("Log", (cx, x) => cx.op("Reciprocal", [x])),
  elementwise("Sqrt", (cx, _x, y) => cx.op("Div", [cx.build.float(0.5), y])),
  elementwise("Reciprocal", (cx, _x, y) => cx.op("Neg", [square(cx, y)])),
  elementwise("Abs", (cx, x) => cx.op("Sign", [x])),
  elementwise("Sin", (cx, x) => cx.op("Cos", [x])),
  elementwise("Cos", (cx, x) => cx.op("Neg", [cx.op("Sin", [x])])),
  elementwise("Tan", (cx, _x, y) => plus(cx, square(cx, y), 1)),
  elementwise("Atan", (cx, x) => cx.op("Reciprocal", [plus(cx, square(cx, x), 1)])),
  { op: "Neg", vjp: (cx) => [cx.op("Neg", [cx.cotangent(0)!])] },
  { op: "Identity", vjp: (cx) => [cx.cotangent(0)] },
  // Between float types; a Cast to another type stops the gradient.
  { op: "Cast", vjp: (cx) => [cx.op("CastLike", [cx.cotangent(0)!, cx.input(0)])] },
];
