import { floatAttribute, intAttribute } from "../../onnx/attributes.js";
import type { GradRule } from "../rule.js";
import { unbroadcast } from "../unbroadcast.js";

/** Y = α·A'·B' + β·C with A' = A or Aᵀ: α·G·B'ᵀ and α·A'ᵀ·G, transposed back where the operand was; β·G summed to C's shape. */
export const gemm: GradRule = {
  op: "Gemm",
  vjp(cx) {
    const g = cx.cotangent(0)!;
    const [A, B] = [cx.input(0), cx.input(1)];
    const transA = intAttribute(cx.node, "transA", 0) === 0 ? 0 : 1;
    const transB = intAttribute(cx.node, "transB", 0) === 0 ? 0 : 1;
    const alpha = { float: floatAttribute(cx.node, "alpha", 1) };
    const product = (left: string, right: string, tLeft: number, tRight: number) =>
      cx.op("Gemm", [left, right], { alpha, transA: tLeft, transB: tRight });
    const gradients = [
      () => (transA ? product(B, g, transB, 1) : product(g, B, 0, 1 - transB)),
      () => (transB ? product(g, A, 1, transA) : product(A, g, 1 - transA, 0)),
      () => {
        const beta = floatAttribute(cx.node, "beta", 1);
        const scaled = beta === 1 ? g : cx.op("Mul", [g, cx.build.float(beta)]);
        return unbroadcast(cx, scaled, cx.input(2), cx.output(0));
      },
    ];
    if (cx.wants(1)) cx.refuseManySeeds("the right operand has no axis for the seeds");
    if (cx.wants(0) && transA)
      cx.refuseManySeeds("the left operand is transposed: its axis 0 is not that of the output");
    return cx.node.inputs.map((_, i) => (cx.wants(i) ? gradients[i]!() : null));
  },
};
