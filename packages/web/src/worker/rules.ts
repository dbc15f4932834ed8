import { type CreateDetectorOptions, defaultRules } from "@whybox/core";
import { maxPoolWithoutIndices } from "../../../core/dist/autodiff/rules/max-pool-without-indices.js";

/** Gradient rules for WebGPU, whose MaxPool has no Indices output: it fails when it runs, without a way back to the CPU. */
export const webgpuRules: NonNullable<CreateDetectorOptions["rules"]> = [
  ...defaultRules.filter((rule) => rule.op !== "MaxPool"),
  maxPoolWithoutIndices,
];
