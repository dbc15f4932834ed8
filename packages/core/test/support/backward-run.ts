import * as ort from "onnxruntime-node";
import {
  type BackwardModel,
  type BackwardModelRequest,
  buildBackwardModel,
} from "../../src/autodiff/backward-model.js";
import { defaultRules } from "../../src/autodiff/rules/index.js";
import { buildPrefix } from "../../src/onnx/cut.js";
import type { Model } from "../../src/onnx/model.js";
import { createOrtPort } from "../../src/runtime/ort-port.js";
import type { RuntimePort, RuntimeTensor } from "../../src/runtime/port.js";
import { openSession } from "../../src/runtime/sessions.js";
import type { Tensor } from "../../src/tensor/tensor.js";

type Tensors = Readonly<Record<string, Tensor>>;

/** A request with the defaults of the engine. */
export function backwardModelOf(
  model: Model,
  request: Partial<BackwardModelRequest> & Pick<BackwardModelRequest, "taps" | "outputs">,
): BackwardModel {
  return buildBackwardModel(model, { rules: defaultRules, manySeeds: false, forwardValues: "saved", ...request });
}

/**
 * Runs forward and backward session one after the other, as the engine does; what is saved goes from one to the other
 * untouched. `seeds` are by value that the score reads. Gradients by tap, null where no path leads.
 */
export async function runBackwardModel(
  model: Model,
  backward: BackwardModel,
  feeds: Tensors,
  seeds: Tensors,
): Promise<Map<string, Tensor | null>> {
  const port = createOrtPort(ort as never);
  const prefix = buildPrefix(model, backward.saved, backward.forwardNodes);
  const forward = await openSession(port, prefix, { threads: 1 });
  const session = await openSession(port, backward.model, { threads: 1 });
  const saved = await forward.run(await uploadAll(port, feeds), backward.saved);
  const named = Object.fromEntries([...backward.seeds].map(([value, name]) => [name, seeds[value]!]));
  const wanted = [...backward.gradients.values()].filter((name) => name !== null);
  const found = await session.run({ ...saved, ...(await uploadAll(port, named)) }, wanted);
  const gradients = new Map<string, Tensor | null>();
  for (const [tap, name] of backward.gradients)
    gradients.set(tap, name === null ? null : await readTensor(found[name]!));
  await Promise.all([forward.release(), session.release()]);
  return gradients;
}

async function uploadAll(port: RuntimePort, values: Tensors): Promise<Record<string, RuntimeTensor>> {
  const fed: Record<string, RuntimeTensor> = {};
  for (const [name, { dims, data }] of Object.entries(values)) {
    fed[name] = await port.upload("float32", dims, data.slice());
  }
  return fed;
}

async function readTensor(tensor: RuntimeTensor): Promise<Tensor> {
  return { dims: tensor.dims, data: Float32Array.from(await tensor.read(), Number) };
}
