import * as ort from "onnxruntime-node";
import { describe, expect, it } from "vitest";
import { floatTwin } from "../../src/autodiff/float-twin.js";
import { encodeModel } from "../../src/onnx/encode.js";
import { readModel } from "../../src/readers/read-model.js";
import type { Tensor } from "../../src/tensor/tensor.js";
import { feedOf, gradientDistance, gradientsOf } from "../support/export-run.js";
import {
  type ExportRecord,
  exportBytes,
  exportNames,
  exportRecord,
  typicalExports,
  unpack,
} from "../support/exports.js";
import { longUnless } from "../support/long.js";

/** Relative to the largest magnitude. PyTorch's numbers for float16 are those of the file's weights in float32: the runtime rounds, they do not. */
function toleranceOf({ precision }: ExportRecord): { readonly outputs: number; readonly gradients: number } {
  if (precision === undefined) return { outputs: 1e-4, gradients: 1e-4 };
  if (precision === "fp16") return { outputs: 5e-3, gradients: 5e-3 };
  return { outputs: 1e-4, gradients: 1e-3 };
}

describe.each(exportNames)("the export %s", (name) => {
  const record = exportRecord(name);
  const model = readModel(exportBytes(name));

  it("gives PyTorch's outputs after reading, normalising and encoding", async () => {
    const found = await run(encodeModel(model), record);
    expect([...found.keys()]).toEqual(record.outputs.map((output) => output.name));
    const original = isInteger(record) ? await run(exportBytes(name), record) : undefined;
    for (const output of record.outputs) {
      const wanted = original?.get(output.name) ?? unpack("same" in output ? record.decoded : output);
      expect(found.get(output.name)!.dims, output.name).toEqual(wanted.dims);
      expect(distance(found.get(output.name)!.data, wanted.data), output.name).toBeLessThan(
        toleranceOf(record).outputs,
      );
    }
  });

  it(
    "has PyTorch's gradients at a backbone stage, a neck block and the first head input",
    longUnless(typicalExports.includes(name)),
    async () => {
      const gradients = await gradientsOf(model, record);
      for (const wanted of record.gradients) {
        const found = gradients.get(wanted.value);
        expect(found?.dims, wanted.value).toEqual(wanted.dims);
        expect(gradientDistance(found!.data, wanted), wanted.value).toBeLessThan(toleranceOf(record).gradients);
      }
    },
  );
});

describe.each(exportNames.filter((name) => exportRecord(name).precision === "fp16"))(
  "the float16 export %s",
  (name) => {
    it("has PyTorch's gradients where its forward pass is not rounded", async () => {
      const record = exportRecord(name);
      const model = readModel(exportBytes(name));
      const gradients = await gradientsOf({ ...model, graph: floatTwin(model.graph) }, record);
      for (const wanted of record.gradients) {
        expect(gradientDistance(gradients.get(wanted.value)!.data, wanted), wanted.value).toBeLessThan(1e-4);
      }
    });
  },
);

function isInteger({ precision }: ExportRecord): boolean {
  return precision?.startsWith("int8") ?? false;
}

/** The outputs by name, in the file's order. Quantised nodes run one by one: merged, they round otherwise in places. */
async function run(bytes: Uint8Array, record: ExportRecord): Promise<Map<string, Tensor>> {
  const extra = { session: { disable_quant_qdq: "1" } };
  const session = await ort.InferenceSession.create(bytes, { intraOpNumThreads: 1, logSeverityLevel: 4, extra });
  const { type, dims, data } = feedOf(record);
  const feeds: Record<string, ort.Tensor> = { [record.input.name]: new ort.Tensor(type as never, data as never, dims) };
  const [height, width] = dims.slice(2) as [number, number];
  const given: Record<string, ort.Tensor> = {
    orig_target_sizes: new ort.Tensor("int64", BigInt64Array.of(BigInt(width), BigInt(height)), [1, 2]),
    im_shape: new ort.Tensor("float32", Float32Array.of(height, width), [1, 2]),
    scale_factor: new ort.Tensor("float32", Float32Array.of(1, 1), [1, 2]),
  };
  for (const name of session.inputNames) feeds[name] ??= given[name]!;
  const found = await session.run(feeds);
  const outputs = session.outputNames.map((name): [string, Tensor] => {
    const { dims: size, data: values } = found[name]!;
    return [name, { dims: size, data: Float32Array.from(values as ArrayLike<number>, Number) }];
  });
  await session.release();
  return new Map(outputs);
}

/** Largest difference over the largest magnitude wanted. */
function distance(found: ArrayLike<number>, wanted: ArrayLike<number>): number {
  let largest = 0;
  let worst = found.length === wanted.length ? 0 : Number.NaN;
  for (let i = 0; i < wanted.length; i++) {
    largest = Math.max(largest, Math.abs(wanted[i]!));
    worst = Math.max(worst, Math.abs(found[i]! - wanted[i]!));
  }
  return worst / Math.max(largest, 1e-12);
}
