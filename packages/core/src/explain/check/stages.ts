import { indexOf } from "../../onnx/graph.js";
import type { LoadedModel } from "../model/loaded-model.js";
import type { CheckStage } from "./check-result.js";
import { valuesIn, type WeightedOp, weightedOps } from "./shuffle-weights.js";

/** A stage, with the names of all constants that are random in it. */
export interface WeightStage extends CheckStage {
  readonly weights: ReadonlySet<string>;
}

/** The names of the stages after the head. Each takes an equal part of the ops. */
const PARTS = ["1/3", "2/3", "all"] as const;

/**
 * The stages of the randomisation, from the head down: the head, then the head with a third, two thirds and all of the ops below it, in the reverse of the
 * order in which the network runs them. The decoding of the boxes has no weights. A string says why nothing can be randomised.
 */
export function weightStages({ model, head }: Pick<LoadedModel, "model" | "head">): readonly WeightStage[] | string {
  if (head.kind === "black-box") {
    return "the file gives only the boxes that it selected, and a network with random weights selects none";
  }
  const index = indexOf(model.graph);
  const predictions = head.levels.flatMap(({ convOutputs }) => convOutputs);
  const towardsHead = index.ancestors(predictions);
  const ops = weightedOps(index).filter(({ node }) => node.outputs.some((output) => towardsHead.has(output)));
  if (ops.length === 0)
    return "the file has no weights that are constants of convolutions, matrix products or normalisations";
  const beforeInputs = index.ancestors(head.levels.flatMap(({ inputs }) => inputs));
  const isHead = ({ node }: WeightedOp) => !node.outputs.some((output) => beforeInputs.has(output));
  const [own, below] = [ops.filter(isHead), ops.filter((op) => !isHead(op)).reverse()];
  const stages = PARTS.map((name, i) => {
    const count = Math.ceil(((i + 1) * below.length) / PARTS.length);
    return { name, ops: [...own, ...below.slice(0, count)] };
  });
  return [{ name: "head", ops: own }, ...stages]
    .filter((stage, i, all) => stage.ops.length > (all[i - 1]?.ops.length ?? 0))
    .map(({ name, ops }) => {
      const weights = new Set(ops.flatMap((op) => op.weights));
      const values = [...weights].reduce((sum, one) => sum + valuesIn(model.graph.initializers.get(one)!), 0);
      return { name, ops: ops.length, values, weights };
    });
}
