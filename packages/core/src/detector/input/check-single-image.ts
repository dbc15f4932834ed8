import { createRandom } from "../../algebra/random.js";
import { WhyboxError } from "../../errors.js";
import { nodesBetween, usedInitializers } from "../../onnx/cut.js";
import { DataType, type Model } from "../../onnx/model.js";
import { modelFault } from "../../runtime/model-fault.js";
import type { RuntimePort } from "../../runtime/port.js";
import { openSession } from "../../runtime/sessions.js";
import { sizeOf } from "../../tensor/tensor.js";
import type { FoundHead } from "../find-head.js";

/** Maximum difference, relative to the largest value. Other batch sizes may change the order of summation. */
const TOLERANCE = 1e-3;

/** Maximum number of input values (1 GiB). It protects against hostile files. */
const MAX_VALUES = 2 ** 28;

/**
 * Checks a model that was converted from a fixed batch to a single image. Runs the original model on a batch of different noise images, and the
 * converted model on the first of them. The predictions must be equal.
 * @param batched the original model.
 * @param single the converted model.
 * @param found the head that was found in `single`.
 * @param dims input shape of `batched`.
 * @throws unsupported-model when the predictions differ, or a model does not run.
 */
export async function checkSingleImage(
  batched: Model,
  single: Model,
  found: FoundHead,
  dims: readonly number[],
  runtime: RuntimePort,
): Promise<void> {
  if (sizeOf(dims) > MAX_VALUES) throw refuseBatch(dims[0]!, "a batch of this image size is too large to check");
  const random = createRandom(0);
  const pixels = Float32Array.from({ length: sizeOf(dims) }, () => random.uniform());
  const one = [1, ...dims.slice(1)];
  const { head, model } = found;
  // The nodes that the head finder appended read values that both models have.
  const own = new Set(single.graph.nodes);
  const appended = model.graph.nodes.filter((node) => !own.has(node));
  const initializers = new Map([...model.graph.initializers, ...batched.graph.initializers]);
  const original = { ...batched.graph, nodes: [...batched.graph.nodes, ...appended], initializers };
  for (const output of [head.output, ...(head.prototypes === undefined ? [] : [head.prototypes])]) {
    let expected: Float32Array;
    let actual: Float32Array;
    try {
      expected = await outputOf({ ...batched, graph: original }, output, dims, pixels.slice(), runtime);
      actual = await outputOf(model, output, one, pixels.slice(0, sizeOf(one)), runtime);
    } catch (error) {
      const fault = await modelFault(error, runtime);
      throw refuseBatch(dims[0]!, fault.message, fault);
    }
    // The batch is the first axis, so the values of the first image come first.
    const distance = largestDistance(actual, expected);
    if (distance > TOLERANCE) throw refuseBatch(dims[0]!, `its predictions differ by ${distance.toPrecision(2)}`);
  }
}

/** Creates the error for a model whose batch size cannot be changed. */
export function refuseBatch(batch: number, reason: string, cause?: unknown): WhyboxError {
  return new WhyboxError(
    "unsupported-model",
    `The model has a fixed batch of ${batch} images and cannot be converted to batch 1: ${reason}. Export it with batch 1 or a dynamic batch.`,
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

/** The largest difference, relative to the largest expected magnitude. Infinity for values that are not finite. */
function largestDistance(actual: Float32Array, expected: Float32Array): number {
  if (actual.length === 0 || actual.length > expected.length) return Number.POSITIVE_INFINITY;
  let largest = 1e-12;
  let worst = 0;
  for (let i = 0; i < actual.length; i++) {
    const difference = Math.abs(actual[i]! - expected[i]!);
    if (!Number.isFinite(difference)) return Number.POSITIVE_INFINITY;
    worst = Math.max(worst, difference);
    largest = Math.max(largest, Math.abs(expected[i]!));
  }
  return worst / largest;
}
