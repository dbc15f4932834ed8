import { createRandom } from "../../algebra/random.js";
import { GraphBuilder, type Value } from "../../onnx/builder.js";
import { buildPrefix } from "../../onnx/cut.js";
import { freshPrefix } from "../../onnx/fresh-prefix.js";
import { DataType, type Model } from "../../onnx/model.js";
import type { RuntimePort } from "../../runtime/port.js";
import { openSession } from "../../runtime/sessions.js";
import { sizeOf } from "../../tensor/tensor.js";

/** A value of a run: its dims, and its numbers if they were asked for. */
export interface RunValue {
  readonly dims: readonly number[];
  readonly data: Float32Array;
}

/** Maximum number of values of the image and of each result (256 MB). It protects against hostile graphs. */
const MAX_VALUES = 64 * 2 ** 20;

/**
 * Runs the network once on an image of noise, and returns the values that `wanted` accepts by their dims.
 * @throws runtime when the runtime cannot run the network.
 */
export async function runOnNoise(
  model: Model,
  values: readonly Value[],
  { size, runtime }: { readonly size: readonly [number, number]; readonly runtime: RuntimePort },
  wanted: (value: Value, dims: readonly number[]) => boolean,
): Promise<ReadonlyMap<Value, RunValue>> {
  const build = new GraphBuilder(freshPrefix(model, "whybox/queries/"));
  const floats = new Map(values.map((value) => [value, build.op("Cast", [value], { to: DataType.FLOAT })] as const));
  const dims = [1, 3, ...size];
  const found = new Map<Value, RunValue>();
  if (sizeOf(dims) > MAX_VALUES || values.length === 0) return found;
  const session = await openSession(runtime, buildPrefix(model, [...floats.values()], build.nodes), {});
  const random = createRandom(0);
  const pixels = Float32Array.from({ length: sizeOf(dims) }, () => random.uniform());
  try {
    const input = await runtime.upload("float32", dims, pixels);
    const results = await session.run({ [model.graph.inputs[0]!.name]: input }, [...floats.values()]);
    input.dispose();
    for (const [value, name] of floats) {
      const tensor = results[name]!;
      const isRead = sizeOf(tensor.dims) <= MAX_VALUES && wanted(value, tensor.dims);
      if (isRead) found.set(value, { dims: tensor.dims, data: (await tensor.read()) as Float32Array });
      tensor.dispose();
    }
    return found;
  } finally {
    await session.release();
  }
}
