import { expect, it } from "vitest";
import { webgpuRules } from "../../src/autodiff/rules/index.js";
import { readModel } from "../../src/readers/read-model.js";
import { backwardModelOf } from "../support/backward-run.js";
import { exportBytes, exportNames, exportRecord } from "../support/exports.js";

/** What ONNX Runtime Web refuses or gets wrong on WebGPU; packages/web runs a few on it. */
it.each(exportNames)("the backward pass of %s has nothing that WebGPU cannot take", (name) => {
  const { decoded, gradients } = exportRecord(name);
  const outputs = decoded.value === null ? decoded.parts! : [decoded.value];
  const taps = gradients.map(({ value }) => value);
  for (const manySeeds of [false, true]) {
    const { model } = backwardModelOf(readModel(exportBytes(name)), { taps, outputs, rules: webgpuRules, manySeeds });
    const added = model.graph.nodes.filter((node) => node.outputs.some((output) => output.startsWith("grad/")));
    expect(added.length).toBeGreaterThan(0);
    // Its layout transformation overlooks the axes of a Pad; its MaxPool has no Indices.
    expect(added.filter(({ opType, inputs }) => opType === "Pad" && inputs.length > 3)).toEqual([]);
    expect(added.filter(({ opType, outputs: all }) => opType === "MaxPool" && all.length > 1)).toEqual([]);
  }
});
