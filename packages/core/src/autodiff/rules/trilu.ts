import type { GradRule } from "../rule.js";

/** Gradient of Trilu: the same triangle of the cotangent. */
export const triluRule: GradRule = {
  op: "Trilu",
  differentiable: () => [0],
  vjp: (cx) => {
    const outputs = [cx.build.fresh("Trilu")] as const;
    cx.build.nodes.push({
      ...cx.node,
      name: outputs[0],
      inputs: [cx.cotangent(0)!, ...cx.node.inputs.slice(1)],
      outputs,
    });
    return [outputs[0], ...cx.node.inputs.slice(1).map(() => null)];
  },
};
