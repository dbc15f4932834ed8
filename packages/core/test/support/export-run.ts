import * as ort from "onnxruntime-node";
import { buildPrefix } from "../../src/onnx/cut.js";
import type { Model } from "../../src/onnx/model.js";
import { createOrtPort } from "../../src/runtime/ort-port.js";
import type { RuntimeTensor, RuntimeType } from "../../src/runtime/port.js";
import { SessionCache } from "../../src/runtime/sessions.js";
import { sizeOf, type Tensor } from "../../src/tensor/tensor.js";
import { backwardModelOf } from "./backward-run.js";
import { type ExportGradient, type ExportRecord, exportCotangent, exportInput, unpack } from "./exports.js";

interface Feed {
  readonly type: RuntimeType;
  readonly dims: readonly number[];
  readonly data: Float32Array | Uint8Array;
}

/** Forward and backward pass in the sessions that explanations use, of the image only. */
export async function gradientsOf(file: Model, record: ExportRecord): Promise<Map<string, Tensor | undefined>> {
  const inputs = file.graph.inputs.filter(({ name }) => name === record.input.name);
  const model = { ...file, graph: { ...file.graph, inputs } };
  const seeds = exportSeeds(record);
  const outputs = Object.keys(seeds);
  const taps = record.gradients.map((gradient) => gradient.value);
  const backward = backwardModelOf(model, { taps, outputs });
  const port = createOrtPort(ort as never);
  const sessions = new SessionCache(port, { threads: 1 });
  try {
    const forward = await sessions.get("forward", () => buildPrefix(model, backward.saved, backward.forwardNodes));
    const { dims, type, data } = feedOf(record);
    const saved = await forward.run({ [record.input.name]: await port.upload(type, dims, data) }, backward.saved);
    const feeds: Record<string, RuntimeTensor> = { ...saved };
    for (const [output, seed] of Object.entries(seeds)) {
      feeds[backward.seeds.get(output)!] = await port.upload("float32", seed.dims, seed.data);
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

/** The cotangent of the predictions, or of boxes and scores when they are two values, by value. */
export function exportSeeds(record: ExportRecord): Record<string, Tensor> {
  const whole = exportCotangent(record);
  const { value, parts } = record.decoded;
  if (value !== null) return { [value]: whole };
  const [batch, rows, columns] = whole.dims as [number, number, number];
  const part = (from: number, to: number): Tensor => ({
    dims: [batch, rows, to - from],
    data: whole.data.filter((_, i) => i % columns >= from && i % columns < to),
  });
  const [boxes, scores] = parts!;
  return { [boxes]: part(0, 4), [scores]: part(4, columns) };
}

export function feedOf(record: ExportRecord): Feed {
  const { dims, data } = exportInput(record);
  if (record.input.type !== "uint8") return { type: "float32", dims, data: data as Float32Array };
  return { type: "uint8", dims, data: Uint8Array.from(data) };
}

/** In the max norm: at the places that are told, and by the largest magnitude and the Euclidean norm of all. */
export function gradientDistance(found: Tensor["data"], wanted: ExportGradient): number {
  const places = wanted.at ?? Array.from({ length: sizeOf(wanted.dims) }, (_, i) => i);
  const { data } = unpack({ dims: [places.length], data: wanted.data });
  let worst = Math.abs(Math.max(...found.map(Math.abs)) - wanted.max);
  for (const [i, place] of places.entries()) worst = Math.max(worst, Math.abs(found[place]! - data[i]!));
  return Math.max(worst / wanted.max, Math.abs(Math.hypot(...found) / wanted.norm - 1));
}
