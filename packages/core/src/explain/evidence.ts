import type { Predictions } from "../detector/detection.js";
import { throwIfAborted, WhyboxError } from "../errors.js";
import type { RuntimePort, RuntimeSession, RuntimeTensor } from "../runtime/port.js";
import type { ScoreResult } from "../scores/score.js";
import type { Tensor } from "../tensor/tensor.js";
import type { Backward } from "./plan.js";

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

/** One run of a backward session. */
export interface BackwardRun {
  readonly runtime: RuntimePort;
  readonly session: RuntimeSession;
  readonly backward: Backward;
  readonly predictions: Predictions;
  /** d score / d predictions, by row. Rows outside the levels of the backward pass carry none. */
  readonly seed: ReadonlyMap<number, Float64Array>;
  /** Outputs of the forward session by name. */
  readonly saved: Readonly<Record<string, RuntimeTensor>>;
  /** First row, and the one past the last, of the rows behind a value that seeds go into. */
  rangeOf(value: string): readonly [start: number, end: number];
  readonly signal: AbortSignal | undefined;
}

/**
 * Gradients `[C, H, W]` by layer value. A layer without a path to the seed's rows has no entry: its gradient is exactly zero.
 * @throws runtime, aborted.
 */
export async function runBackward(run: BackwardRun): Promise<Map<string, Tensor>> {
  const { runtime, session, predictions, saved } = run;
  const { model } = run.backward;
  throwIfAborted(run.signal);
  const feeds = new Map(model.saved.map((name) => [name, saved[name]!]));
  const seeds: RuntimeTensor[] = [];
  for (const [value, name] of model.seeds) {
    const [start, end] = run.rangeOf(value);
    const data = dense(run.seed, start, end, predictions.columns);
    seeds.push(await runtime.upload("float32", [1, end - start, predictions.columns], data));
    feeds.set(name, seeds.at(-1)!);
  }
  const wanted = [...model.gradients].filter((entry): entry is [string, string] => entry[1] !== null);
  const outputs = await session.run(Object.fromEntries(feeds), [...new Set(wanted.map(([, name]) => name))]);
  const gradients = new Map<string, Tensor>();
  for (const [value, name] of wanted) {
    const { dims, data } = await readFloats(name, outputs[name]!);
    gradients.set(value, { dims: dims.slice(1), data });
  }
  for (const tensor of [...seeds, ...Object.values(outputs)]) tensor.dispose();
  return gradients;
}

/** Rows `start` to `end` of the seed, zeros where it has none, `[end - start, columns]`. */
function dense(seed: ReadonlyMap<number, Float64Array>, start: number, end: number, columns: number): Float32Array {
  const data = new Float32Array((end - start) * columns);
  for (const [row, values] of seed) if (row >= start && row < end) data.set(values, (row - start) * columns);
  return data;
}
