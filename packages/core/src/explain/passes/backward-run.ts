import type { Predictions } from "../../detector/detection.js";
import { throwIfAborted, WhyboxError } from "../../errors.js";
import type { RuntimePort, RuntimeTensor } from "../../runtime/port.js";
import type { KeptSession } from "../../runtime/sessions.js";
import type { PrototypeGradient, ScoreResult } from "../../scores/score.js";
import type { Tensor } from "../../tensor/tensor.js";
import type { Backward } from "../plan/tap-plan.js";

/** A float tensor of the runtime, read. @throws runtime when it is no float32. */
export async function readFloats(name: string, value: RuntimeTensor): Promise<Tensor> {
  const data = await value.read();
  if (data instanceof Float32Array) return { dims: value.dims, data };
  throw new WhyboxError("runtime", `Output "${name}" is ${value.type}, expected float32.`, {
    details: { output: name },
  });
}

/** d score / d predictions by row, float64 (rows that are not there carry none), and on the mask prototypes. */
export interface Seed {
  readonly rows: ReadonlyMap<number, Float64Array>;
  readonly prototypes: readonly PrototypeGradient[];
}

/** Sum of the sparse gradients of several detections' scores, as rows of the predictions. */
export function sumGradients(parts: readonly ScoreResult[], columns: number): Seed {
  const rows = new Map<number, Float64Array>();
  for (const { rows: indices, gradient } of parts) {
    indices.forEach((row, i) => {
      const sum = rows.get(row) ?? new Float64Array(columns);
      for (let c = 0; c < columns; c++) sum[c]! += gradient[i * columns + c]!;
      rows.set(row, sum);
    });
  }
  return { rows, prototypes: parts.flatMap((part) => part.prototypes) };
}

/** One run of a backward session. */
export interface BackwardRun {
  readonly runtime: RuntimePort;
  readonly session: KeptSession;
  readonly backward: Backward;
  readonly predictions: Predictions;
  /** One, or several where the backward pass takes several. Rows outside its levels carry none. */
  readonly seeds: readonly Seed[];
  /** Outputs of the forward session by name. */
  readonly saved: Readonly<Record<string, RuntimeTensor>>;
  /** Value of the graph with the mask prototypes. */
  readonly prototypes: string | undefined;
  /** First row, and the one past the last, of the rows behind a value that seeds go into. */
  rangeOf(value: string): readonly [start: number, end: number];
  readonly signal: AbortSignal | undefined;
}

/**
 * Gradients `[seeds, C, H, W]` by layer value, still where the sessions live: whoever has them disposes of them. A layer without a path
 * to the seeds' rows has no entry: its gradient is exactly zero.
 * @throws runtime, aborted.
 */
export async function runBackward(run: BackwardRun): Promise<Map<string, RuntimeTensor>> {
  const { runtime, session, saved } = run;
  const { model } = run.backward;
  throwIfAborted(run.signal);
  const feeds = new Map(model.saved.map((name) => [name, saved[name]!]));
  const uploaded: RuntimeTensor[] = [];
  for (const [value, name] of model.seeds) {
    const { dims, data } = seedsOf(run, value);
    uploaded.push(await runtime.upload("float32", dims, data));
    feeds.set(name, uploaded.at(-1)!);
  }
  const wanted = [...model.gradients].filter((entry): entry is [string, string] => entry[1] !== null);
  const outputs = await session.run(Object.fromEntries(feeds), [...new Set(wanted.map(([, name]) => name))]);
  for (const tensor of uploaded) tensor.dispose();
  return new Map(wanted.map(([value, name]) => [value, outputs[name]!]));
}

function seedsOf({ seeds, predictions, prototypes, rangeOf }: BackwardRun, value: string): Tensor {
  if (value === prototypes) return densePrototypes(seeds, predictions);
  return denseRows(seeds, rangeOf(value), predictions.columns);
}

/** Rows `start` to `end` of each seed, zeros where it has none, `[seeds, end - start, columns]`. */
function denseRows(seeds: readonly Seed[], [start, end]: readonly [number, number], columns: number): Tensor {
  const size = (end - start) * columns;
  const data = new Float32Array(seeds.length * size);
  seeds.forEach(({ rows }, i) => {
    for (const [row, values] of rows) {
      if (row >= start && row < end) data.set(values.subarray(0, columns), i * size + (row - start) * columns);
    }
  });
  return { dims: [seeds.length, end - start, columns], data };
}

/** `[seeds, E, h, w]`. */
function densePrototypes(seeds: readonly Seed[], { extra }: Predictions): Tensor {
  const own = extra?.task === "segment" ? extra.prototypes.dims : [0, 0, 0];
  const [E, h, w] = own as [number, number, number];
  const data = new Float32Array(seeds.length * E * h * w);
  seeds.forEach(({ prototypes }, i) => {
    for (const { coefficients, cells, slopes } of prototypes) {
      coefficients.forEach((coefficient, e) => {
        const plane = (i * E + e) * h * w;
        cells.forEach((cell, n) => {
          data[plane + cell]! += coefficient * slopes[n]!;
        });
      });
    }
  });
  return { dims: [seeds.length, E, h, w], data };
}
