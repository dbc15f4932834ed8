import { InferenceSession, Tensor as OrtTensor } from "onnxruntime-node";
import { describe, expect, it } from "vitest";
import { buildPrefix } from "../../src/onnx/cut.js";
import { encodeModel } from "../../src/onnx/encode.js";
import type { Model } from "../../src/onnx/model.js";
import { readModel } from "../../src/readers/read-model.js";
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
  unpack,
} from "../support/exports.js";

/** Gradients through float16 and through QLinear ops are not there yet. */
const UNDER_WAY = new Set(["v8-fp16", "11-fp16", "v8-half-inputs", "v8-qlinear", "v8-qlinear-all"]);

type Feeds = Record<string, OrtTensor>;

/** Relative to the largest magnitude. */
function toleranceOf({ precision }: ExportRecord): { readonly outputs: number; readonly gradients: number } {
  if (precision === undefined) return { outputs: 1e-4, gradients: 1e-4 };
  if (precision === "fp16") return { outputs: 5e-3, gradients: 5e-3 };
  return { outputs: 1e-4, gradients: 1e-3 };
}

describe.each(exportNames)("the export %s", (name) => {
  const record = exportRecord(name);
  const model = readModel(exportBytes(name));

  it("gives PyTorch's outputs after reading, normalising and encoding", async () => {
    const found = await run(encodeModel(model), feedOf(record), model);
    expect(Object.keys(found)).toEqual(record.outputs.map((output) => output.name));
    const original = isInteger(record) ? await run(exportBytes(name), feedOf(record), model) : undefined;
    for (const output of record.outputs) {
      const wanted = original?.[output.name] ?? tensorOf(unpack("same" in output ? record.decoded : output));
      expect(found[output.name]!.dims, output.name).toEqual(wanted.dims);
      const rows = (tensor: OrtTensor): ArrayLike<number> => tensor.data as Float32Array;
      expect(distance(rows(found[output.name]!), rows(wanted)), output.name).toBeLessThan(toleranceOf(record).outputs);
    }
  });

  it.skipIf(UNDER_WAY.has(name))(
    "has PyTorch's gradients at a backbone stage, a neck block and the first head input",
    async () => {
      if (record.precision === "int8 dynamic") {
        await expect(gradientsOf(model, record)).rejects.toThrow(/DynamicQuantizeLinear × 46 .*no gradient rule/);
        return;
      }
      const gradients = await gradientsOf(model, record);
      for (const wanted of record.gradients) {
        const found = gradients.get(wanted.value);
        expect(found?.dims, wanted.value).toEqual(wanted.dims);
        expect(gradientDistance(found!.data as Float32Array, wanted), wanted.value).toBeLessThan(
          toleranceOf(record).gradients,
        );
      }
    },
  );
});

function isInteger({ precision }: ExportRecord): boolean {
  return precision?.startsWith("int8") ?? false;
}

async function gradientsOf(model: Model, record: ExportRecord): Promise<Map<string, OrtTensor | undefined>> {
  const { value, parts } = record.decoded;
  const outputs = value === null ? parts! : [value];
  const taps = record.gradients.map((gradient) => gradient.value);
  const backward = backwardModelOf(model, { taps, outputs });
  const prefix = buildPrefix(model, backward.saved, backward.forwardNodes);
  const saved = await run(encodeModel(prefix), feedOf(record), prefix);
  const seeds = seedsOf(record);
  const fed = [...backward.seeds].map(([output, seed]) => [seed, tensorOf(seeds[outputs.indexOf(output)]!)]);
  const found = await run(encodeModel(backward.model), { ...saved, ...Object.fromEntries(fed) }, backward.model);
  return new Map([...backward.gradients].map(([tap, gradient]) => [tap, found[gradient ?? ""]]));
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

function feedOf(record: ExportRecord): Feeds {
  const { dims, data } = exportInput(record);
  const fed = record.input.type === "uint8" ? new OrtTensor("uint8", Uint8Array.from(data), dims) : undefined;
  return { [record.input.name]: fed ?? tensorOf({ dims, data }) };
}

function tensorOf({ dims, data }: Tensor): OrtTensor {
  return new OrtTensor("float32", data as Float32Array, dims);
}

/**
 * The outputs in the model's order, from a session that is released. Quantised nodes run one by one: where ONNX Runtime moves
 * them (opset 21, int8) it refuses what it made, and where it merges them results differ in the last step of rounding.
 */
async function run(bytes: Uint8Array, feeds: Feeds, { graph }: Model): Promise<Feeds> {
  const extra = { session: { disable_quant_qdq: "1" } };
  const session = await InferenceSession.create(bytes, { intraOpNumThreads: 1, logSeverityLevel: 4, extra });
  const asked = Object.fromEntries(Object.entries(feeds).filter(([name]) => session.inputNames.includes(name)));
  const found = await session.run(asked);
  const ordered = Object.fromEntries(graph.outputs.map(({ name }) => [name, found[name]! as OrtTensor]));
  await session.release();
  return ordered;
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
function gradientDistance(found: Float32Array, wanted: ExportGradient): number {
  const places = wanted.at ?? Array.from({ length: sizeOf(wanted.dims) }, (_, i) => i);
  const { data } = unpack({ dims: [places.length], data: wanted.data });
  let worst = Math.abs(found.reduce((top, value) => Math.max(top, Math.abs(value)), 0) - wanted.max);
  for (const [i, place] of places.entries()) worst = Math.max(worst, Math.abs(found[place]! - data[i]!));
  return Math.max(worst / wanted.max, Math.abs(Math.hypot(...found) / wanted.norm - 1));
}
