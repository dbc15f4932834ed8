import { InferenceSession, Tensor } from "onnxruntime-node";
import { encodeModel } from "../../src/onnx/encode.js";
import type { Model } from "../../src/onnx/model.js";

/** Runs a model with one input through ONNX Runtime: outputs by name. */
export async function runOnnx(
  model: Model,
  dims: readonly number[],
  data: Float32Array,
  outputs: readonly string[] = model.graph.outputs.map(({ name }) => name),
): Promise<Map<string, { readonly dims: readonly number[]; readonly data: Float32Array }>> {
  const known = new Set(model.graph.outputs.map(({ name }) => name));
  const extra = outputs.filter((name) => !known.has(name)).map((name) => ({ name, elemType: 1, shape: undefined }));
  const graph = { ...model.graph, outputs: [...model.graph.outputs, ...extra] };
  const session = await InferenceSession.create(encodeModel({ ...model, graph }), { intraOpNumThreads: 1 });
  const results = await session.run({ [session.inputNames[0]!]: new Tensor("float32", data, dims) }, [...outputs]);
  await session.release();
  return new Map(
    outputs.map((name) => [name, { dims: results[name]!.dims, data: results[name]!.data as Float32Array }]),
  );
}

/** Runs a model with one input and one output through ONNX Runtime. */
export async function runTyped(
  model: Model,
  dims: readonly number[],
  data: Float32Array,
): Promise<{ readonly dims: readonly number[]; readonly data: Float32Array }> {
  return [...(await runOnnx(model, dims, data)).values()][0]!;
}

/** Largest absolute difference; NaN never counts as equal. */
export function distance(a: Float32Array, b: Float32Array): number {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY;
  return a.reduce((worst, value, i) => {
    const gap = Math.abs(value - b[i]!);
    return Number.isNaN(gap) ? Number.POSITIVE_INFINITY : Math.max(worst, gap);
  }, 0);
}
