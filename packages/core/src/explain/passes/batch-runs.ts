import { throwIfAborted, WhyboxError } from "../../errors.js";
import type { RuntimePort, RuntimeTensor } from "../../runtime/port.js";
import type { KeptSession } from "../../runtime/sessions.js";
import { sizeOf } from "../../tensor/tensor.js";
import type { Progress } from "../progress.js";
import { readFloats } from "./runtime-tensors.js";

/** A session that takes a batch `[N, ...dims]` on one input. Its other inputs stay the same. */
export interface BatchSession {
  readonly runtime: RuntimePort;
  readonly session: KeptSession;
  readonly input: string;
  /** Dims of one item. */
  readonly dims: readonly number[];
  readonly feeds: Readonly<Record<string, RuntimeTensor>>;
  /** Outputs to read, `[N, …]`. */
  readonly outputs: readonly string[];
  /** Number of items in one run. */
  readonly batch: number;
  readonly signal: AbortSignal | undefined;
  /** Counts the items that are done. Default: not counted. */
  readonly progress?: Progress | undefined;
}

/** The values of one item in an output of several items. */
export interface ItemOutput {
  readonly data: Float32Array;
  readonly offset: number;
  readonly length: number;
}

/** Runs `count` items. `fill(i, into)` writes item i, and `each(i, outputs)` receives its outputs. Only one batch is in memory. */
export async function runBatches(
  runs: BatchSession,
  count: number,
  fill: (i: number, into: Float32Array) => void,
  each: (i: number, outputs: readonly ItemOutput[]) => void,
): Promise<void> {
  const size = sizeOf(runs.dims);
  for (let start = 0; start < count; start += runs.batch) {
    throwIfAborted(runs.signal);
    const n = Math.min(runs.batch, count - start);
    const data = new Float32Array(n * size);
    for (let i = 0; i < n; i++) fill(start + i, data.subarray(i * size, (i + 1) * size));
    const tensor = await runs.runtime.upload("float32", [n, ...runs.dims], data);
    const read = await readBatch(runs, tensor, n).finally(() => tensor.dispose());
    for (let i = 0; i < n; i++) {
      each(
        start + i,
        read.map((values) => ({ data: values, offset: (i * values.length) / n, length: values.length / n })),
      );
    }
    runs.progress?.step(n);
  }
}

/** The outputs of one run, `[n, …]`. Disposes of the runtime's tensors. */
async function readBatch(runs: BatchSession, tensor: RuntimeTensor, n: number): Promise<Float32Array[]> {
  const results = await runs.session.run({ ...runs.feeds, [runs.input]: tensor }, runs.outputs);
  try {
    const read = [];
    for (const name of runs.outputs) {
      const { dims, data } = await readFloats(name, results[name]!);
      if (dims[0] !== n) {
        throw new WhyboxError(
          "runtime",
          `Output "${name}" has the size ${dims[0]} along axis 0. Expected ${n}, the batch size.`,
        );
      }
      read.push(data);
    }
    return read;
  } finally {
    for (const result of Object.values(results)) result.dispose();
  }
}

/**
 * The batch size that a session supports: `wanted`, or 1. A graph made for a single image (constant sizes in a Reshape) fails for a batch of
 * two, or returns different values for two equal items.
 */
export async function batchThatWorks(
  runs: Omit<BatchSession, "batch">,
  item: Float32Array,
  wanted: number,
): Promise<number> {
  if (wanted <= 1) return 1;
  const seen: Float32Array[][] = [];
  try {
    await runBatches(
      { ...runs, batch: 2, progress: undefined },
      2,
      (_, into) => into.set(item),
      (_, outputs) => seen.push(outputs.map(({ data, offset, length }) => data.slice(offset, offset + length))),
    );
  } catch (error) {
    if (error instanceof WhyboxError && error.code === "runtime") return 1;
    throw error;
  }
  const [first, second] = seen as [Float32Array[], Float32Array[]];
  return first.every((values, i) => areClose(values, second[i]!)) ? wanted : 1;
}

function areClose(a: Float32Array, b: Float32Array): boolean {
  return a.every((value, i) => Math.abs(value - b[i]!) <= 1e-3 + 1e-3 * Math.abs(value) || Object.is(value, b[i]));
}
