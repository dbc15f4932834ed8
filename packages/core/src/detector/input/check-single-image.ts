import { createRandom } from "../../algebra/random.js";
import { WhyboxError } from "../../errors.js";
import { nodesBetween, usedInitializers } from "../../onnx/cut.js";
import { DataType, type Model } from "../../onnx/model.js";
import type { RuntimePort } from "../../runtime/port.js";
import { openSession } from "../../runtime/sessions.js";
import { sizeOf } from "../../tensor/tensor.js";
import type { FoundHead } from "../find-head.js";

/** Least agreement, of the largest number: other batches are computed in another order, and not more. */
const TOLERANCE = 1e-3;

/** Values that are tried at most, 1 GiB: a hostile file cannot ask for more. */
const MOST_VALUES = 2 ** 28;

/**
 * Runs a model of a fixed batch as the file has it, on as many different pictures of noise, and the one made of it for one picture, on the
 * first of them: the predictions must be the same.
 * @param found what was found in `single`, the model for one picture.
 * @param dims of the input of `batched`.
 * @throws unsupported-model when they are not, or one of them does not run.
 */
export async function checkSingleImage(
  batched: Model,
  single: Model,
  found: FoundHead,
  dims: readonly number[],
  runtime: RuntimePort,
): Promise<void> {
  if (sizeOf(dims) > MOST_VALUES)
    throw refuseBatch(dims[0]!, "that many pictures of this size cannot be tried at once");
  const random = createRandom(0);
  const pixels = Float32Array.from({ length: sizeOf(dims) }, () => random.uniform());
  const one = [1, ...dims.slice(1)];
  const { head, model } = found;
  // What the head finder appended reads values that both have.
  const own = new Set(single.graph.nodes);
  const appended = model.graph.nodes.filter((node) => !own.has(node));
  const initializers = new Map([...model.graph.initializers, ...batched.graph.initializers]);
  const original = { ...batched.graph, nodes: [...batched.graph.nodes, ...appended], initializers };
  for (const output of [head.output, ...(head.prototypes === undefined ? [] : [head.prototypes])]) {
    let wanted: Float32Array;
    let given: Float32Array;
    try {
      wanted = await outputOf({ ...batched, graph: original }, output, dims, pixels.slice(), runtime);
      given = await outputOf(model, output, one, pixels.slice(0, sizeOf(one)), runtime);
    } catch (error) {
      if (!(error instanceof WhyboxError) || error.code !== "runtime") throw error;
      throw refuseBatch(dims[0]!, error.message, error);
    }
    // The batch is the first axis: the first picture's numbers come first.
    const distance = largestDistance(given, wanted);
    if (distance > TOLERANCE) throw refuseBatch(dims[0]!, `its predictions are then off by ${distance.toPrecision(2)}`);
  }
}

/** The error for a model whose batch cannot be changed. */
export function refuseBatch(batch: number, reason: string, cause?: unknown): WhyboxError {
  return new WhyboxError(
    "unsupported-model",
    `The model takes ${batch} pictures at once, and could not be brought to one: ${reason}. Export it with batch 1, or with a dynamic batch.`,
    { details: { batch }, cause },
  );
}

async function outputOf(
  { graph, ...model }: Model,
  output: string,
  dims: readonly number[],
  pixels: Float32Array,
  runtime: RuntimePort,
): Promise<Float32Array> {
  const nodes = nodesBetween(graph, new Set(), [output]);
  const cut: Model = {
    ...model,
    graph: {
      ...graph,
      nodes,
      initializers: usedInitializers(graph, nodes),
      outputs: [{ name: output, elemType: DataType.FLOAT, shape: undefined }],
      valueInfo: [],
    },
  };
  const session = await openSession(runtime, cut, {});
  const input = await runtime.upload("float32", dims, pixels);
  try {
    const tensor = (await session.run({ [graph.inputs[0]!.name]: input }, [output]))[output]!;
    const data = (await tensor.read()) as Float32Array;
    tensor.dispose();
    return data;
  } finally {
    input.dispose();
    await session.release();
  }
}

/** Over the largest magnitude wanted; infinite for numbers that are none. */
function largestDistance(given: Float32Array, wanted: Float32Array): number {
  if (given.length === 0 || given.length > wanted.length) return Number.POSITIVE_INFINITY;
  let largest = 1e-12;
  let worst = 0;
  for (let i = 0; i < given.length; i++) {
    const difference = Math.abs(given[i]! - wanted[i]!);
    if (!Number.isFinite(difference)) return Number.POSITIVE_INFINITY;
    worst = Math.max(worst, difference);
    largest = Math.max(largest, Math.abs(wanted[i]!));
  }
  return worst / largest;
}
