import { openSession } from "../../runtime/sessions.js";
import { inspectModel, type ModelFacts } from "../model/inspect.js";
import type { LoadedModel } from "../model/loaded-model.js";
import { joinPlans, planTaps } from "../plan/tap-plan.js";
import { disposeAll } from "./runtime-tensors.js";

/** Runs the model once on zeros to read the sizes of its layers. The session is released afterwards. */
export async function inspectWithSizes(loaded: LoadedModel, size: readonly [number, number]): Promise<ModelFacts> {
  const request = { layers: loaded.layers, activations: true, gradients: false, manySeeds: false, tails: false };
  const taps = planTaps(loaded, request);
  const plan = joinPlans(loaded, [taps]);
  const session = await openSession(loaded.runtime, plan.buildForward(), {});
  const input = await loaded.runtime.upload("float32", [1, 3, ...size], new Float32Array(3 * size[0] * size[1]));
  const tensors = await session.run({ [loaded.inputName]: input }, plan.outputs);
  const dims = new Map([...taps.activations].map(([value, output]) => [value, tensors[output]!.dims]));
  input.dispose();
  disposeAll(tensors);
  await session.release();
  return inspectModel(loaded, { size, dims });
}
