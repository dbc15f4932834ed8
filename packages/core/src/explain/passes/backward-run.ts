import { LazyPredictions } from "../../detector/lazy-predictions.js";
import { throwIfAborted } from "../../errors.js";
import type { RuntimeTensor } from "../../runtime/port.js";
import type { Tensor } from "../../tensor/tensor.js";
import type { LoadedModel } from "../model/loaded-model.js";
import type { Backward } from "../plan/backward-plan.js";
import type { ForwardResult } from "./forward-pass.js";
import { denseFeatures, densePrototypes, denseRows, type Seed } from "./seeds.js";

/** One run of a backward session. */
export interface BackwardRun {
  readonly forward: Pick<ForwardResult, "predictions" | "letterbox" | "tensors">;
  /** Forward values that replace those of the pass, by name. Default: none. */
  readonly changed?: Readonly<Record<string, RuntimeTensor>>;
  readonly backward: Backward;
  /** One seed, or several if the backward pass supports it. Rows of other levels must have no seed. */
  readonly seeds: readonly Seed[];
  /** Integer vectors of a model that has other inputs, by name. Default: none. */
  readonly indices?: ReadonlyMap<string, Int32Array | BigInt64Array>;
  readonly signal: AbortSignal | undefined;
}

/**
 * Returns gradients `[seeds, C, H, W]` by layer value. They stay in the runtime, and the caller must dispose of them. A layer without a path
 * to the rows of the seeds has no entry: its gradient is exactly zero.
 * @throws runtime, aborted.
 */
export async function runBackward(loaded: LoadedModel, run: BackwardRun): Promise<Map<string, RuntimeTensor>> {
  const { forward, changed, backward, signal } = run;
  const { model } = backward;
  const session = await loaded.sessions.get(`backward\n${backward.key}`, () => model.model, signal);
  throwIfAborted(signal);
  const feeds = new Map(model.saved.map((name) => [name, (changed?.[name] ?? forward.tensors[name])!]));
  const uploaded: RuntimeTensor[] = [];
  for (const [value, name] of model.seeds) {
    const { dims, data } = seedsOf(loaded, run, value);
    uploaded.push(await loaded.runtime.upload("float32", dims, data));
    feeds.set(name, uploaded.at(-1)!);
  }
  for (const [name, data] of run.indices ?? []) {
    uploaded.push(await loaded.runtime.upload(data instanceof Int32Array ? "int32" : "int64", [data.length], data));
    feeds.set(name, uploaded.at(-1)!);
  }
  const wanted = [...model.gradients].filter((entry): entry is [string, string] => entry[1] !== null);
  const outputs = await session.run(Object.fromEntries(feeds), [...new Set(wanted.map(([, name]) => name))]);
  for (const tensor of uploaded) tensor.dispose();
  return new Map(wanted.map(([value, name]) => [value, outputs[name]!]));
}

/** The seeds for one value of the graph: the rows or the head input of a level, all predictions, or the mask prototypes. */
function seedsOf({ head }: LoadedModel, { seeds, forward }: BackwardRun, value: string): Tensor {
  const { predictions, letterbox } = forward;
  if (value === head.prototypes) return densePrototypes(seeds, predictions);
  if (predictions instanceof LazyPredictions) {
    const level = head.levels.findIndex(({ inputs }) => inputs[0] === value);
    return denseFeatures(seeds, predictions, level);
  }
  const level = head.levels.findIndex(({ rows }) => rows === value);
  const range = level < 0 ? ([0, predictions.rows] as const) : head.rowRange(level, letterbox.inputSize);
  return denseRows(seeds, range, predictions.columns);
}
