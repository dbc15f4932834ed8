import * as ort from "onnxruntime-node";
import { expect, it } from "vitest";
import { defaultRules } from "../../src/autodiff/rules/index.js";
import { createDetector } from "../../src/explain/create-detector.js";
import { createOrtPort } from "../../src/runtime/ort-port.js";
import { exportBytes } from "../support/exports.js";

async function missing(name: string, without: readonly string[]) {
  const rules = defaultRules.filter(({ op }) => !without.includes(op));
  const detector = await createDetector(exportBytes(name), createOrtPort(ort as never), { threads: 1, rules });
  await detector.dispose();
  return detector.facts.opsWithoutRule;
}

it("tells ops without a rule that stand in the way from those that no gradient passes", async () => {
  // Mod turns the index of a selected row and class into the class.
  expect(await missing("26", [])).toEqual([{ op: "Mod", count: 1, onPath: false }]);
  expect(await missing("26", ["MaxPool"])).toEqual([
    { op: "MaxPool", count: 3, onPath: true },
    { op: "Mod", count: 1, onPath: false },
  ]);
});

it("counts the way to the prototypes of masks", async () => {
  const found = await missing("11-seg", ["ConvTranspose"]);
  expect(found).toEqual([{ op: "ConvTranspose", count: 1, onPath: true }]);
});
