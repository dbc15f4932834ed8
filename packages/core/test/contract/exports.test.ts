import * as ort from "onnxruntime-node";
import { describe, expect, it } from "vitest";
import { floatTwin } from "../../src/autodiff/float-twin.js";
import { buildPrefix } from "../../src/onnx/cut.js";
import { encodeModel } from "../../src/onnx/encode.js";
import type { Model } from "../../src/onnx/model.js";
import { readModel } from "../../src/readers/read-model.js";
import { createOrtPort } from "../../src/runtime/ort-port.js";
import type { RuntimeTensor, RuntimeType } from "../../src/runtime/port.js";
import { SessionCache } from "../../src/runtime/sessions.js";
import { sizeOf, type Tensor } from "../../src/tensor/tensor.js";
import { backwardModelOf } from "../support/backward-run.js";
import {
  type ExportGradient,
  type ExportRecord,
  exportBytes,
  exportCotangent,
  exportInput,
  exportNames,
  exportRecord,
  typicalExports,
  unpack,
} from "../support/exports.js";
import { longUnless } from "../support/long.js";

interface Feed {
  readonly type: RuntimeType;
  readonly dims: readonly number[];
  readonly data: Float32Array | Uint8Array;
}

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

/** Forward and backward pass in the sessions that explanations use, of the image only. */
async function gradientsOf(file: Model, record: ExportRecord): Promise<Map<string, Tensor | undefined>> {
  const inputs = file.graph.inputs.filter(({ name }) => name === record.input.name);
  const model = { ...file, graph: { ...file.graph, inputs } };
  const { value, parts } = record.decoded;
  const outputs = value === null ? parts! : [value];
  const taps = record.gradients.map((gradient) => gradient.value);
  const backward = backwardModelOf(model, { taps, outputs });
  const port = createOrtPort(ort as never);
  const sessions = new SessionCache(port, { threads: 1 });
  try {
    const forward = await sessions.get("forward", () => buildPrefix(model, backward.saved, backward.forwardNodes));
    const { dims, type, data } = feedOf(record);
    const saved = await forward.run({ [record.input.name]: await port.upload(type, dims, data) }, backward.saved);
    const feeds: Record<string, RuntimeTensor> = { ...saved };
    for (const [i, seed] of seedsOf(record).entries()) {
      feeds[backward.seeds.get(outputs[i]!)!] = await port.upload("float32", seed.dims, seed.data);
    }
    const behind = await sessions.get("backward", () => backward.model);
    const read = backward.model.graph.inputs.map(({ name }) => [name, feeds[name]!] as const);
    const wanted = [...backward.gradients.values()].filter((gradient) => gradient !== null);
    const found = await behind.run(Object.fromEntries(read), wanted);
    const gradients = new Map<string, Tensor | undefined>();
    for (const [tap, gradient] of backward.gradients) {
      const tensor = found[gradient ?? ""];
      gradients.set(tap, tensor && { dims: tensor.dims, data: (await tensor.read()) as Float32Array });
    }
    return gradients;
  } finally {
    await sessions.dispose();
  }
}

/** The cotangent of the predictions, or of boxes and scores when they are two values. */
function seedsOf(record: ExportRecord): Tensor[] {
  const whole = exportCotangent(record);
  if (record.decoded.value !== null) return [whole];
  const [batch, rows, columns] = whole.dims as [number, number, number];
  const part = (from: number, to: number): Tensor => ({
    dims: [batch, rows, to - from],
    data: whole.data.filter((_, i) => i % columns >= from && i % columns < to),
  });
  return [part(0, 4), part(4, columns)];
}

function feedOf(record: ExportRecord): Feed {
  const { dims, data } = exportInput(record);
  if (record.input.type !== "uint8") return { type: "float32", dims, data: data as Float32Array };
  return { type: "uint8", dims, data: Uint8Array.from(data) };
}

/** The outputs by name, in the file's order. Quantised nodes run one by one: merged, they round otherwise in places. */
async function run(bytes: Uint8Array, record: ExportRecord): Promise<Map<string, Tensor>> {
  const extra = { session: { disable_quant_qdq: "1" } };
  const session = await ort.InferenceSession.create(bytes, { intraOpNumThreads: 1, logSeverityLevel: 4, extra });
  const { type, dims, data } = feedOf(record);
  const feeds: Record<string, ort.Tensor> = { [record.input.name]: new ort.Tensor(type as never, data as never, dims) };
  const [height, width] = dims.slice(2) as [number, number];
  const sizes = new ort.Tensor("int64", BigInt64Array.of(BigInt(width), BigInt(height)), [1, 2]);
  if (session.inputNames.includes("orig_target_sizes")) feeds.orig_target_sizes = sizes;
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

/** In the max norm: at the places that are told, and by the largest magnitude and the Euclidean norm of all. */
function gradientDistance(found: Tensor["data"], wanted: ExportGradient): number {
  const places = wanted.at ?? Array.from({ length: sizeOf(wanted.dims) }, (_, i) => i);
  const { data } = unpack({ dims: [places.length], data: wanted.data });
  let worst = Math.abs(Math.max(...found.map(Math.abs)) - wanted.max);
  for (const [i, place] of places.entries()) worst = Math.max(worst, Math.abs(found[place]! - data[i]!));
  return Math.max(worst / wanted.max, Math.abs(Math.hypot(...found) / wanted.norm - 1));
}
