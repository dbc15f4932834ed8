import { invariant } from "../../errors.js";
import type { GradRule } from "../rule.js";
import { binaryRules } from "./binary.js";
import { clip } from "./clip.js";
import { convWithoutPhases } from "./conv.js";
import { cumSum } from "./cum-sum.js";
import { elementwiseRules } from "./elementwise.js";
import { extremumRules } from "./extremum.js";
import { gemm } from "./gemm.js";
import { matmul } from "./matmul.js";
import { maxPoolWithoutIndices } from "./max-pool-without-indices.js";
import { pow } from "./pow.js";
import { reduceRules } from "./reduce.js";
import { softmaxRules } from "./softmax.js";
import { spatialRules } from "./spatial.js";

/** Every op that Whybox can differentiate. To add one, see docs/adding-an-op.md. */
export const defaultRules: readonly GradRule[] = [
  ...elementwiseRules,
  ...binaryRules,
  ...extremumRules,
  clip,
  pow,
  ...reduceRules,
  ...softmaxRules,
  matmul,
  gemm,
  cumSum,
  ...spatialRules,
];

/**
 * The rules for ONNX Runtime Web on WebGPU. Its MaxPool has no Indices: a graph that reads them fails at run time, without falling
 * back to the CPU. Strided convolutions are differentiated without phases.
 */
export const webgpuRules: readonly GradRule[] = [
  ...defaultRules.filter((rule) => rule.op !== "MaxPool" && rule.op !== "Conv"),
  maxPoolWithoutIndices,
  convWithoutPhases,
];

export type RuleTable = ReadonlyMap<string, GradRule>;

/** The rules by op. @throws internal when two rules claim one op. */
export function ruleTable(rules: readonly GradRule[]): RuleTable {
  const table = new Map<string, GradRule>();
  for (const rule of rules) {
    invariant(
      !table.has(rule.op),
      `Two gradient rules for op "${rule.op}": an op has one rule. Leave the default out of the list to replace it.`,
    );
    table.set(rule.op, rule);
  }
  return table;
}
