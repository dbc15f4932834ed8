import type { Value } from "../onnx/builder.js";
import { type GraphIndex, indexOf } from "../onnx/graph.js";
import type { Graph, Node } from "../onnx/model.js";
import type { GradRule, VjpContext } from "./rule.js";

/**
 * Gradient rules with guided backpropagation: a rectifier passes a gradient only where both the activation and the gradient are positive
 * (Springenberg et al., "Striving for Simplicity: The All Convolutional Net", ICLR 2015 workshop). The paper defines it for ReLU. Here it also
 * holds for LeakyReLU and for SiLU, `x · sigmoid(x)`, whose derivative is kept where x > 0 and the gradient is positive.
 */
export function guidedRules(graph: Graph, rules: readonly GradRule[]): GradRule[] {
  const index = indexOf(graph);
  return rules.map((rule) => {
    if (rule.op === "Relu" || rule.op === "LeakyRelu") return { ...rule, vjp: (cx) => [guide(cx, cx.input(0))] };
    if (rule.op !== "Mul") return rule;
    return {
      ...rule,
      vjp(cx) {
        const x = siluInput(index, cx.node);
        if (x === undefined) return rule.vjp(cx);
        const g = guide(cx, x);
        return [1, 0].map((other, i) => (cx.wants(i) ? cx.op("Mul", [g, cx.input(other)]) : null));
      },
    };
  });
}

/** The cotangent where it and `x` are positive, else 0. */
function guide(cx: VjpContext, x: Value): Value {
  const g = cx.cotangent(0)!;
  const zero = cx.build.float(0);
  return cx.op("Where", [cx.op("And", [cx.op("Greater", [g, zero]), cx.op("Greater", [x, zero])]), g, zero]);
}

/** x, when the product is `x · sigmoid(x)`. */
function siluInput(index: GraphIndex, node: Node): Value | undefined {
  const [a, b] = node.inputs as [Value, Value];
  const isSigmoidOf = (value: Value, x: Value): boolean => {
    const producer = index.producer(value);
    return producer?.opType === "Sigmoid" && producer.inputs[0] === x;
  };
  if (isSigmoidOf(b, a)) return a;
  return isSigmoidOf(a, b) ? b : undefined;
}
