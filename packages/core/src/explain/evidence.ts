import type { Predictions } from "../detector/detection.js";
import type { Layer } from "../detector/layer.js";
import { throwIfAborted, WhyboxError } from "../errors.js";
import type { RuntimePort, RuntimeSession, RuntimeTensor } from "../runtime/port.js";
import type { ScoreResult } from "../scores/score.js";
import type { Tensor } from "../tensor/tensor.js";
import type { Backward } from "./plan.js";

/** Values of the dense seeds that travel at once: 64 MiB. Seeds past that go in several runs. */
const SEED_VALUES_AT_ONCE = 2 ** 24;

/** A float tensor of the runtime, read. @throws runtime when it is no float32. */
export async function readFloats(name: string, value: RuntimeTensor): Promise<Tensor> {
  const data = await value.read();
  if (data instanceof Float32Array) return { dims: value.dims, data };
  throw new WhyboxError("runtime", `Output "${name}" is ${value.type}, expected float32.`, {
    details: { output: name },
  });
}

/** Sum of the sparse gradients of several detections' scores, as rows of the predictions. */
export function sumGradients(parts: readonly ScoreResult[], columns: number): Map<number, Float64Array> {
  const rows = new Map<number, Float64Array>();
  for (const { rows: indices, gradient } of parts) {
    indices.forEach((row, i) => {
      const sum = rows.get(row) ?? new Float64Array(columns);
      for (let c = 0; c < columns; c++) sum[c]! += gradient[i * columns + c]!;
      rows.set(row, sum);
    });
  }
  return rows;
}

/**
 * Gradients at the layers for each seed: one entry per seed, `[C, H, W]` by layer value. A layer without a path to the
 * seeds' rows has no entry: its gradient is exactly zero.
 */
export async function runBackward(
  runtime: RuntimePort,
  session: RuntimeSession,
  backward: Backward,
  layers: readonly Layer[],
  predictions: Predictions,
  seeds: readonly ReadonlyMap<number, Float64Array>[],
  saved: Readonly<Record<string, RuntimeTensor>>,
  signal?: AbortSignal,
): Promise<Map<string, Tensor>[]> {
  const { model } = backward;
  const perSeed = predictions.rows * predictions.columns;
  const atOnce = model.manySeeds ? Math.max(1, Math.floor(SEED_VALUES_AT_ONCE / perSeed)) : 1;
  const feeds = Object.fromEntries(model.saved.map((name) => [name, saved[name]!]));
  const [[, seedName]] = [...model.seeds] as [[string, string]];
  const wanted = new Map<string, string>();
  for (const { value } of layers) {
    const gradient = model.gradients.get(value);
    if (gradient) wanted.set(value, gradient);
  }
  const results: Map<string, Tensor>[] = [];
  for (let start = 0; start < seeds.length; start += atOnce) {
    throwIfAborted(signal);
    const batch = seeds.slice(start, start + atOnce);
    const seed = await runtime.upload(
      "float32",
      [batch.length, predictions.rows, predictions.columns],
      dense(batch, predictions),
    );
    const outputs = await session.run({ ...feeds, [seedName]: seed }, [...new Set(wanted.values())]);
    seed.dispose();
    results.push(...(await splitSeeds(outputs, wanted, batch.length)));
  }
  return results;
}

function dense(seeds: readonly ReadonlyMap<number, Float64Array>[], { rows, columns }: Predictions): Float32Array {
  const data = new Float32Array(seeds.length * rows * columns);
  seeds.forEach((seed, n) => {
    for (const [row, values] of seed) data.set(values, (n * rows + row) * columns);
  });
  return data;
}

async function splitSeeds(
  outputs: Readonly<Record<string, RuntimeTensor>>,
  wanted: ReadonlyMap<string, string>,
  count: number,
): Promise<Map<string, Tensor>[]> {
  const split = Array.from({ length: count }, () => new Map<string, Tensor>());
  for (const [value, name] of wanted) {
    const { dims, data } = await readFloats(name, outputs[name]!);
    // A gradient that is the same for every seed (it can only be constant) comes with 1 on axis 0.
    const stride = dims[0] === count ? data.length / count : 0;
    const size = data.length / dims[0]!;
    for (const [n, layers] of split.entries()) {
      layers.set(value, { dims: dims.slice(1), data: data.subarray(n * stride, n * stride + size) });
    }
  }
  for (const output of Object.values(outputs)) output.dispose();
  return split;
}
