import { invariant } from "../../errors.js";
import type { GradRule } from "../rule.js";
import { binaryRules } from "./binary.js";
import { elementwiseRules } from "./elementwise.js";
import { spatialRules } from "./spatial.js";

/** Every op that Whybox can differentiate. To add one, see docs/adding-an-op.md. */
export const defaultRules: readonly GradRule[] = [...elementwiseRules, ...binaryRules, ...spatialRules];

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
