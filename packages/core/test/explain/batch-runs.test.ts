import { describe, expect, it } from "vitest";
import { WhyboxError } from "../../src/errors.js";
import { type BatchSession, batchThatWorks, runBatches } from "../../src/explain/passes/batch-runs.js";
import type { RuntimePort, RuntimeTensor } from "../../src/runtime/port.js";

/** Tensors that are alive. */
let alive = 0;

function tensorOf(dims: readonly number[], data: Float32Array): RuntimeTensor {
  alive++;
  return { type: "float32", dims, read: async () => data, dispose: () => void alive-- };
}

/** A network of two outputs: twice the input, and its sum. `spoil` changes what comes out. */
function sessionOf(
  spoil: (batch: number, twice: Float32Array) => readonly number[] | undefined = () => undefined,
  more: Partial<BatchSession> = {},
): BatchSession & { readonly batches: number[] } {
  const batches: number[] = [];
  const runtime = { upload: async (_: string, dims: readonly number[], data: Float32Array) => tensorOf(dims, data) };
  const run = async (feeds: Readonly<Record<string, RuntimeTensor>>) => {
    const { dims } = feeds.x!;
    const data = (await feeds.x!.read()) as Float32Array;
    batches.push(dims[0]!);
    const twice = data.map((value) => 2 * value);
    const changed = spoil(dims[0]!, twice) ?? dims;
    const sums = Float32Array.from({ length: dims[0]! }, (_, i) =>
      data.subarray(3 * i, 3 * i + 3).reduce((a, b) => a + b),
    );
    return { twice: tensorOf(changed, twice), sum: tensorOf([dims[0]!], sums) };
  };
  return {
    ...{ runtime: runtime as unknown as RuntimePort, session: { run } as never, input: "x", dims: [3], feeds: {} },
    ...{ outputs: ["twice", "sum"], batch: 4, signal: undefined, batches, ...more },
  };
}

const count = (i: number, into: Float32Array) => into.set([i, 10 * i, 100 * i]);

describe("runBatches", () => {
  it("hands each item's part of every output over, and frees what it made", async () => {
    const session = sessionOf();
    const seen: number[][][] = [];
    const before = alive;
    await runBatches(session, 10, count, (_, outputs) => {
      seen.push(outputs.map(({ data, offset, length }) => [...data.subarray(offset, offset + length)]));
    });
    expect(session.batches).toEqual([4, 4, 2]);
    expect(seen).toEqual(Array.from({ length: 10 }, (_, i) => [[2 * i, 20 * i, 200 * i], [111 * i]]));
    expect(alive).toBe(before);
  });

  it("frees the input when the runtime refuses it", async () => {
    const session = sessionOf(() => {
      throw new WhyboxError("runtime", "no");
    });
    const before = alive;
    await expect(runBatches(session, 3, count, () => {})).rejects.toThrow("no");
    expect(alive).toBe(before);
  });

  it("refuses an output that has not an item for each of the batch, and frees all of them", async () => {
    const before = alive;
    const session = sessionOf((batch) => [1, 3 * batch]);
    await expect(runBatches(session, 3, count, () => {})).rejects.toMatchObject({
      ...{ code: "runtime", message: 'Output "twice" has the size 1 along axis 0. Expected 3, the batch size.' },
    });
    expect(alive).toBe(before);
  });
});

describe("batchThatWorks", () => {
  const item = Float32Array.of(1, 2, 3);

  it("is what is wanted where two alike come out alike", async () => {
    expect(await batchThatWorks(sessionOf(), item, 8)).toBe(8);
    const nan = sessionOf((_, twice) => void twice.fill(Number.NaN));
    expect(await batchThatWorks(nan, item, 8)).toBe(8);
  });

  it("is 1 for a graph that refuses two, runs them together, or gives the second other values", async () => {
    const refuses = sessionOf((batch) => {
      if (batch > 1) throw new WhyboxError("runtime", "shape");
      return undefined;
    });
    expect(await batchThatWorks(refuses, item, 8)).toBe(1);
    expect(
      await batchThatWorks(
        sessionOf((batch) => [1, 3 * batch]),
        item,
        8,
      ),
    ).toBe(1);
    expect(
      await batchThatWorks(
        sessionOf((_, twice) => void twice.fill(9, 3)),
        item,
        8,
      ),
    ).toBe(1);
  });

  it("tries nothing where one is wanted, and passes on what is no refusal", async () => {
    const session = sessionOf();
    expect(await batchThatWorks(session, item, 1)).toBe(1);
    expect(session.batches).toEqual([]);
    await expect(batchThatWorks({ ...session, signal: AbortSignal.abort() }, item, 8)).rejects.toMatchObject({
      code: "aborted",
    });
  });
});
