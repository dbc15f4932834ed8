import { readModel } from "../../src/readers/read-model.js";
import { exportBytes } from "./exports.js";
import { type MiniPass, openPass, type PassRequest } from "./mini-detector.js";

/** Large enough for windows that are not the whole input. Exports with a fixed size keep theirs. */
const SIZE = [320, 448] as const;

/** An export of a model, loaded, and one forward pass. */
export async function openExport(name: string, request: Omit<PassRequest, "model">): Promise<MiniPass> {
  const model = readModel(exportBytes(name));
  const sides = model.graph.inputs.find(({ shape }) => shape?.length === 4)!.shape!.filter((side) => Number(side) > 3);
  const isFixed = sides.length === 2 && sides.every((side) => typeof side === "number");
  const size = isFixed ? (sides as unknown as readonly [number, number]) : SIZE;
  return openPass({ size, ...request, model });
}
